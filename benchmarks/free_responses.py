"""Fine-tuning on free responses of annotators of whom most answer something else: who is found out, what is learned.

    python benchmarks/free_responses.py ../shared/data/choice/arc_easy.jsonl.gz --items 300 --test 300 -o runs/free

Each training item has one response, by an annotator drawn at random; who does not know writes the answer to another
item. Questions are read from a JSONL file with prompt, choices and answer (the text of the right choice is the
response), or with prompt and response. Held-out loss is of right responses, in nats per token, with paired bootstrap
intervals against `noisy`. A method that is in the results file already is not trained again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Items
from crowdtune.lm.reading import load_trained
from crowdtune.lm.score import score
from crowdtune.methods import train
from crowdtune.write.tables import write_json

METHODS = ("noisy", "realm", "oracle")
DRAWS = 2000  # of the bootstrap


def main() -> None:
    """Parse, train what is missing, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--longest", type=int, default=400, help="characters of prompt and response")
    parser.add_argument("--reliability", default="0.9,0.1,0.1")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/free"))
    asked = parser.parse_args()
    if not asked.file.exists():
        sys.exit(f"{asked.file} is missing: this benchmark needs questions with answers.")
    reliability = [float(part) for part in asked.reliability.split(",")]
    rng = np.random.default_rng(asked.seed)
    rows = [row for row in questions(asked.file) if len(row["prompt"]) + len(row["response"]) <= asked.longest]
    rows = [rows[i] for i in rng.permutation(len(rows))[: asked.items + asked.test]]
    crowd, knew = simulated(rows[: asked.items], reliability, rng)
    held_out = as_items(rows[asked.items :], [(row["response"],) for row in rows[asked.items :]])
    path = asked.out / "results.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for method in asked.methods.split(","):
        if method not in found:
            found[method] = trained(method, crowd, held_out, dict(part.split("=", 1) for part in asked.set), asked.out)
            write_json(path, found)
    show(found, crowd, knew)


def questions(file: Path) -> list[dict[str, str]]:
    """Prompt and response of each question."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        if "response" not in row:
            row["response"] = row["choices"][ord(row["answer"]) - ord("A")]
            row["prompt"] = f"Question: {row['prompt']}"
        row["response"] = re.sub("<<.*?>>", "", row["response"])  # gsm8k's calculator notes
    return rows


def simulated(rows: list[dict[str, str]], reliability: list[float], rng: np.random.Generator) -> tuple[Any, Any]:
    """Annotations, one response an item, and (N,) whether its annotator knew."""
    n = len(rows)
    who = rng.integers(len(reliability), size=n)
    knew = rng.random(n) < np.array(reliability)[who]
    order = rng.permutation(n)
    other = np.empty(n, dtype=np.int64)
    other[order] = np.roll(order, 1)
    right = [row["response"] for row in rows]
    said = [right[i] if knew[i] else right[other[i]] for i in range(n)]
    items = as_items(rows, [(one,) if one == gold else (one, gold) for one, gold in zip(said, right, strict=True)])
    names = [f"a{j + 1}" for j in range(len(reliability))]
    return Annotations(items, names, np.arange(n), who, np.zeros(n, dtype=np.int64)), knew


def as_items(rows: list[dict[str, str]], answers: list[tuple[str, ...]]) -> Items:
    """Items of kind "text"; the last answer is gold."""
    n = len(rows)
    return Items(
        ids=[row["id"] for row in rows],
        prompts=[row["prompt"] for row in rows],
        choice_sets=answers,
        choice_set=np.arange(n),
        tasks=["questions"],
        task=np.zeros(n, dtype=np.int64),
        gold=np.array([len(own) - 1 for own in answers]),
        splits=[""] * n,
        kinds=("text",),
    )


def trained(method: str, crowd: Annotations, test: Items, settings: dict[str, str], out: Path) -> dict[str, Any]:
    """Train, and the loss and tokens of each held-out response; the model is deleted."""
    run = train(crowd, method, settings, out=out / method)
    lm, reading = load_trained(run.model)
    encoded = reading.encode(test, lm)
    loss = -score(lm, encoded, reading.bf16)[:, 0]
    shutil.rmtree(run.model)
    people = {row["annotator"]: [row["reliability"], row.get("reliability_low"), row.get("reliability_high")]
              for row in run.annotators}  # fmt: skip
    return {
        "loss": loss.round(4).tolist(),
        "tokens": [len(own[0]) for own in encoded.texts],
        "annotators": people,
        "seconds": run.results["seconds"],
        "verdict": run.results["verdict"]["status"],
    }


def show(found: dict[str, Any], crowd: Annotations, knew: Any) -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    tokens = np.array(found["noisy"]["tokens"])
    draws = rng.integers(len(tokens), size=(DRAWS, len(tokens)))
    losses = {method: np.array(row["loss"]) for method, row in found.items()}
    print(f"held-out loss, nats per token of {len(tokens)} right responses; against noisy, 95 % interval")
    for method, loss in losses.items():
        gain = loss - losses["noisy"]
        low, high = np.quantile(gain[draws].sum(axis=1) / tokens[draws].sum(axis=1), [0.025, 0.975])
        mean = gain.sum() / tokens.sum()
        print(f"  {method:8} {loss.sum() / tokens.sum():.3f}   {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
              f"   {found[method]['seconds']:.0f} s, {found[method]['verdict']}")  # fmt: skip
    if {"oracle", "noisy"} <= losses.keys():
        gap = losses["noisy"].sum() - losses["oracle"].sum()
        for method in set(losses) - {"oracle", "noisy"}:
            print(
                f"  {method} recovers {(losses['noisy'].sum() - losses[method].sum()) / gap:.0%} of the gap to oracle"
            )
    for method in ("realm", "joint"):
        for name, (mean, low, high) in found.get(method, {"annotators": {}})["annotators"].items():
            truth = knew[crowd.annotator == crowd.annotators.index(name)]
            print(
                f"  {method}: {name} knows {mean:.2f} ({low:.2f}-{high:.2f}); truly {truth.mean():.2f} of {len(truth)}"
            )


if __name__ == "__main__":
    main()
