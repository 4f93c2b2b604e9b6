"""The grids by name: which cells each has, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crowdtune.bench.data import Paths, missing, parts, source
from crowdtune.bench.grid import HEAD, Cell
from crowdtune.errors import InputError, unknown_name
from crowdtune.names import known
from crowdtune.simulate import NOISES

METHODS = ("noisy", "majority", "dawid-skene", "crowdlab", "crowd-layer", "realm", "joint", "oracle")
ALONE = tuple(name for name in METHODS if name != "crowdlab")  # those that one label per item is enough for
QUESTIONS = ("noisy", "majority", "realm", "joint", "oracle")  # those that need no choices all items share
COMPARED = ("noisy", "realm", "joint", "oracle")
SINGLE = ("dist1", "dist2", "dist3")
CLEAN = "0.9,0.9,0.9"
COUNTS = tuple(f"linspace:0.9:0.1:{count}" for count in (3, 5, 10))
RATES = (1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 0.5)
PAPER_RATES = (1e-3, 1e-2, 5e-2, 1e-1, 5e-1)  # the paper has five; their values are ours
UNFROZEN = (("frozen_steps", "0"),)  # as in the paper

WORDS = Cell("words", HEAD, trained=1024, held_out=4000)
GRADES = Cell("grades", HEAD, trained=2000, held_out=5000)
LM_TRAINING = (
    ("template", "Sentiment of {prompt}:"),
    ("style", "words"),
    ("epochs", "1"),
    ("batch_size", "64"),
    ("accumulation", "1"),
    ("learning_rate", "4e-5"),
)
LM_WORDS = Cell("words", "embedded", trained=1024, held_out=3000, training=LM_TRAINING)
LM_GRADES = Cell("grades", "embedded", trained=2000, held_out=3000, training=LM_TRAINING)
T5_TRAINING = (("style", "letters"), ("epochs", "3"), ("learning_rate", "1e-4"), ("points", "9"))


@dataclass(frozen=True)
class Grid:
    """Conditions times methods.

    Args:
        conditions: cells without method and seed.
        variants: cells whose method, options and expertise learning rate each condition is run with.
    """

    conditions: tuple[Cell, ...]
    variants: tuple[Cell, ...]


@dataclass(frozen=True)
class Preset:
    """Several grids and how often each cell is repeated."""

    grids: tuple[Grid, ...]
    seeds: int


def cells(
    name: str,
    paths: Paths,
    *,
    methods: Sequence[str] = (),
    seeds: int = 0,
    presets: Mapping[str, Callable[[], Preset]] | None = None,
    untrained: Iterable[str] = (),
) -> list[Cell]:
    """The cells of a preset, each once, one condition after the other.

    Args:
        name: of the preset.
        paths: name -> local file of a data set.
        methods: only these; () = the preset's own.
        seeds: how many; 0 = the preset's own number.
        presets: where the name is looked up; None = REALM's.
        untrained: names of methods that train nothing.
    """
    presets = PRESETS if presets is None else presets
    if name not in presets:
        raise unknown_name("preset", name, presets)
    offered = [*known("crowdtune.methods"), *untrained]
    for method in methods:
        if method not in offered:
            raise unknown_name("method", method, offered)
    preset = presets[name]()
    named = {condition.data for grid in preset.grids for condition in grid.conditions}
    used = {part for data in named for part in parts(data)}
    for unused in paths.keys() - used:
        raise unknown_name(f"data set of preset {name}", unused, used)
    missing(named, paths)
    sources = {data: source(data, paths) for data in named}
    made = [
        replace(
            condition,
            method=variant.method,
            options=variant.options,
            expertise_learning_rate=variant.expertise_learning_rate,
            seed=seed,
            source=sources[condition.data],
        )
        for grid in preset.grids
        for condition in grid.conditions
        for variant in grid.variants
        for seed in range(seeds or preset.seeds)
        if not methods or variant.method in methods
    ]
    if not made:
        raise InputError(f"preset '{name}' has no cell with method {', '.join(methods)}.")
    return list(dict.fromkeys(made))


def plain(methods: Iterable[str]) -> tuple[Cell, ...]:
    """Variants with a method's own options."""
    return tuple(Cell("", "", method) for method in methods)


