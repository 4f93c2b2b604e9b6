"""Learning which of two texts is better from a crowd that errs: every method as its DPO, on the embedded model.

`python benchmarks/preferences.py words` compares "positive" and "negative" as the sentiment of a word; `piqa` two ways
to reach an aim (../shared/data/choice/piqa.jsonl.gz by default, --file elsewhere). Annotators are simulated, all label
every pair; texts stand in random order. All methods train on the same pairs in the same number of updates at one rate,
which `--rates 1e-5,2e-5,...` chooses by the oracle on pairs of their own. Accuracy on held-out pairs is of the implicit
reward (what DPO trains) and of the trained model's own likelihood per token (what it would rather say). Intervals are
of the difference to noisy, 2,000 draws of the held-out pairs, each pair's mean over seeds. Runs that are in the JSON
file are not repeated.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.bundled import words

FILE = Path(__file__).parents[2] / "shared/data/choice/piqa.jsonl.gz"
CROWDS = {".9 .1 .1": (0.9, 0.1, 0.1), ".9 .5 .1": (0.9, 0.5, 0.1), ".9 .7 .6": (0.9, 0.7, 0.6)}
METHODS: dict[str, tuple[str, dict[str, str]]] = {
    "noisy": ("noisy", {}),
    "majority": ("majority", {}),
    "smoothed": ("noisy", {"smoothing": "0.1"}),
    "dawid-skene": ("dawid-skene", {}),
    "rgpo": ("rgpo", {}),
    "re-po": ("re-po", {}),
    "realm": ("realm", {}),
    "joint": ("joint", {}),
}
LONGEST, LONGEST_PROMPT = 120, 80  # characters of both texts together, of a prompt: what two cores read in time
DRAWS = 2000
Row = dict[str, Any]


def pairs(ids: Sequence[str], prompts: Sequence[str], texts: Sequence[tuple[str, str]], gold: Ints, seed: int) -> Items:
    """Items of kind pair, the two texts of each in random order."""
    turned = np.random.default_rng([seed, 7]).integers(0, 2, len(ids))
    sets: dict[tuple[str, ...], int] = {}
    order = [both[::-1] if turn else both for both, turn in zip(texts, turned, strict=True)]
    codes = np.array([sets.setdefault(both, len(sets)) for both in order], dtype=np.int64)
    none = np.zeros(len(ids), dtype=np.int64)
    return Items(
        list(ids), list(prompts), list(sets), codes, ["pairs"], none, gold ^ turned, [""] * len(ids), ("pair",)
    )


def word_pairs(count: int, seed: int) -> Items:
    """Which sentiment a word has."""
    found = words(count, np.random.default_rng(seed))
    prompts = [f"Sentiment of {word}:" for word in found.ids]
    return pairs(found.ids, prompts, [("positive", "negative")] * count, found.gold, seed)


def piqa_pairs(path: Path, count: int, seed: int) -> Items:
    """Which of two ways reaches an aim; short ones, in random order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    short = [r for r in rows if sum(map(len, r["choices"])) <= LONGEST and len(r["prompt"]) <= LONGEST_PROMPT]
    short = [short[i] for i in np.random.default_rng(seed).permutation(len(short))[:count]]
    gold = np.array(["AB".index(r["answer"]) for r in short], dtype=np.int64)
    ids, prompts = [r["id"] for r in short], [f"Question: {r['prompt']}" for r in short]
    return pairs(ids, prompts, [tuple(r["choices"]) for r in short], gold, seed)


class Study:
    """The pairs of one seed, the untrained model's opinion of them, and what trainings of it reach."""

    def __init__(self, given: argparse.Namespace, seed: int) -> None:
        from crowdtune.methods import options

        total = given.items + given.test
        made = word_pairs(total, seed) if given.data == "words" else piqa_pairs(given.file, total, seed)
        self.train, self.test = made.take(np.arange(given.items)), made.take(np.arange(given.items, len(made)))
        template = "{prompt}" if given.data == "words" else ""
        self.settings = {"template": template, "epochs": str(given.epochs), "batch_size": "16", "accumulation": "1"}
        self.settings |= {"seed": str(seed)} | ({"lora": "true"} if given.lora else {})
        self.options, self.start, self.seed = options, None, seed

    def untrained(self) -> Row:
        """Accuracy and verdict without any training."""
        self._begin()
        return {"accuracy": 0.5, "own": float(self._own(self.start.lm).mean())}

    def reached(self, crowd: tuple[float, ...], method: str, settings: dict[str, str]) -> Row:
        """Train, and see which held-out pairs are right: by implicit reward, and by own likelihood."""
        from crowdtune.lm.reading import load_trained
        from crowdtune.lm.score import score
        from crowdtune.methods import train
        from crowdtune.simulate import simulate

        self._begin()
        rng = np.random.default_rng([self.seed, 11])
        annotations = simulate(self.train, np.array(crowd), rng=rng)
        with tempfile.TemporaryDirectory() as folder:
            run = train(annotations, method, self.settings | settings, out=Path(folder) / "run", start=self.start)
            lm, _ = load_trained(run.model)
            table = score(lm, self.held_out)
            found = run.results
            people = {row["annotator"]: row["reliability"] for row in run.annotators}
        return {
            "reward": _right(np.exp(table), self.test).round(3).tolist(),
            "own": self._own(lm).round(3).tolist(),
            "posterior": found["posterior_accuracy"],
            "verdict": found["verdict"],
            "reliability": people,
            "seconds": found["seconds"],
        }

    def _begin(self) -> None:
        """Load and ask the model once."""
        from crowdtune.methods import prepare
        from crowdtune.simulate import simulate

        if self.start is None:
            annotations = simulate(self.train, np.array([1.0]), rng=np.random.default_rng(0))
            self.start = prepare(annotations, self.options("oracle", self.settings)[1])
            self.held_out = self.start.reading.encode(self.test, self.start.lm, untrained=self.start.lm)

    def _own(self, lm: Any) -> Floats:
        """(T,) held-out pairs right by likelihood per token."""
        from crowdtune.lm.encode import encode
        from crowdtune.lm.score import score

        plain = replace(self.start.reading.format, beta=0.0, normalise="mean")
        return _right(np.exp(score(lm, encode(self.test, lm, plain, 512))), self.test)


