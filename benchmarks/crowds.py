"""Credit in pools of 12 to 200, who should sit with whom, and what attackers earn, on surrogate worlds.

Two minutes of one core: no language model is trained.
`python benchmarks/crowds.py [OUT] [--seeds 10] [--only pools|attacks]` writes a table of each part and two charts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from crowdtune.bench import crowd_attacks, crowd_guards, crowd_pools
from crowdtune.bench.crowd_worlds import Row

HARDER = (12, 100)  # pools in worlds other than the planted one


def parts(only: str, seeds: int) -> dict[str, Callable[[], list[Row]]]:
    """Name of a table -> makes it."""
    planted, *others = crowd_pools.WORLDS
    pools: dict[str, Callable[[], list[Row]]] = {
        "credits": partial(crowd_pools.credits, seeds, worlds=[planted]),
        "credits-harder": partial(crowd_pools.credits, seeds, HARDER, worlds=others),
        "strategies": partial(crowd_pools.strategies, seeds),
    }
    attacks: dict[str, Callable[[], list[Row]]] = {
        "takers": partial(crowd_attacks.takers, seeds),
        "sybils": partial(crowd_attacks.sybils, seeds),
        "late": partial(crowd_attacks.late, seeds),
        "together": partial(crowd_attacks.together, seeds),
        "gaming": partial(crowd_guards.gaming, seeds),
        "curse": partial(crowd_guards.curse, seeds),
        "controls": crowd_guards.controls,
    }
    return {"pools": pools, "attacks": attacks}.get(only, pools | attacks)


def line(row: Row) -> str:
    """A row in words; numbers with the ends of their intervals."""
    told = []
    for name, value in row.items():
        if name.endswith(("_low", "_high")):
            continue
        ends = f" ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})" if f"{name}_low" in row else ""
        told.append(f"{name} {value:.3f}{ends}" if isinstance(value, float) else f"{value}")
    return " | ".join(told)


def main() -> None:
    """Print and write all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("crowds"))
    parser.add_argument("--seeds", type=int, default=crowd_pools.SEEDS)
    parser.add_argument("--only", choices=["pools", "attacks"], default="")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    charts = {"credits": crowd_pools.decay_chart, "takers": crowd_attacks.gains_chart}
    for name, made in parts(args.only, args.seeds).items():
        rows = made()
        (args.out / f"{name}.json").write_text(json.dumps(rows, indent=2))
        print(f"\n{name}", *map(line, rows), sep="\n", flush=True)
        if name in charts:
            (args.out / f"{name}.svg").write_text(charts[name](rows))


if __name__ == "__main__":
    main()
