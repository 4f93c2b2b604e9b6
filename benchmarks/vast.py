"""A million items and 100,000 annotators: seconds and peak memory of every path a user takes, one process each.

Five million labels. Few annotators do most of the work, one item has 100,000 labels, texts are short. Training itself
is left out: the model is a table of log-probabilities, right on two items of three, and what is timed is everything
beside it. Peak memory is that of the whole process without the file pages it maps (RssAnon), sampled every 20 ms.

`python benchmarks/vast.py [--scale 0.1] [--only read.csv audit ...] [--folder DIR] [-o OUT.json]`
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from zipf_crowd import annotations, zipf_crowd

from crowdtune.annotations import Annotations

ITEMS, ANNOTATORS, PER_ITEM = 1_000_000, 100_000, 5
COLUMNS = ("item", "annotator", "label")
SHARE_RIGHT = 2 / 3  # of the items the model knows
HIDDEN = 16  # numbers of a hidden state
GRADES, PAIRS = 5, 2


def crowd(scale: float) -> Annotations:
    """The labels, with one item that every annotator has labelled."""
    i, j = round(ITEMS * scale), round(ANNOTATORS * scale)
    made, _ = zipf_crowd(i * PER_ITEM, j, PER_ITEM)
    others = np.flatnonzero(made.item > 0)
    labels = np.random.default_rng(1).integers(made.items.max_choices, size=j)
    parts = (np.zeros(j, np.int64), made.item), (np.arange(j), made.annotator), (labels, made.label)
    item, who, label = (np.concatenate([first, rest[others]]) for first, rest in parts)
    return annotations(item, who, label, made.items.gold, j)


def make(folder: Path, scale: float) -> None:
    """Write the labels as codes, as CSV, and as two Parquet files, items with a text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = crowd(scale)
    np.savez(folder / "codes.npz", item=made.item, annotator=made.annotator, label=made.label, gold=made.items.gold)
    order = np.random.default_rng(2).permutation(len(made))
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        texts = "abcde"
        codes = zip(*(getattr(made, name)[order].tolist() for name in COLUMNS), strict=True)
        rows.writerows((f"i{i}", f"a{j}", texts[k]) for i, j, k in codes)
    own = folder / "folder"
    own.mkdir()
    ids = pa.array(made.items.ids)
    gold = pa.array(list("abcde")).take(pa.array(made.items.gold))
    texts = pa.array([f"What is to be said of thing number {i}, and why?" for i in range(len(made.items))])
    pq.write_table(pa.table({"item": ids, "prompt": texts, "gold": gold}), own / "items.parquet")
    who = pa.array(made.annotators)
    parts = (ids, made.item), (who, made.annotator), (pa.array(list("abcde")), made.label)
    columns = [names.take(pa.array(codes[order])) for names, codes in parts]
    pq.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), own / "annotations.parquet")


def loaded(folder: Path) -> Annotations:
    """The labels from their codes."""
    codes = np.load(folder / "codes.npz")
    return annotations(
        codes["item"], codes["annotator"], codes["label"], codes["gold"], int(codes["annotator"].max()) + 1
    )


def anchor(made: Annotations) -> Any:
    """A model that knows two items of three, and 16 numbers of each."""
    from crowdtune.methods._plan import Anchor

    rng = np.random.default_rng(3)
    k, n = made.items.max_choices, len(made.items)
    said = np.where(rng.random(n) < SHARE_RIGHT, made.items.gold, rng.integers(k, size=n))
    table = np.full((n, k), np.log(0.3 / (k - 1)))
    table[np.arange(n), said] = np.log(0.7)
    return Anchor(table, rng.standard_normal((n, HIDDEN)).astype(np.float32))


def read_csv(folder: Path) -> str:
    """The labels from a CSV file."""
    from crowdtune.read import read

    made, _ = read(folder / "labels.csv")
    return f"{len(made):,} labels"


def read_folder(folder: Path) -> str:
    """Items with texts and labels from two Parquet files."""
    from crowdtune.read import read

    made, _ = read(folder / "folder")
    return f"{len(made):,} labels"


def audit(folder: Path) -> str:
    """The audit, its folder and its page."""
    from crowdtune.audit import audit as judged
    from crowdtune.audit import write_audit
    from crowdtune.report import write_report

    made = loaded(folder)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        start = time.perf_counter()
        found = judged(made)
        judging = time.perf_counter() - start
        write_audit(found, made, Path(name) / "run")
        writing = time.perf_counter() - start - judging
        write_report(Path(name) / "run", Path(name) / "page.html")
        size = (Path(name) / "page.html").stat().st_size / 2**20
    page = time.perf_counter() - start - judging - writing
    return f"audit {judging:.0f} s, folder {writing:.0f} s, page {page:.0f} s and {size:.1f} MB"


