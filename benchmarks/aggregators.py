"""How fast aggregators are, how much memory they take, how right they are: ours, and crowd-kit's on the same labels.

Each fit runs in a process of its own, on one core, after the labels are in memory as codes. Seconds are those that
passed and those the processor worked, which differ on a busy machine. Peak memory is that of the whole process.
crowd-kit's Dawid-Skene runs as it comes, where it stops early since it compares a rising bound with a tolerance per
item, and with that stop off, 100 steps. Its Wawa does not run with today's scikit-learn unless one check of it is
switched off, as here. Ties go to the first choice on both sides.

`python benchmarks/aggregators.py [--sizes 10000 100000] [--peers-up-to 1000000] [-o OUT.json]`
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from zipf_crowd import SIZES, annotations, zipf_crowd

OURS = ("majority", "wawa", "one-coin", "dawid-skene", "mace", "glad", "intervals")
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "majority": ("MajorityVote", {}),
    "wawa": ("Wawa", {}),
    "one-coin": ("OneCoinDawidSkene", {}),
    "dawid-skene": ("DawidSkene", {}),
    "dawid-skene, no stop": ("DawidSkene", {"n_iter": 100, "tol": -1e9}),
    "mace": ("MACE", {}),
    "glad": ("GLAD", {}),
}
COLUMNS = ("item", "who", "label", "truth")


def ours(name: str, columns: dict[str, np.ndarray], annotators: int) -> Callable[[], np.ndarray]:
    """A fit of ours, ready to run; it gives the (I,) most probable choices."""
    from crowdtune.aggregate import aggregator, intervals, vote_shares

    made = annotations(*(columns[name] for name in COLUMNS), annotators)
    if name == "intervals":
        shares = vote_shares(made)
        return lambda: shares.argmax(axis=1) if intervals(made, shares) else shares
    chosen = aggregator(name)
    return lambda: chosen.fit(made).posterior.argmax(axis=1)


def theirs(name: str, columns: dict[str, np.ndarray], annotators: int) -> Callable[[], np.ndarray]:
    """A fit of crowd-kit's, ready to run; items nobody labelled get -1."""
    import crowdkit.aggregation as peers
    import pandas
    from crowdkit.aggregation.classification import wawa

    wawa.check_is_fitted = lambda *_, **__: None
    kind, options = PEERS[name]
    frame = pandas.DataFrame({"task": columns["item"], "worker": columns["who"], "label": columns["label"]})
    made = getattr(peers, kind)(**options)

    def fit() -> np.ndarray:
        found = made.fit_predict(frame)
        answers = np.full(len(columns["truth"]), -1)
        answers[found.index] = found.to_numpy()
        return answers

    return fit


def child(side: str, name: str, folder: Path, annotators: int) -> None:
    """Run one fit and print what it took."""
    columns = {column: np.load(folder / f"{column}.npy") for column in COLUMNS}
    fit = (ours if side == "crowdtune" else theirs)(name, columns, annotators)
    start, worked = time.perf_counter(), time.process_time()
    answers = fit()
    took = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - worked}
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps(took | {"peak_mb": peak, "accuracy": float((answers == columns["truth"]).mean())}))


def measure(side: str, name: str, folder: Path, size: int, limit: float) -> dict[str, Any]:
    """A row of the table; `seconds` is None where the time-out struck."""
    row = {"library": side, "method": name, "labels": size, "limit": limit, "seconds": None}
    command = [sys.executable, "-W", "ignore", __file__, "--child", side, name, str(folder), str(SIZES[size])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=_one_core())
    except subprocess.TimeoutExpired:
        return row
    if done.returncode:
        return row | {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row | found


def _one_core() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def make(folder: Path, size: int) -> None:
    """Write the labels of a size, in a process of its own, so that this one stays small."""
    made, _ = zipf_crowd(size, SIZES[size])
    values = (made.item, made.annotator, made.label, made.items.gold)
    for column, value in zip(COLUMNS, values, strict=True):
        np.save(folder / f"{column}.npy", value)


def show(row: dict[str, Any]) -> None:
    """Print a row."""
    if row["seconds"] is None:
        told = row.get("error", f"not done in {row['limit']:.0f} s")
        print(f"{row['labels']:>10,} {row['library']:10} {row['method']:22} {told}", flush=True)
        return
    print(
        f"{row['labels']:>10,} {row['library']:10} {row['method']:22} {row['seconds']:8.2f} s "
        f"({row['cpu_seconds']:7.2f} of work) "
        f"{row['peak_mb']:7.0f} MB  {row['accuracy']:.4f}",
        flush=True,
    )


def main() -> None:
    """Print a row per library, method and size, and write them."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        side, name, folder, annotators = sys.argv[2:]
        return child(side, name, Path(folder), int(annotators))
    if len(sys.argv) > 1 and sys.argv[1] == "--make":
        return make(Path(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], choices=sorted(SIZES))
    parser.add_argument("--peers-up-to", type=int, default=1_000_000, help="labels; 0 = ours alone")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one fit, its process and all")
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    rows: list[dict[str, Any]] = []
    slow: set[str] = set()
    for size in sorted(flags.sizes):
        with tempfile.TemporaryDirectory() as name:
            subprocess.run([sys.executable, __file__, "--make", name, str(size)], check=True)
            jobs = [("crowdtune", method) for method in OURS]
            if size <= flags.peers_up_to and find_spec("crowdkit"):
                jobs += [("crowd-kit", method) for method in PEERS if method not in slow]
            for side, method in jobs:
                rows.append(measure(side, method, Path(name), size, flags.limit))
                show(rows[-1])
                if rows[-1]["seconds"] is None and side == "crowd-kit":
                    slow.add(method)
                if flags.out:
                    flags.out.write_text(json.dumps(rows, indent=1))
    return None


if __name__ == "__main__":
    main()
