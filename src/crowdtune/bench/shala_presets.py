"""The grids of `crowdtune bench shala` by name: what people said of each item is the truth, disagreement included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from crowdtune.bench.data import MADE
from crowdtune.bench.grid import HEAD, PEOPLE, Cell, Pairs
from crowdtune.bench.presets import LM_TRAINING, Grid, Preset, plain
from crowdtune.errors import InputError

OURS = "shala"
LOSSES = ("js-distance", "kl", "cross-entropy", "policy", "js-divergence")  # the last is the default
SMOOTHED = "0.1"  # of the majority label
BASELINES = (*plain(("zero-shot", "majority")), Cell("", "", "majority", options=(("smoothing", SMOOTHED),)))
BASELINES += plain(("soft", "sampled"))
FEW = plain(("zero-shot", "majority", "soft", OURS))


def _ours(**several: Iterable[str]) -> tuple[Cell, ...]:
    """Our method with every combination of some options."""
    made: list[Pairs] = [()]
    for name, values in several.items():
        made = [(*options, (name, value)) for options in made for value in values]
    return tuple(Cell("", "", OURS, options=options) for options in made)


EVERY = (  # each loss with and without weight on the ambiguous, the weight fixed or with the gap
    *_ours(loss=LOSSES, ambiguity_weight=("0",)),
    *_ours(loss=LOSSES, ambiguity_weight=("1",), dynamic=("false", "true")),
)
SOME = (*_ours(loss=LOSSES[:-1]), *_ours(ambiguity_weight=("0",)), *_ours(dynamic=("false",)))
NAMED = (*SOME, *_ours(weighting=("even",)))  # where annotators are named, they are weighted unless this is said


def _head(data: str, **training: str) -> Cell:
    return Cell(data, HEAD, distribution=PEOPLE, training=tuple(training.items()))


def _some(data: str) -> Cell:
    """1,500 items of a data set."""
    return replace(_head(data, template=AS_IT_IS), trained=900, held_out=300)


AS_IT_IS = "{prompt}"
NLI = tuple(_head(name, pairs="true") for name in ("chaosnli_snli", "chaosnli_mnli_m"))
TWEETS = _head("hs_brexit", template=AS_IT_IS), _some("md_agreement")
TURNS = _some("convabuse")
WORDS = _head("words")
EMOTIONS = _head("emotions", template=AS_IT_IS)


def presets(named: Iterable[str] = ()) -> dict[str, Callable[[], Preset]]:
    """The presets by name.

    Args:
        named: data sets the user has files of, for the preset of that name.
    """
    return {
        "tiny": _tiny,
        "bundled": _bundled,
        "cpu": _cpu,
        "cpu-lm": _cpu_lm,
        "rl": _rl,
        "named": lambda: _named(tuple(named)),
    }


def _tiny() -> Preset:
    training = (("epochs", "8"), ("points", "4"), ("learning_rate", "0.1"))
    base = Cell("words", HEAD, distribution=PEOPLE, trained=180, held_out=60, training=training)
    return Preset((Grid((base,), (*FEW, *_ours(loss=LOSSES[:1]))),), seeds=2)


def _bundled() -> Preset:
    """What needs no file."""
    return Preset((Grid((WORDS,), (*BASELINES, *plain((OURS,)), *EVERY)), _short((EMOTIONS,))), seeds=3)


def _cpu() -> Preset:
    return Preset((*_bundled().grids, _short(NLI), _short((*TWEETS, TURNS), NAMED)), seeds=3)


def _cpu_lm() -> Preset:
    training = dict(LM_TRAINING) | {"epochs": "4", "batch_size": "32", "points": "6"}
    base = Cell("words", "embedded", distribution=PEOPLE, trained=600, held_out=200, training=tuple(training.items()))
    methods = plain(("zero-shot", "majority", "soft", "sampled", OURS))
    return Preset((Grid((base,), (*methods, *_ours(loss=LOSSES[:1]))),), seeds=1)


def _rl() -> Preset:
    """Models that write distributions, rewarded or shown them, and the exact path; as many updates each."""
    training = (("template", "Sentiment of word: {prompt}"), ("batch_size", "12"), ("points", "5"))
    base = Cell("words", "embedded", distribution=PEOPLE, trained=720, held_out=150, training=training)
    exact = (("accumulation", "1"), ("epochs", "1"), ("style", "words"), ("learning_rate", "4e-5"))
    rewarded = Cell("", "", "shala-rl"), Cell("", "", "shala-rl", options=(("ambiguity_weight", "0"),))
    return Preset(
        (
            Grid((base,), (*plain(("shala-verbal",)), *rewarded)),
            Grid((replace(base, training=training + exact),), plain(("zero-shot", "majority", "soft", OURS))),
        ),
        seeds=1,
    )


def _named(data: tuple[str, ...]) -> Preset:
    """Files of the user's own, GoEmotions or MSP-Podcast among them."""
    wanted = [name for name in data if name not in MADE]
    if not wanted:
        raise InputError("preset 'named' runs on files you name. Name one or more: --data goemotions=FILE.")
    return Preset((_short(tuple(_head(name, template=AS_IT_IS) for name in wanted), NAMED),), seeds=3)


def _short(conditions: tuple[Cell, ...], changed: tuple[Cell, ...] = SOME) -> Grid:
    return Grid(conditions, (*BASELINES, *plain((OURS,)), *changed))
