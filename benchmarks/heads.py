"""A new classification head on MiniLM-L6, trained on simulated crowds: accuracy on words nobody labelled.

`python benchmarks/heads.py [-o OUT.json] [--reward]`. Two seeds, a quarter of an hour on one core; the words and their
truth are real, the annotators simulated. A new head knows nothing, so joint is also told 20 gold items. `--reward`
trains a reward head on SmolLM2 instead: which of two texts fits a word.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers.utils import logging as theirs

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.bundled import grades, words
from crowdtune.methods import predict, train
from crowdtune.simulate import reliability, simulate

ITEMS = {"words": words, "grades": grades}
CROWDS = (  # items, reliabilities, overlap
    ("words", "linspace:0.9:0.1:5", "shared"),
    ("words", "0.9,0.1,0.1", "shared"),
    ("words", "0.9,0.1,0.1", "exclusive"),
    ("grades", "0.9,0.1,0.1", "shared"),
    ("grades", "0.9,0.1,0.1", "exclusive"),
)
TOLD = "joint, gold"  # joint, told 20 gold items
METHODS = {"words": ["noisy", "majority", "realm", TOLD], "grades": ["noisy", "majority", "realm", "joint", TOLD]}
FASTER = {"batch_size": "32", "accumulation": "1"}  # the same steps as the defaults, in half the passes


def main() -> None:
    """Print a row per crowd and method, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--items", type=int, default=1000, help="to train on, and as many to test on")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--reward", action="store_true", help="a reward head on SmolLM2 instead")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    logging.getLogger("crowdtune").setLevel(logging.ERROR)
    began = time.process_time()
    rows = [_reward(flags.items)] if flags.reward else _heads(flags)
    print(f"{time.process_time() - began:.0f} s of one core")
    if flags.out:
        flags.out.write_text(json.dumps(rows, indent=1))


def _heads(flags: argparse.Namespace) -> list[dict[str, object]]:
    rows, bound = list[dict[str, object]](), dict[tuple[str, int], Floats]()
    for kind, spec, overlap in CROWDS:
        right: dict[str, list[Floats]] = {}
        said = dict[str, list[str]]()
        for seed in range(flags.seeds):
            made, test = _crowd(kind, spec, overlap, seed, flags.items)
            common = FASTER | {"head": "head", "epochs": str(flags.epochs), "seed": str(seed)}
            for method in METHODS[kind]:
                if method == "majority" and overlap == "exclusive":
                    continue  # the vote of one is what noisy trains on
                told = {"gold": "20"} if method == TOLD else {}
                hits, verdict = _hits(made, test, method.split(",")[0], common | told)
                right.setdefault(method, []).append(hits)
                said.setdefault(method, []).append(verdict)
            if (kind, seed) not in bound:
                bound[kind, seed] = _hits(made, test, "oracle", common)[0]
            right.setdefault("oracle", []).append(bound[kind, seed])
        title = f"{kind}, {spec}, {overlap}"
        print(f"\n{title}\n  method        accuracy   of the gap   over noisy, points        verdict", flush=True)
        rows += [_row(title, method, right, said.get(method, [])) for method in right]
    return rows


def _crowd(kind: str, spec: str, overlap: str, seed: int, count: int) -> tuple[Annotations, Items]:
    """Labels on `count` items, and as many other items with their truth."""
    rng = np.random.default_rng(seed)
    items = ITEMS[kind](2 * count, rng)
    made = simulate(items.take(np.arange(count)), reliability(spec), overlap=overlap, rng=rng)
    return made, items.take(np.arange(count, 2 * count))


def _hits(made: Annotations, test: Items, method: str, settings: dict[str, str]) -> tuple[Floats, str]:
    """(T,) 1 where a test item is answered right, and the verdict."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(made, method, settings, out=Path(folder) / "run")
        said = predict(run, test)["label"]
        truth = [test.text(i, int(k)) for i, k in enumerate(test.gold)]
        verdict = run.results["verdict"]
    return np.array([a == b for a, b in zip(said, truth, strict=True)], dtype=float), verdict["status"]


def _row(title: str, method: str, right: dict[str, list[Floats]], said: list[str]) -> dict[str, object]:
    """Print and return one row; the interval is of the paired difference over the items of all seeds."""
    found, noisy, oracle = (np.concatenate(right[name]) for name in (method, "noisy", "oracle"))
    more = found - noisy
    error = 1.96 * more.std() / np.sqrt(len(more))
    gap = (found.mean() - noisy.mean()) / (oracle.mean() - noisy.mean())
    low, high = 100 * (more.mean() - error), 100 * (more.mean() + error)
    points = f"{100 * more.mean():+5.1f} ({low:+5.1f} to {high:+5.1f})"
    print(f"  {method:12}  {found.mean():8.1%}   {gap:10.0%}   {points}    {', '.join(said)}", flush=True)
    each = [float(hits.mean()) for hits in right[method]]
    return {"crowd": title, "method": method, "accuracy": each, "gap": gap, "points": [low, high], "verdict": said}


def _reward(count: int) -> dict[str, object]:
    """Two annotators of three prefer the wrong text; joint is told 20 gold items."""
    made, test = _crowd("words", "0.9,0.1,0.1", "shared", 0, count)
    asked = [replace(i, prompts=[f"Sentiment of {p}:" for p in i.prompts], kinds=("pair",)) for i in (made.items, test)]
    settings = FASTER | {"head": "reward", "gold": "20"}
    hits, verdict = _hits(replace(made, items=asked[0]), asked[1], "joint", settings)
    print(f"reward head: the right one of two texts for {hits.mean():.1%} of {len(hits)} other words ({verdict})")
    return {"crowd": "reward", "method": "joint", "accuracy": [float(hits.mean())], "verdict": [verdict]}


if __name__ == "__main__":
    main()