def aggregate(method: str, folder: Path) -> str:
    """One aggregator."""
    from crowdtune.aggregate import aggregator

    made = loaded(folder)
    fit = aggregator(method).fit(made)
    return f"{(fit.posterior.argmax(axis=1) == made.items.gold).mean():.1%} right"


def simulate(folder: Path) -> str:
    """Five labels for every item, drawn."""
    from crowdtune.simulate import simulate as simulated

    made = loaded(folder)
    rng = np.random.default_rng(4)
    drawn = simulated(made.items, rng.uniform(0.3, 0.95, len(made.annotators)), overlap=str(PER_ITEM), rng=rng)
    return f"{len(drawn):,} labels"


def examples(folder: Path) -> str:
    """What training sees, and rows of it."""
    from crowdtune.examples import from_annotations

    made = from_annotations(loaded(folder))
    taken = made.take(np.flatnonzero(made.weights > 0)[::2])
    return f"{len(taken):,} of {len(made):,} items taken"


def method(name: str, settings: dict[str, str], kind: str, folder: Path) -> str:
    """A method before and after training, with a model that stays as it was."""
    from crowdtune.methods._options import options

    made = loaded(folder)
    if kind != "choice":
        k = GRADES if kind == "grade" else PAIRS
        sets = [tuple("abcde"[:k])]
        made = replace(
            made,
            label=made.label % k,
            items=replace(made.items, kinds=(kind,), choice_sets=sets, gold=made.items.gold % k),
        )
    chosen, _ = options(name, settings)
    asked = anchor(made)
    start = time.perf_counter()
    plan = chosen.plan(made, asked)
    before = time.perf_counter() - start
    found = plan.conclude(asked.log_p)
    after = time.perf_counter() - start - before
    right = (found.posterior.argmax(axis=1) == made.items.gold).mean()
    return f"before {before:.0f} s, after {after:.0f} s, {right:.1%} right"


STEPS: dict[str, Callable[[Path], str]] = {
    "read.csv": read_csv,
    "read.folder": read_folder,
    "audit": audit,
    **{
        f"aggregate.{name}": partial(aggregate, name)
        for name in ("majority", "wawa", "one-coin", "dawid-skene", "mace", "glad", "no-copies", "auto")
    },
    "simulate": simulate,
    "examples": examples,
    "realm": partial(method, "realm", {}, "choice"),
    "joint": partial(method, "joint", {}, "choice"),
    "joint.grades": partial(method, "joint", {}, "grade"),
    "joint.pairs": partial(method, "joint", {}, "pair"),
    "crowd-layer": partial(method, "crowd-layer", {}, "choice"),
}


def child(step: str, folder: Path) -> None:
    """Do one step and print what it took."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            with suppress(OSError, IndexError):
                held = Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]
                peak[0] = max(peak[0], int(held) / 1024)

    threading.Thread(target=watch, daemon=True).start()
    start, worked = time.perf_counter(), time.process_time()
    row: dict[str, Any] = {}
    try:
        row["found"] = STEPS[step](folder)
    except Exception as e:
        row["error"] = f"{type(e).__name__}: {e}"
        if "-v" in sys.argv:
            raise
    took = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - worked}
    done.set()
    print(json.dumps({"step": step} | took | {"peak_mb": peak[0]} | row))


def main() -> None:
    """Print a row per step, and write them."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        return child(sys.argv[2], Path(sys.argv[3]))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a million items and 100,000 annotators")
    parser.add_argument("--only", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--folder", type=Path, help="keeps the data between calls")
    parser.add_argument("--limit", type=int, default=900, help="seconds of work for a step")
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = flags.folder or Path(temporary)
        if not (folder / "codes.npz").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, flags.scale)
        rows = [measure(step, folder, flags.limit) for step in flags.only]
    if flags.out:
        flags.out.write_text(json.dumps({"scale": flags.scale, "rows": rows}, indent=1))


def measure(step: str, folder: Path, limit: int) -> dict[str, Any]:
    """A row of the table, printed."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", step, str(folder)]
    capped = partial(resource.setrlimit, resource.RLIMIT_CPU, (limit, limit))
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=capped)
    last = (done.stdout.splitlines() or [""])[-1]
    row: dict[str, Any] = {"error": f"not done in {limit} s of work" if done.returncode < 0 else done.stderr[-200:]}
    row = json.loads(last) if last.startswith("{") else row
    took = f"{row.get('seconds', 0):7.1f} s ({row.get('cpu_seconds', 0):6.1f} of work) {row.get('peak_mb', 0):7.0f} MB"
    print(f"{step:22} {took}  {row.get('found', row.get('error', ''))}", flush=True)
    return {"step": step} | row


if __name__ == "__main__":
    main()
