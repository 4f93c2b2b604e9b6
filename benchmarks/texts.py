"""How good is the answer chosen among translations by a crowd? Cosine of its embedding to the reference's.

CrowdWSA2019: 450 Japanese sentences translated by 401 annotators. `python benchmarks/texts.py [FILE] [-n LABELS]`; the
file is ../shared/data/open/crowdwsa2019_translation.jsonl.gz by default. Embedding takes a minute or two on two cores.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np

from crowdtune.aggregate import answers, medoid
from crowdtune.annotations import Annotations, Items
from crowdtune.lm.embed import embed

FILE = Path(__file__).parents[2] / "shared/data/open/crowdwsa2019_translation.jsonl.gz"


def crowd(path: Path) -> tuple[Annotations, list[str]]:
    """Annotations whose choices are an item's distinct answers, and the reference of each item."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    reference = {row["id"]: row["reference"] for row in rows}
    place = {name: i for i, name in enumerate(reference)}
    people = {name: j for j, name in enumerate(dict.fromkeys(row["annotator"] for row in rows))}
    given: list[dict[str, int]] = [{} for _ in place]
    said: dict[tuple[int, int], int] = {}
    for row in rows:
        i, text = place[row["id"]], row["response"]
        said.setdefault((i, people[row["annotator"]]), given[i].setdefault(text, len(given[i])))
    n = len(place)
    none, item = np.zeros(n, dtype=np.int64), np.array(list(said), dtype=np.int64)
    sets = [tuple(g) for g in given]
    items = Items(list(place), [""] * n, sets, np.arange(n), ["t"], none, none - 1, [""] * n, ("text",))
    label = np.array(list(said.values()), dtype=np.int64)
    return Annotations(items, list(people), item[:, 0], item[:, 1], label), list(reference.values())


def main() -> None:
    """Print mean cosines to the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("-n", type=int, default=5, help="labels per item, at random; beside all")
    given = parser.parse_args()
    if not given.file.exists():
        print(f"{given.file} is not there")
        return
    annotations, reference = crowd(given.file)
    texts = answers(annotations.items)
    table, truth = embed(texts), embed(reference)
    place = {text: a for a, text in enumerate(texts)}
    for thinned in (annotations, annotations.thin(given.n, np.random.default_rng(0))):
        said = table[
            [place[str(thinned.items.text(int(i), int(c)))] for i, c in zip(thinned.item, thinned.label, strict=True)]
        ]
        near = (said * truth[thinned.item]).sum(axis=1)
        mean = np.zeros_like(truth)
        np.add.at(mean, thinned.item, said)
        closest = (said * mean[thinned.item]).sum(axis=1)
        best = medoid(thinned, table).posterior[thinned.item, thinned.label]
        print(f"{len(thinned)} labels of {len(thinned.annotators)} annotators, {len(thinned.items)} items")
        for name, score in (("medoid", best), ("nearest to the mean", closest), ("the best there is", near)):
            order = np.lexsort((-score, thinned.item))
            first = order[np.unique(thinned.item[order], return_index=True)[1]]
            print(f"  {name:<20} {near[first].mean():.3f}")
        print(f"  {'any answer':<20} {near.mean():.3f}")


if __name__ == "__main__":
    main()
