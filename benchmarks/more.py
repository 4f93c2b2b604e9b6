"""Are forecasts of `crowdtune more` right? On simulated crowds, and on a real one by keeping few of its labels.

Simulated: how often the labels needed to be right on 95 % of the items lie in the stated 90 % interval. With a file
that has gold: what is foreseen from three labels per item for five and ten, beside what comes about, without gold
answers, and with those of 100 items. `python benchmarks/more.py [-n CROWDS] [FILE]`
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.aggregate import aggregator
from crowdtune.annotations import Annotations, Items
from crowdtune.metrics import more
from crowdtune.metrics.accuracy import accuracy
from crowdtune.read import read
from crowdtune.simulate import simulate

GOLD = 100  # items whose gold answer is shown
DRAWS = 10  # of three labels per item


def plain_items(gold: np.ndarray) -> Items:
    """Items of one task with the choices no and yes."""
    n, none = len(gold), np.zeros(len(gold), dtype=np.int64)
    names = [f"i{i}" for i in range(n)]
    return Items(names, names, [("no", "yes")], none, ["t"], none, gold, [""] * n)


def simulated(rng: np.random.Generator, target: float = 0.95) -> tuple[bool, float, bool]:
    """One crowd: whether the labels it took are in the interval, their ratio to the median, accuracy now likewise."""
    reliability, truth = rng.beta(6, 2, size=60), rng.integers(2, size=300)
    annotations = simulate(plain_items(truth), reliability, overlap="3", rng=rng)
    at = more.standing(replace(annotations, items=plain_items(np.full(300, -1))), rng)
    low, middle, high = more.further(at, target, at.share, rng).quantiles()
    asked, reached = more.until(at, target, at.share, (reliability, truth, truth), rng)
    taken = float(asked.sum()) if reached else np.inf
    now, right = more.now(at, rng), (at.posterior.argmax(axis=1) == truth).mean()
    inside = bool(np.quantile(now, 0.025) <= right <= np.quantile(now, 0.975))
    return low <= taken <= high, taken / max(middle, 1), inside


def subsampled(annotations: Annotations, gold: int) -> list[tuple[float, float, float, float]]:
    """At 3, 5 and 10 labels per item: accuracy foreseen from 3, ends of its 90 %, and as it is; means over draws."""
    rows = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        thin = annotations.thin(3, rng)
        shown = np.full(len(thin.items), -1)
        some = rng.permutation(len(shown))[:gold]
        shown[some] = thin.items.gold[some]
        at = more.standing(replace(thin, items=replace(thin.items, gold=shown)), rng)
        for labels in (3, 5, 10):
            found = more.after(at, labels - 3, rng) if labels > 3 else more.now(at, rng)
            kept = annotations.thin(labels, np.random.default_rng(seed))
            right = accuracy(aggregator("one-coin").fit(kept).posterior, annotations.items.gold)
            rows.append((float(found.mean()), *np.quantile(found, [0.05, 0.95]).tolist(), right))
    table = np.array(rows).reshape(DRAWS, 3, 4).mean(axis=0)
    return [(a, b, c, d) for a, b, c, d in table.tolist()]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", "--crowds", type=int, default=100)
    parser.add_argument("file", type=Path, nargs="?", help="labels with gold, ten per item")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    found = np.array([simulated(rng) for _ in range(args.crowds)], dtype=np.float64)
    print(f"{args.crowds} simulated crowds: labels needed in the 90 % interval for {found[:, 0].mean():.0%} of them,")
    print(
        f"needed / foreseen, median {np.median(found[:, 1]):.2f}; accuracy now in its 95 % for {found[:, 2].mean():.0%}"
    )
    if args.file:
        annotations, _ = read(args.file)
        for gold in (0, GOLD):
            print(f"{args.file.name}, {gold} gold answers shown: labels per item, foreseen (90 %), as it is")
            for labels, (mean, low, high, right) in zip((3, 5, 10), subsampled(annotations, gold), strict=True):
                print(f"  {labels:2}  {mean:.3f} ({low:.3f} to {high:.3f})  {right:.3f}")


if __name__ == "__main__":
    main()
