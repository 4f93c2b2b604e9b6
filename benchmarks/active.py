"""Does it help to plan whom to ask about what? Accuracy after so many further labels, chosen in four ways.

All ways see the same crowd and the same labels to come: what annotator a says of item i is drawn once, whoever asks.
Labels are asked for in batches, all is fitted again after each, and nobody gives more labels than he is there for.
  random  any item, any annotator      least sure  the least sure items, any annotator
  best    the least sure items, the most reliable annotators in turn      ours  `crowdtune.metrics.ask.plan`
With a file that has gold: three labels per item are kept, the others are held back and revealed as they are asked for.
`python benchmarks/active.py [--seeds 12] [FILE]`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.metrics.ask import plan
from crowdtune.metrics.more import Standing, standing
from crowdtune.read import read

STARTS = 2  # labels per item of planted crowds before anybody is chosen
HELD = 3  # of a file
BATCHES = 5
CROWDS = {
    "mixed, 0.55 to 0.95": lambda rng: rng.uniform(0.55, 0.95, size=40),
    "alike, all 0.75": lambda rng: np.full(40, 0.75),
    "a quarter guesses": lambda rng: np.where(rng.random(40) < 0.25, 0.5, 0.85),
    "a tenth lies": lambda rng: np.where(rng.random(40) < 0.1, 0.15, 0.8),
}
Chosen = list[tuple[int, int]]
Way = Callable[[Standing, int, Ints, dict[int, Ints], np.random.Generator], Chosen]


def _one_each(
    items: Sequence[int], count: int, left: Ints, offered: dict[int, Ints], pick: Callable[[Ints], int]
) -> Chosen:
    """Go through the items, picking one of who is free for each, until there are enough."""
    left, chosen = left.copy(), Chosen()
    for i in items:
        free = offered[i][left[offered[i]] > 0]
        if len(chosen) < count and len(free):
            who = pick(free)
            left[who] -= 1
            chosen.append((i, who))
    return chosen


def at_random(at: Standing, count: int, left: Ints, offered: dict[int, Ints], rng: np.random.Generator) -> Chosen:
    """Any item, any annotator."""
    return _one_each(rng.permutation(list(offered)).tolist(), count, left, offered, lambda free: int(rng.choice(free)))


def _least_sure(at: Standing, offered: dict[int, Ints]) -> list[int]:
    return sorted(offered, key=lambda i: float(at.posterior[i].max()))


def least_sure(at: Standing, count: int, left: Ints, offered: dict[int, Ints], rng: np.random.Generator) -> Chosen:
    """The least sure items, any annotator."""
    return _one_each(_least_sure(at, offered), count, left, offered, lambda free: int(rng.choice(free)))


def best(at: Standing, count: int, left: Ints, offered: dict[int, Ints], rng: np.random.Generator) -> Chosen:
    """The least sure items, the most reliable annotator who is free."""
    trust = at.reliability.mean(axis=0)
    return _one_each(_least_sure(at, offered), count, left, offered, lambda free: int(free[trust[free].argmax()]))


def ours(at: Standing, count: int, left: Ints, offered: dict[int, Ints], rng: np.random.Generator) -> Chosen:
    """The pairs that are expected to tell most."""
    made = plan(at, count, left, rng, offered=offered)
    return list(zip(made.item.tolist(), made.annotator.tolist(), strict=True))


WAYS: dict[str, Way] = {"random": at_random, "least sure": least_sure, "best": best, "ours": ours}


def path(whole: Annotations, kept: Ints, way: Way, budget: int, most: Ints, rng: np.random.Generator) -> list[float]:
    """Accuracy at the start and after each batch, when labels are revealed as they are asked for.

    Args:
        whole: all labels there are, with gold.
        kept: rows known from the start.
        way: chooses.
        budget: labels asked for in all.
        most: (J,) labels each annotator gives.
        rng: of what the way draws.
    """
    gold, known = whole.items.gold, np.zeros(len(whole), dtype=bool)
    known[kept] = True
    row = {(int(i), int(j)): n for n, (i, j) in enumerate(zip(whole.item, whole.annotator, strict=True))}
    blind, left, accuracy = replace(whole, items=replace(whole.items, gold=gold * 0 - 1)), most.copy(), list[float]()
    for step in range(BATCHES + 1):
        at = standing(blind.take_labels(np.flatnonzero(known)), np.random.default_rng(0))
        accuracy.append(float((at.posterior.argmax(axis=1) == gold)[gold >= 0].mean()))
        if step == BATCHES:
            return accuracy
        hidden = np.flatnonzero(~known)
        hidden = hidden[np.argsort(whole.item[hidden], kind="stable")]
        items, first = np.unique(whole.item[hidden], return_index=True)
        offered = dict(zip(items.tolist(), np.split(whole.annotator[hidden], first[1:]), strict=True))
        for i, j in way(at, budget // BATCHES, left, offered, rng):
            known[row[i, j]] = True
            left[j] -= 1
    raise AssertionError


def planted(trust: Floats, items: int, rng: np.random.Generator) -> tuple[Annotations, Ints]:
    """What everybody would say of every item, and the rows known at the start."""
    truth, j = rng.integers(2, size=items), len(trust)
    names, none = [f"i{i}" for i in range(items)], np.zeros(items, dtype=np.int64)
    made = Items(names, names, [("no", "yes")], none, ["t"], none, truth, [""] * items)
    item, who = np.repeat(np.arange(items), j), np.tile(np.arange(j), items)
    label = np.where(rng.random(len(item)) < trust[who], truth[item], 1 - truth[item])
    kept = rng.random((items, j)).argsort(axis=1)[:, :STARTS] + np.arange(items)[:, None] * j
    return Annotations(made, [f"a{a}" for a in range(j)], item, who, label), kept.ravel()


def _table(name: str, found: Floats, budget: int) -> None:
    """Mean accuracy of each way after each batch, and how far each is from ours with a paired 95 % interval.

    Args:
        name: of the crowd.
        found: (seeds, ways, batches + 1) accuracy.
        budget: labels asked for in all.
    """
    print(f"{name}: accuracy after further labels, mean of {len(found)} seeds")
    print("  " + " ".join(["way".ljust(11), *(f"{b * budget // BATCHES:6}" for b in range(BATCHES + 1))]), " ours - it")
    for w, way in enumerate(WAYS):
        apart = found[:, -1, -1] - found[:, w, -1]
        reach = 1.96 * apart.std(ddof=1) / np.sqrt(len(apart))
        cells = " ".join(f"{v:6.3f}" for v in found[:, w].mean(axis=0))
        print(f"  {way:11} {cells}  {apart.mean():+.3f} +- {reach:.3f}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("file", type=Path, nargs="?", help="labels with gold, ten per item")
    args = parser.parse_args()
    for name, trusts in CROWDS.items() if args.file is None else ():
        found = []
        for seed in range(args.seeds):
            rng = np.random.default_rng(seed)
            whole, kept = planted(trusts(rng), args.items, rng)
            most = np.full(40, 2 * args.budget // 40)
            found.append([path(whole, kept, way, args.budget, most, rng) for way in WAYS.values()])
        _table(name, np.array(found), args.budget)
    if args.file is not None:
        whole, _ = read(args.file)
        found = []
        for seed in range(args.seeds):
            rng = np.random.default_rng(seed)
            order = np.lexsort((rng.random(len(whole)), whole.item))
            start = np.concatenate([[0], np.cumsum(whole.labels_per_item)])[:-1]
            kept = order[np.arange(len(whole)) - start[whole.item[order]] < HELD]
            own = [path(whole, kept, way, args.budget, whole.labels_per_annotator, rng) for way in WAYS.values()]
            found.append(own)
        _table(args.file.name, np.array(found), args.budget)


if __name__ == "__main__":
    main()
