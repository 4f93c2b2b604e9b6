"""How far label distributions are from each other, without a language model: what a floor foretells, and what is found.

`python benchmarks/disagreement.py FILE... [--labels 10]`, of files whose items have more labels than that, such as
../shared/data/crowd/chaosnli_snli.counts.jsonl.gz. Of each item so many labels are drawn; the rest are kept aside.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.metrics.disagreement import GROUPS, Asked, quality
from crowdtune.metrics.distances import js_distance, kl_divergence
from crowdtune.metrics.floor import fitted_prior, floor, halves, shares
from crowdtune.read import read


def main() -> None:
    """Print a few tables per file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--labels", type=int, default=10, help="labels drawn of each item")
    asked = parser.parse_args()
    for path in asked.files:
        if not path.exists():
            print(f"{path} is missing: get it, or name another file with many labels per item.")
            continue
        annotations, _ = read(path)
        _uniform(path, annotations.all_votes, annotations.items)
        enough = np.flatnonzero(annotations.all_votes.sum(axis=1) > asked.labels)
        items = annotations.items.take(enough)
        _thinned(annotations.all_votes[enough, : items.max_choices], items, asked.labels)


def _uniform(path: Path, counts: Ints, items: Items) -> None:
    """What a prediction that says nothing scores, as ChaosNLI measures: its "JSD" is the distance in base e."""
    p = shares(counts)
    q = items.choice_mask / items.n_choices[:, None]
    print(f"{path.name}: {len(items)} items, {counts.sum()} labels")
    print(
        f"  uniform: js_distance {js_distance(p, q, np.e).mean():.4f} in base e, {js_distance(p, q).mean():.4f} in "
        f"base 2; kl of p from q {kl_divergence(p, q).mean():.4f} nats"
    )
    began = time.process_time()
    quality(q, p, counts, items, np.random.default_rng(0))
    print(f"  all measures with 2,000 draws of all items and of the terciles: {time.process_time() - began:.2f} s")
    whole = floor(counts, items, np.random.default_rng(0))["all"]["measures"]["js_distance"]
    print(f"  floor of all labels {whole['value']:.4f} ({whole['low']:.4f} to {whole['high']:.4f})")


def _thinned(counts: Ints, items: Items, labels: int) -> None:
    """The floor that a few labels impose, and how far they are from the rest."""
    rng = np.random.default_rng(1)
    few = np.stack([rng.multivariate_hypergeometric(row, labels) for row in counts])
    rest = counts - few
    foretold = _foretold(few, rest.sum(axis=1), items, rng)
    least, found = floor(few, items, rng), quality(shares(rest), shares(few), few, items, rng)
    people = halves(few, items, rng)
    print(f"  {labels} labels: floor, foretold distance from the other labels and measured one; halves of the labels")
    for name in GROUPS:
        cells = [table[name]["measures"]["js_distance"]["value"] for table in (least, found, people)]
        rows = Asked.of(shares(few), few, items).groups()[name]
        print(f"    {name:7} {cells[0]:.4f}  {foretold[rows].mean():.4f}  {cells[1]:.4f}  {cells[2]:.4f}")


def _foretold(few: Ints, rest: Ints, items: Items, rng: np.random.Generator, draws: int = 50) -> Floats:
    """(I,) distance of shares of the few labels from those of `rest` labels, as the fitted prior would draw them."""
    prior, found = fitted_prior(few, items) + few, np.zeros(len(few))
    for _ in range(draws):
        drawn = rng.standard_gamma(prior)
        truth = drawn / drawn.sum(axis=1, keepdims=True)
        found += js_distance(shares(few), shares(rng.multinomial(rest, truth))) / draws
    return found


if __name__ == "__main__":
    main()
