"""What `auto` chooses, and how right it and its candidates are: six synthetic crowds, and crowds with gold if given.

`python benchmarks/chosen.py [FILE ...] [--thin 3] [-o FILE.json]`; e.g. ../shared/data/crowd/snow_rte.jsonl.gz.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from zipf_crowd import THIN_AND_FULL, zipf_crowd

from crowdtune.aggregate import aggregator
from crowdtune.annotations import Annotations
from crowdtune.metrics.accuracy import accuracy
from crowdtune.read import read


def row(name: str, annotations: Annotations) -> dict[str, object]:
    """One crowd: choice, seconds, and of each candidate its loss and how right it is."""
    start = time.process_time()
    found = aggregator("auto").fit(annotations)
    seconds = time.process_time() - start
    candidates = {
        r["aggregator"]: {
            "nats": round(r["nats"], 4),
            "more": round(r["more"], 4),
            "error": round(r["error"], 4),
            "right": round(accuracy(aggregator(r["aggregator"]).fit(annotations).posterior, annotations.items.gold), 4),
        }
        for r in found.compared
    }
    right = round(accuracy(found.posterior, annotations.items.gold), 4)
    return {"crowd": name, "chosen": found.chosen, "right": right, "seconds": round(seconds, 1)} | candidates


def main() -> None:
    """Print a line per crowd."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--thin", type=int, default=3, help="labels per item, beside all")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    rows = []
    for labels, annotators, per_item in THIN_AND_FULL:
        rows.append(row(f"{labels} {annotators} {per_item}", zipf_crowd(labels, annotators, per_item)[0]))
        print(rows[-1], flush=True)
    for path in given.files:
        if not path.exists():
            print(f"{path} is not there")
            continue
        annotations, _ = read(path)
        thin = annotations.thin(given.thin, np.random.default_rng(0))
        for name, one in ((path.name, annotations), (f"{path.name}, {given.thin} labels per item", thin)):
            rows.append(row(name, one))
            print(rows[-1], flush=True)
    if given.out:
        given.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
