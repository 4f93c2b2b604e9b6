"""How long the nearest of a large base take, and what share of them the index finds.

The base is made of mixtures of an embedding and two of its neighbours, so that it lies where texts do; or of normal
noise (`--noise`), in which no index is of use. Embeddings are those of the bundled words, or a table of yours.
`python benchmarks/nearest.py [EMBEDDINGS.npy] [--rows 200000] [--queries 1000] [--searched 16,32,64] [--noise]`
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from crowdtune.annotations import Singles
from crowdtune.denoise import nearest as module
from crowdtune.denoise.nearest import nearest

K = 3  # RobustFT's


def mixtures(known: Singles, count: int, rng: np.random.Generator) -> Singles:
    """(count, D) mixtures of rows and two of their eight nearest, with a little noise."""
    near = nearest(known, known, 8, own=np.arange(len(known)))[0]
    first = rng.integers(len(known), size=count)
    others = near[first[:, None], rng.integers(8, size=(count, 2))]
    weight = rng.dirichlet([2, 1, 1], size=count).astype(np.float32)
    made = weight[:, :1] * known[first]
    for column in (0, 1):
        made += weight[:, column + 1, None] * known[others[:, column]]
    return made + np.float32(0.01) * rng.normal(size=made.shape).astype(np.float32)


def words(count: int) -> Singles:
    """Embeddings of bundled words."""
    from crowdtune import bundled
    from crowdtune.lm.embed import embed

    return embed(bundled.words(count, np.random.default_rng(0)).prompts).astype(np.float32)


def timed(queries: Singles, base: Singles, exact: int) -> tuple[list[list[int]], float]:
    """Places found, and seconds of the processor."""
    begin = time.process_time()
    found = nearest(queries, base, K, exact=exact)[0].tolist()
    return found, time.process_time() - begin


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("embeddings", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--searched", default="16,32,64")
    parser.add_argument("--noise", action="store_true")
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    if asked.noise:
        both: Singles = rng.normal(size=(asked.rows + asked.queries, 384)).astype(np.float32)
    else:
        known = np.load(asked.embeddings).astype(np.float32) if asked.embeddings else words(2_000)
        both = mixtures(known, asked.rows + asked.queries, rng)
    base, queries = both[: asked.rows], both[asked.rows :]
    right, seconds = timed(queries, base, asked.rows)
    print(f"{asked.queries} queries, {asked.rows} rows; exact: {seconds:.1f} s")
    if not asked.searched:
        return
    one = timed(queries[:1], base, 0)[1]
    for cells in map(int, asked.searched.split(",")):
        module.SEARCHED = cells
        found, seconds = timed(queries, base, 0)
        share = np.mean([len(set(a) & set(b)) / K for a, b in zip(right, found, strict=True)])
        told = f"{seconds:.1f} s, of which building {one:.1f}"
        print(f"{cells} of {module.CELLS} cells: {share:.4f} of the nearest {K} found, {told}")


if __name__ == "__main__":
    main()