def _crowds(base: Cell, noises: Iterable[str], overlaps: Sequence[str], dists: Iterable[str]) -> tuple[Cell, ...]:
    return tuple(
        replace(base, distribution=dist, noise=noise, overlap=overlap)
        for overlap in overlaps
        for noise in noises
        for dist in dists
    )


def _cpu() -> Preset:
    grids = []
    for overlap, methods in (("shared", METHODS), ("exclusive", ALONE)):
        words = _crowds(WORDS, ["uniform"], [overlap], [*SINGLE, CLEAN])  # with two choices the noises coincide
        grades = _crowds(GRADES, NOISES, [overlap], SINGLE) + _crowds(GRADES, ["uniform"], [overlap], [CLEAN])
        grids.append(Grid(words + grades, plain(methods)))
    return Preset(tuple(grids), seeds=3)


def _cpu_lm() -> Preset:
    conditions = (
        replace(LM_WORDS, distribution="dist1"),
        replace(LM_WORDS, distribution="dist3"),
        replace(LM_WORDS, distribution="dist1", overlap="exclusive"),
        replace(LM_GRADES, distribution="dist1"),
        replace(LM_GRADES, distribution="dist1", noise="asymmetric"),
        replace(LM_GRADES, distribution="dist3", noise="systematic"),
    )
    return Preset((Grid(conditions, plain(COMPARED)),), seeds=2)


def _rates(rates: Iterable[float]) -> tuple[Cell, ...]:
    return tuple(
        Cell("", "", "realm", expertise_learning_rate=rate, options=options)
        for options in (UNFROZEN, ())
        for rate in rates
    )


def _ablation() -> Preset:
    crowds = (replace(WORDS, distribution="dist1"), replace(GRADES, distribution="dist1"))
    counts = tuple(cell for base in (WORDS, GRADES) for cell in _crowds(base, ["uniform"], ["shared"], COUNTS))
    flat = plain(method for method in COMPARED if method != "realm")
    return Preset((Grid(crowds, _rates(RATES) + flat), Grid(counts, plain(COMPARED))), seeds=3)


def _tiny() -> Preset:
    base = replace(WORDS, trained=192, held_out=256, training=(("epochs", "8"), ("points", "4")))
    return Preset((Grid((base, replace(base, overlap="exclusive")), plain(("noisy", "realm", "oracle"))),), seeds=2)


def _flan_t5(size: str) -> Callable[[], Preset]:
    """The paper's tables: single-task, multi-task, expertise learning rates, numbers of annotators; all are curves."""

    def preset() -> Preset:
        base = Cell("", f"google/flan-t5-{size}", training=T5_TRAINING)
        questions = [replace(base, data=name) for name in ("arc", "obqa", "riddlesense")]
        abstracts, pairs = replace(base, data="pubmedqa"), replace(base, data="piqa")
        several = replace(base, data="arc+obqa+riddlesense")
        single = [
            cell
            for data in (*questions, pairs, abstracts)
            for cell in _crowds(data, ["uniform"] if data is pairs else NOISES, ["shared"], SINGLE)
        ]
        multi = _crowds(several, NOISES, ["shared"], ["multi1", "multi2", "multi3"])
        crowds = [replace(data, distribution="dist1") for data in (*questions, pairs, abstracts)]
        counts = [
            cell for data in (*questions, pairs, abstracts) for cell in _crowds(data, ["uniform"], ["shared"], COUNTS)
        ]
        return Preset(
            (
                Grid((*single, *multi), plain(QUESTIONS)),
                Grid(tuple(crowds), _rates(PAPER_RATES)),
                Grid(tuple(counts), plain(COMPARED)),
            ),
            seeds=5,
        )

    return preset


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": _tiny,
    "cpu": _cpu,
    "cpu-lm": _cpu_lm,
    "ablation": _ablation,
    "flan-t5-small": _flan_t5("small"),
    "flan-t5-base": _flan_t5("base"),
    "flan-t5-large": _flan_t5("large"),
}
