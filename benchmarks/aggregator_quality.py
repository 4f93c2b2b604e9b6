"""How right aggregators are, how sure they are of it, and whether their intervals of annotators cover.

Labels: crowds of six sizes as zipf_crowd makes them, and the file of a real crowd with gold, also thinned to fewer
labels an item. Of each aggregator: accuracy (a tie counts in shares), the gap (mean highest probability less accuracy;
above 0 is over-confident) and whether it is below majority vote by more than two standard errors of the difference
over items.

Intervals: of crowds whose reliabilities are planted, the share of annotators with five labels or more whose 95 %
interval holds theirs, and its mean width.

`python benchmarks/aggregator_quality.py [FILE] [-o OUT.json]`
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from zipf_crowd import THIN_AND_FULL, zipf_crowd

from crowdtune.aggregate import aggregator, intervals, names
from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.errors import InputError
from crowdtune.read import read
from crowdtune.simulate import simulate

SNOW = Path("../shared/data/crowd/snow_rte.jsonl.gz")
SURE = 2.0  # standard errors
FEWEST = 5  # labels of an annotator whose interval is judged


def right(posterior: Floats, annotations: Annotations) -> Floats:
    """(I',) how right each labelled item with gold is; a tie of two is half right."""
    judged = (annotations.items.gold >= 0) & (annotations.labels_per_item > 0)
    rows, gold = posterior[judged], annotations.items.gold[judged]
    top = np.isclose(rows, rows.max(axis=1, keepdims=True)) & annotations.items.choice_mask[judged]
    return np.asarray(top[np.arange(len(rows)), gold] / top.sum(axis=1))


def quality(crowds: list[Annotations], where: str) -> list[dict[str, Any]]:
    """A row per aggregator, over some crowds of one kind."""
    rightness, surest = defaultdict[str, list[Floats]](list), defaultdict[str, list[Floats]](list)
    for crowd in crowds:
        for name in names():
            try:
                posterior = aggregator(name).fit(crowd).posterior
            except InputError:
                continue  # not for such choices
            rightness[name].append(right(posterior, crowd))
            surest[name].append(posterior[crowd.labels_per_item > 0].max(axis=1))
    vote = np.concatenate(rightness["majority"])
    rows = []
    for name, values in rightness.items():
        found = np.concatenate(values)
        gain = found - vote
        worse = bool(gain.mean() < -SURE * gain.std() / np.sqrt(len(gain)))
        accuracy = float(found.mean())
        gap = float(np.concatenate(surest[name]).mean()) - accuracy
        rows.append({"crowd": where, "method": name, "accuracy": accuracy, "gap": gap, "below_majority": worse})
        print(f"  {name:22} {accuracy:.4f}  {gap:+.4f}{'  below majority' if worse else ''}", flush=True)
    return rows


def plain_items(gold: np.ndarray, k: int) -> Items:
    """Items of one task with k choices."""
    n, none = len(gold), np.zeros(len(gold), dtype=np.int64)
    ids = [f"i{i}" for i in range(n)]
    return Items(ids, ids, [tuple("abcde"[:k])], none, ["t"], none, gold, [""] * n)


def planted(k: int, per_item: int, annotators: int, drawn: Callable[[np.random.Generator, int], Floats]) -> Any:
    """A maker of crowds, of 6.7 items for each annotator, whose reliabilities are `drawn`."""

    def made(seed: int) -> tuple[Annotations, Floats]:
        rng = np.random.default_rng(seed)
        reliability = drawn(rng, annotators)
        items = plain_items(rng.integers(k, size=annotators * 20 // 3), k)
        return simulate(items, reliability, overlap=str(per_item), rng=rng), reliability

    return made


CROWDS: dict[str, Callable[[int], tuple[Annotations, Floats]]] = {
    "zipf, 300 annotators": lambda seed: zipf_crowd(10_000, 300, seed=seed),
    "zipf, 2,000 annotators": lambda seed: zipf_crowd(100_000, 2_000, seed=seed),
    "2 choices, 3 labels, Beta(6, 2)": planted(2, 3, 60, lambda rng, j: rng.beta(6, 2, size=j)),
    "2 choices, 3 labels, Beta(3, 1.5)": planted(2, 3, 60, lambda rng, j: rng.beta(3, 1.5, size=j)),
    "2 choices, 3 labels, Beta(30, 8)": planted(2, 3, 60, lambda rng, j: rng.beta(30, 8, size=j)),
    "3 choices, 5 labels, 40 % guess": planted(
        3, 5, 100, lambda rng, j: np.where(rng.random(j) < 0.4, 1 / 3, rng.uniform(0.6, 0.95, j))
    ),
}


def coverage(where: str, crowds: list[tuple[Annotations, Floats]]) -> list[dict[str, Any]]:
    """A row per aggregator: share of covered annotators and mean width, over some crowds."""
    found = defaultdict[str, list[tuple[float, float]]](list)
    for crowd, truth in crowds:
        judged = crowd.labels_per_annotator >= FEWEST
        for name in names():
            try:
                fit = aggregator(name).fit(crowd)
            except InputError:
                continue
            columns = {name: intervals(crowd, fit.posterior), f"{name}, own": fit.intervals}
            for kind, ends in columns.items():
                if ends:
                    low, high = (np.array(ends[f"reliability_{end}"])[judged] for end in ("low", "high"))
                    inside = (low <= truth[judged]) & (truth[judged] <= high)
                    found[kind].append((float(inside.mean()), float((high - low).mean())))
    rows = []
    for kind, values in found.items():
        covered, width = np.mean(values, axis=0).tolist()
        rows.append({"crowd": where, "method": kind, "coverage": covered, "width": width})
        print(f"  {kind:22} {covered:.3f}  width {width:.2f}", flush=True)
    return rows


def main() -> None:
    """Print the tables and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=SNOW, help="labels with gold, ten per item")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    rows = []
    for labels, annotators, per_item in THIN_AND_FULL:
        where = f"{labels:,} labels, {annotators:,} annotators, {per_item} an item"
        print(where)
        rows += quality([zipf_crowd(labels, annotators, per_item, s)[0] for s in range(flags.seeds)], where)
    if flags.file.exists():
        annotations, _ = read(flags.file)
        for count in (3, 5, 10):
            where = f"{flags.file.name}, {count} labels an item"
            print(where)
            draws = 10 if count < annotations.labels_per_item.max() else 1
            rows += quality([annotations.thin(count, np.random.default_rng(s)) for s in range(draws)], where)
    else:
        print(f"{flags.file} is not there: no real crowd measured")
    for where, made in CROWDS.items():
        print(f"intervals: {where}")
        rows += coverage(where, [made(seed) for seed in range(flags.seeds * 2)])
    if flags.out:
        flags.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
