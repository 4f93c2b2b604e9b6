"""The grids of `crowdtune bench robustft` by name: one given label an item, a share of them wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from crowdtune.bench.grid import HEAD, Cell, Pairs
from crowdtune.bench.presets import LM_TRAINING, Grid, Preset, plain
from crowdtune.bench.untrained import UNTRAINED

OURS = "robustft"
TRAINED = ("noisy", "self-label", "self-select", "confident-learning", "noise-al", "joint", "oracle")
COMPARED = (OURS, *TRAINED, *UNTRAINED)
FEW = (OURS, "noisy", "confident-learning", "zero-shot", "oracle")
SHARED = ("confident-learning", "noise-al")  # methods with a classifier, which needs the same choices on all items
LEVELS = (0, 30, 50, 70)  # labels of a hundred that are wrong
SHARES = ("0.2", "0.4", "0.6", "0.8", "1")  # beta
NEIGHBOURS = ("1", "3", "5", "10")  # k
CHANGED = (  # one part of the method left out, or done another way
    (("selection", "false"),),
    (("bounded", "false"),),
    (("classifier", "false"),),
    (("zero_shot", "false"),),
    (("context", "false"),),
    (("checker", "checker"),),
    (("checker", "strict"),),
)

# How the untrained head knows a choice: by a sentence that would have it. Of seven wordings tried the second best.
WORDING = "Profit and sales decreased.|The company describes its business.|Profit and sales increased."
REPHRASED = (
    "bad results, a loss|a description of the company|good results, growth",
    "Sentiment of negative|Sentiment of neutral|Sentiment of positive",
)


def _described(words: str) -> Pairs:
    return (("template", "{prompt}"), ("described", words))


FPB = Cell("fpb", HEAD, training=_described(WORDING))
WORDS = Cell("words", HEAD, trained=1024, held_out=2000)
GRADES = Cell("grades", HEAD, trained=2000, held_out=3000)
LLAMA, GEMMA = "meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-9b-it"
PAPER_TRAINING = (("chat", "true"), ("lora", "true"), ("epochs", "2"), ("learning_rate", "1e-4"))


def at(base: Cell, levels: Iterable[int] = LEVELS) -> tuple[Cell, ...]:
    """The same cell at several levels of noise."""
    return tuple(replace(base, distribution=f"noisy{level}") for level in levels)


def _ours(several: Iterable[Pairs]) -> tuple[Cell, ...]:
    return tuple(Cell("", "", OURS, options=options) for options in several)


def _sensitivity() -> tuple[Cell, ...]:
    """Beta as in the paper, without the bound on what is dropped; and k."""
    beta = [(("beta", value), ("bounded", "false")) for value in SHARES]
    return _ours(beta) + _ours((("k", value),) for value in NEIGHBOURS)


def _cpu() -> Preset:
    rephrased = tuple(cell for words in REPHRASED for cell in at(replace(FPB, training=_described(words))))
    return Preset(
        (
            Grid(at(FPB), plain(COMPARED)),
            Grid(at(FPB, (30, 50)), _sensitivity()),
            Grid(at(FPB), _ours(CHANGED)),
            Grid(rephrased, plain(FEW)),
        ),
        seeds=5,
    )


def _bundled() -> Preset:
    return Preset((Grid(at(WORDS) + at(GRADES), plain(COMPARED)),), seeds=5)


def _cpu_lm() -> Preset:
    training = tuple(
        (name, "Sentiment of this news: {prompt}\nThe sentiment is" if name == "template" else value)
        for name, value in LM_TRAINING
    )
    base = Cell("fpb", "embedded", trained=600, held_out=300, training=training)
    return Preset((Grid(at(base, (50,)), plain(FEW)),), seeds=1)


def _tiny() -> Preset:
    base = replace(WORDS, trained=160, held_out=200, training=(("epochs", "8"), ("points", "4")))
    return Preset((Grid(at(base, (30,)), plain(("noisy", "confident-learning", "zero-shot", "constant"))),), seeds=2)


def _paper(model: str) -> Callable[[], Preset]:
    """The paper's table 1, and on two data sets its ablation and sensitivity."""

    def preset() -> Preset:
        base = Cell("", model, training=PAPER_TRAINING)
        mmlu, drop = (replace(base, data=data, trained=4000, held_out=1000) for data in ("mmlu", "drop"))
        arc, abstracts, news = (replace(base, data=data) for data in ("arc", "pubmedqa", "fpb"))
        shared = tuple(cell for data in (abstracts, news) for cell in at(data))
        own = tuple(cell for data in (mmlu, arc, drop) for cell in at(data))
        return Preset(
            (
                Grid(shared, plain(COMPARED)),
                Grid(own, plain(name for name in COMPARED if name not in SHARED)),
                Grid(at(mmlu, (30,)) + at(arc, (30,)), _ours(CHANGED) + _sensitivity()),
            ),
            seeds=5,
        )

    return preset


ROBUSTFT: dict[str, Callable[[], Preset]] = {
    "tiny": _tiny,
    "cpu": _cpu,
    "bundled": _bundled,
    "cpu-lm": _cpu_lm,
    "llama-3.1-8b": _paper(LLAMA),
    "gemma-2-9b": _paper(GEMMA),
}
