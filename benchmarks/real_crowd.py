"""Cleaned labels of a real crowd with gold, at fewer and fewer labels an item: `joint` against counting votes.

`python benchmarks/real_crowd.py FILE -o OUT.json [--set key=value]`. The language model is asked once and not trained:
what is measured is joint's EM and sampling on its answers, against aggregation that never sees them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from crowdtune.aggregate import aggregator
from crowdtune.methods import options, prepare
from crowdtune.metrics.accuracy import accuracy, calibration_error_by_mass
from crowdtune.read import read
from crowdtune.settings import from_pairs

VOTES = ("majority", "dawid-skene", "one-coin")


def main() -> None:
    """Print a row per method and number of labels, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 5, 3], help="labels of an item")
    parser.add_argument("--draws", type=int, default=20, help="random choices of those labels")
    parser.add_argument("--set", action="append", default=[], help="key=value of training, such as the template")
    flags = parser.parse_args()
    annotations, _ = read(flags.file)
    method, training = options("joint", from_pairs(flags.set))
    anchor = prepare(annotations, training).anchor
    gold, rows = annotations.items.gold, []
    print(f"untrained model, centred: {accuracy(np.exp(anchor.log_p), gold):.3f}")
    for count in flags.labels:
        found, said = defaultdict(list), Counter[str]()
        for draw in range(flags.draws):
            thin = annotations.thin(count, np.random.default_rng(draw))
            plan = method.plan(thin, anchor)
            said[f"{plan.verdict.status} by {plan.verdict.by}"] += 1
            posteriors = {name: aggregator(name).fit(thin).posterior for name in VOTES}
            posteriors["joint"] = plan.conclude(anchor.log_p).posterior
            for name, posterior in posteriors.items():
                found[name].append((accuracy(posterior, gold), calibration_error_by_mass(posterior, gold)))
            if thin.labels_per_item.max() == annotations.labels_per_item.max():
                break  # all labels: every draw is the same
        print(f"{count} labels an item, {len(found['joint'])} draws; verdicts: {dict(said)}")
        for name, values in found.items():
            (right, error), (spread, _) = np.mean(values, axis=0), np.std(values, axis=0)
            row = {"labels": count, "method": name, "accuracy": right, "sd": spread, "calibration_error": error}
            rows.append(row)
            print(f"  {name:12} {right:.4f} (sd {spread:.4f})  calibration error {error:.3f}")
    if flags.out:
        flags.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
