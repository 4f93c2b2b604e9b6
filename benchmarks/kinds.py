"""Unequal annotators of full-text choices and of grades, a language model fine-tuned on them: ours beside the vote.

    python benchmarks/kinds.py texts ../shared/data/choice/arc_easy.jsonl.gz --items 240 --test 300 -o runs/texts
    python benchmarks/kinds.py grades --items 400 --test 400 -o runs/grades

texts: questions with an answer from a JSONL file (prompt, choices, answer), style=texts; annotators right in 90, 10
and 10 % of all items, or --reliability. grades: bundled words from terrible to wonderful; annotators with biases of +1,
+0.5 and -0.5 grades, exact to half a grade. The last items are for the test. Accuracy, or mean error in grades, with
paired bootstrap intervals against `noisy`, and the share of the gap from noisy to oracle that is recovered. What is in
the results file already is not trained again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.bundled import grades
from crowdtune.methods import options, predict, prepare, train
from crowdtune.simulate import reliability, simulate
from crowdtune.simulate.scales import graders
from crowdtune.write.tables import write_json

SETTINGS = {
    "texts": {"style": "texts", "template": "Question: {prompt}\nAnswer:"},
    "grades": {"template": "The word {prompt} is", "style": "words"},
}
DRAWS = 2000  # of the bootstrap


def main() -> None:
    """Parse, train what is missing, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=list(SETTINGS))
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--items", type=int, default=240)
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--reliability", default="0.9,0.1,0.1")
    parser.add_argument("--methods", default="noisy,majority,joint,oracle")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/kinds"))
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    if asked.kind == "grades":
        items = replace(grades(asked.items + asked.test, rng), kinds=("grade",))
    else:
        items = questions(asked.file, asked, rng)
    annotations = crowd(asked.kind, items.take(np.arange(asked.items)), asked.reliability, rng)
    test = items.take(np.arange(asked.items, asked.items + asked.test))
    settings = SETTINGS[asked.kind] | dict(part.split("=", 1) for part in asked.set)
    path = asked.out / "results.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    missing = [method for method in asked.methods.split(",") if method not in found]
    start = prepare(annotations, options("noisy", settings)[1]) if missing else None
    for method in missing:
        run = train(annotations, method, settings, out=asked.out / method, start=start)
        answers = [int(np.argmax(row)) for row in predict(run, test)["probabilities"]]
        shutil.rmtree(run.model)
        kept = ("seconds", "posterior_accuracy", "zero_shot_accuracy", "majority_accuracy")
        found[method] = {"answers": answers, "people": run.annotators, "verdict": run.results["verdict"]["status"]}
        found[method] |= {name: run.results[name] for name in kept}
        write_json(path, found)
    show(asked.kind, found, test)


def questions(file: Path | None, asked: argparse.Namespace, rng: np.random.Generator) -> Items:
    """Items of a JSONL file, as many as asked for, at random."""
    if file is None or not file.exists():
        sys.exit(f"{file} is missing: this benchmark needs questions with choices.")
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if len(row["prompt"]) + sum(map(len, row["choices"])) <= 250]
    rows = [rows[i] for i in rng.permutation(len(rows))[: asked.items + asked.test]]
    n = len(rows)
    gold = np.array([ord(row["answer"]) - ord("A") for row in rows])
    ids, prompts = [row["id"] for row in rows], [row["prompt"] for row in rows]
    sets = [tuple(row["choices"]) for row in rows]
    return Items(ids, prompts, sets, np.arange(n), ["questions"], np.zeros(n, dtype=np.int64), gold, [""] * n)


def crowd(kind: str, items: Items, spec: str, rng: np.random.Generator) -> Annotations:
    """Three annotators who label every item."""
    if kind == "grades":
        return graders(items, np.array([1.0, 0.5, -0.5]), np.full(3, 0.5), overlap="shared", rng=rng)
    return simulate(items, reliability(spec), overlap="shared", rng=rng)


def show(kind: str, found: dict[str, Any], test: Items) -> None:
    """Print the table."""
    score = {method: worth(kind, np.array(row["answers"]), test) for method, row in found.items()}
    draws = np.random.default_rng(0).integers(len(test), size=(DRAWS, len(test)))
    unit = "mean error in grades" if kind == "grades" else "right"
    print(f"{len(test)} test items, {unit}; against noisy, 95 % interval; labels cleaned right; verdict")
    for method, values in score.items():
        gain = values - score["noisy"]
        low, high = np.quantile(gain[draws].mean(axis=1), [0.025, 0.975])
        row, gap = found[method], score["oracle"].mean() - score["noisy"].mean() if "oracle" in score else np.nan
        share = gain.mean() / gap
        print(f"  {method:9} {values.mean():.3f}  {gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]  gap {share:6.1%}"
              f"  cleaned {row['posterior_accuracy']:.3f}  {row['verdict']}, {row['seconds']:.0f} s")  # fmt: skip
    one = next(iter(found.values()))
    print(f"  untrained {one['zero_shot_accuracy']:.3f}, vote {one['majority_accuracy']:.3f}, on the training items")
    for row in found.get("joint", {"people": []})["people"]:
        print("  ", {name: value for name, value in row.items() if value not in (None, "")})


def worth(kind: str, answers: Any, test: Items) -> Floats:
    """(T,) 1 where right; of grades the error."""
    off = np.abs(answers - test.gold)
    return np.asarray(off if kind == "grades" else off == 0, dtype=np.float64)


if __name__ == "__main__":
    main()
