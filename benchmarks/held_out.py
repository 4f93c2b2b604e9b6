"""Labels of annotators not met, under four models of truth, without a language model: nats per label.

`python benchmarks/held_out.py FILE...`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from crowdtune.metrics.held_out import compare, held_out
from crowdtune.read import read


def main() -> None:
    """Print a table per file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    for path in parser.parse_args().files:
        annotations, _ = read(path)
        losses = held_out(annotations, np.random.default_rng(0))
        print(f"{path.name}: {len(annotations)} labels, {len(annotations.annotators)} annotators")
        for row in compare(annotations, losses, np.random.default_rng(0)):
            print(
                f"  {row['model']:12} {row['loss']:.4f}  {row['more']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})"
            )


if __name__ == "__main__":
    main()
