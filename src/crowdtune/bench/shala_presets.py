"""The grids of `crowdtune bench shala` by name: what people said of each item is the truth, disagreement included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from crowdtune.bench.grid import HEAD, PEOPLE, Cell, Pairs
from crowdtune.bench.people import MADE
from crowdtune.bench.presets import LM_TRAINING, Grid, Preset, plain
from crowdtune.errors import InputError

OURS = "shala"
LOSSES = ("js-distance", "js-divergence", "kl", "cross-entropy", "policy")
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
SOME = (*_ours(loss=LOSSES), *_ours(ambiguity_weight=("0", "1"), dynamic=("false",)))


def _head(data: str, **training: str) -> Cell:
    return Cell(data, HEAD, distribution=PEOPLE, training=tuple(training.items()))


AS_IT_IS = "{prompt}"
FIRST_1500 = {"trained": 900, "held_out": 300}
NLI = tuple(_head(name, pairs="true") for name in ("chaosnli_snli", "chaosnli_mnli_m"))
TWEETS = _head("hs_brexit", template=AS_IT_IS), replace(_head("md_agreement", template=AS_IT_IS), **FIRST_1500)
TURNS = replace(_head("convabuse", template=AS_IT_IS), **FIRST_1500)
WORDS = _head("words")
EMOTIONS = _head("emotions", template=AS_IT_IS)


def presets(named: Iterable[str] = ()) -> dict[str, Callable[[], Preset]]:
    """The presets by name.

    Args:
        named: data sets the user has files of, for the preset of that name.
    """
    return {"tiny": _tiny, "bundled": _bundled, "cpu": _cpu, "cpu-lm": _cpu_lm, "named": lambda: _named(tuple(named))}


def _tiny() -> Preset:
    training = (("epochs", "8"), ("points", "4"))
    base = Cell("words", HEAD, distribution=PEOPLE, trained=180, held_out=60, training=training)
    return Preset((Grid((base,), FEW),), seeds=2)


def _bundled() -> Preset:
    """What needs no file."""
    return Preset((Grid((WORDS,), (*BASELINES, *plain((OURS,)), *EVERY)), _short((EMOTIONS,))), seeds=3)


def _cpu() -> Preset:
    return Preset((*_bundled().grids, _short((*NLI, *TWEETS, TURNS))), seeds=3)


def _cpu_lm() -> Preset:
    training = (*LM_TRAINING, ("points", "6"))
    base = Cell("words", "embedded", distribution=PEOPLE, trained=600, held_out=200, training=training)
    return Preset((Grid((base,), (*BASELINES, *plain((OURS,)))),), seeds=1)


def _named(data: tuple[str, ...]) -> Preset:
    """Files of the user's own, GoEmotions or MSP-Podcast among them."""
    wanted = [name for name in data if name not in MADE]
    if not wanted:
        raise InputError("preset 'named' runs on files you name. Name one or more: --data goemotions=FILE.")
    return Preset((_short(tuple(_head(name, template=AS_IT_IS) for name in wanted)),), seeds=3)


def _short(conditions: tuple[Cell, ...]) -> Grid:
    return Grid(conditions, (*BASELINES, *plain((OURS,)), *SOME))