def _right(probabilities: Floats, items: Items) -> Floats:
    """(T,) 1 where the gold text has more, 1/2 where both have as much."""
    gold = np.take_along_axis(probabilities, items.gold[:, None], axis=1)[:, 0]
    return 0.5 + 0.5 * np.sign(np.round(2 * gold - 1, 6))


def rates(given: argparse.Namespace) -> None:
    """What the oracle reaches at each rate on pairs of their own."""
    study = Study(given, seed=1000)
    print(f"untrained: own likelihood {study.untrained()['own']:.3f}", flush=True)
    for rate in given.rates.split(","):
        found = study.reached((1.0,), "oracle", {"learning_rate": rate})
        print(f"{rate}: reward {np.mean(found['reward']):.3f}, own {np.mean(found['own']):.3f}", flush=True)


def runs(given: argparse.Namespace) -> dict[str, Row]:
    """Every run asked for, from the file where it is there."""
    done: dict[str, Row] = json.loads(given.out.read_text()) if given.out.exists() else {}
    sizes = (
        f"{given.data} {given.items} {given.test} {given.epochs:g} {given.rate:g} {'lora' if given.lora else 'full'}"
    )
    for seed in range(given.seeds):
        study = Study(given, seed)
        wanted = [("", "oracle"), *((crowd, m) for crowd in given.crowds.split(",") for m in given.methods.split(","))]
        if (key := f"{sizes} | {seed} |  | untrained") not in done:
            _keep(given.out, done, key, study.untrained())
        for crowd, name in wanted:
            key = f"{sizes} | {seed} | {crowd} | {name}"
            if key not in done:
                method, settings = METHODS.get(name, (name, {}))
                settings = settings | {"learning_rate": str(given.rate)}
                _keep(given.out, done, key, study.reached(CROWDS.get(crowd, (1.0,)), method, settings))
                print(key, np.mean(done[key]["reward"]).round(3), f"{done[key]['seconds']} s", flush=True)
    return {key.removeprefix(sizes): row for key, row in done.items() if key.startswith(sizes)}


def _keep(path: Path, done: dict[str, Row], key: str, row: Row) -> None:
    done[key] = row
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(done))
    os.replace(aside, path)


def table(found: dict[str, Row], given: argparse.Namespace) -> list[str]:
    """Lines: accuracy, the difference to noisy with its interval, and the gap to the oracle that is recovered."""

    def of(crowd: str, name: str, what: str) -> Floats:
        return np.mean([found[f" | {seed} | {crowd} | {name}"][what] for seed in range(given.seeds)], axis=0)

    rng = np.random.default_rng(0)
    draws = rng.integers(0, given.test, (DRAWS, given.test))
    best, own = of("", "oracle", "reward"), of("", "oracle", "own")
    lines = [
        f"untrained: own {of('', 'untrained', 'own'):.3f}; oracle: reward {best.mean():.3f}, own {own.mean():.3f}",
        "| crowd | method | reward | over noisy (95 %) | gap recovered | own likelihood | labels cleaned | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for crowd in given.crowds.split(","):
        noisy = of(crowd, "noisy", "reward")
        for name in given.methods.split(","):
            hit = of(crowd, name, "reward")
            low, high = np.quantile((hit - noisy)[draws].mean(axis=1), [0.025, 0.975])
            gap = (hit - noisy).mean() / max((best - noisy).mean(), 1e-9)
            said = [found[f" | {seed} | {crowd} | {name}"]["verdict"]["status"] for seed in range(given.seeds)]
            lines.append(
                f"| {crowd} | {name} | {hit.mean():.3f} | {(hit - noisy).mean():+.3f} ({low:+.3f} to {high:+.3f}) "
                f"| {gap:.0%} | {of(crowd, name, 'own').mean():.3f} | {of(crowd, name, 'posterior'):.3f} "
                f"| {', '.join(said)} |"
            )
    return lines


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", choices=["words", "piqa"])
    parser.add_argument("--file", type=Path, default=FILE, help="piqa as JSONL with prompt, choices and answer")
    parser.add_argument("--items", type=int, default=384)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=2e-5)
    parser.add_argument("--rates", default="", help="choose a rate by the oracle instead")
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--crowds", default=",".join(CROWDS))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("-o", "--out", type=Path, default=Path("preferences.json"))
    given = parser.parse_args()
    logging.getLogger("crowdtune").setLevel(logging.ERROR)
    if given.data == "piqa" and not given.file.exists():
        print(f"{given.file} is not there")
    elif given.rates:
        rates(given)
    else:
        print("\n".join(table(runs(given), given)))


if __name__ == "__main__":
    main()
