"""Right numbers in many wordings: what is lost where answers are compared as strings?

gsm8k: 1,000 questions, each answered by some of ten simulated annotators, who give the right number as often as their
reliability says, else a near or a common wrong one, in wordings drawn from ten. `python benchmarks/arithmetic.py
[FILE]`; the file is ../shared/data/open/gsm8k.jsonl.gz by default. A minute, no language model.

right       share of items whose answer is the gold number; open ones are wrong
error       mean absolute error of reliability, to the share of an annotator's labels that are right
rho         Spearman of the two
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import spearmanr

from crowdtune.aggregate import aggregator
from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.denoise.answers import OPEN, by_meaning, chosen, said_only
from crowdtune.denoise.meaning import Exact, Meaning, Numbers, grouped
from crowdtune.metrics.crowd import reliability

FILE = Path(__file__).parents[2] / "shared/data/open/gsm8k.jsonl.gz"
ITEMS, SEEDS, COMMON = 1000, 3, 0.3
CROWDS = {"good": np.linspace(0.5, 0.95, 10), "mixed": np.linspace(0.15, 0.95, 10)}
WORDINGS = (
    "{n}", "${n}", "{n}.", "The answer is {n}.", "{n}.0", "It is {n} in all", "#### {n}", "{comma}",
    "x = {n}", "{n} dollars",
)  # fmt: skip


def worded(value: int, rng: np.random.Generator) -> str:
    """A number as somebody may write it."""
    return WORDINGS[rng.integers(len(WORDINGS))].format(n=value, comma=f"{value:,}")


def answered(
    gold: list[int], reliability: Floats, per_item: int, common: float, rng: np.random.Generator
) -> Annotations:
    """Annotations of kind "text"; gold is unworded, the last of an item's choices where nobody wrote it so."""
    rows, sets = [], []
    for i, right in enumerate(gold):
        said: dict[str, int] = {}
        mistake = right + int(rng.integers(1, 10))
        for j in rng.permutation(len(reliability))[:per_item].tolist():
            wrong = mistake if rng.random() < common else right + int(rng.integers(1, 60))
            text = worded(right if rng.random() < reliability[j] else wrong, rng)
            rows.append((i, j, said.setdefault(text, len(said))))
        said.setdefault(str(right), len(said))
        sets.append(tuple(said))
    n = len(gold)
    code = np.array([texts.index(str(right)) for texts, right in zip(sets, gold, strict=True)], dtype=np.int64)
    none, ids = np.zeros(n, dtype=np.int64), [f"i{i}" for i in range(n)]
    items = Items(ids, [""] * n, sets, np.arange(n), ["gsm8k"], none, code, [""] * n, ("text",))
    item, who, label = np.array(rows, dtype=np.int64).T
    return Annotations(items, [f"a{j}" for j in range(len(reliability))], item, who, label)


def measure(given: Annotations, judged: Annotations, method: str) -> dict[str, float]:
    """How right answers and reliabilities are: `given` compared in some way, `judged` as numbers."""
    begin = perf_counter()
    posterior = aggregator(method).fit(given).posterior
    seconds = perf_counter() - begin
    found = reliability(given, posterior)
    given, posterior = said_only(given, posterior)
    best = posterior.argmax(axis=1)
    pairs = [(str(given.items.text(i, b)), str(given.items.text(i, g)))
             for i, (b, g) in enumerate(zip(best.tolist(), given.items.gold.tolist(), strict=True))]  # fmt: skip
    right = np.mean([codes[0] == codes[1] for codes in grouped(pairs, Numbers())])
    true = np.bincount(judged.annotator, judged.label == judged.items.gold[judged.item])
    true = true / judged.labels_per_annotator
    return {"right": float(right), "error": float(np.abs(found - true).mean()),
            "rho": float(spearmanr(found, true).statistic), "seconds": seconds}  # fmt: skip


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--open", type=int, default=OPEN, help="choices of an item at least")
    parser.add_argument("--common", type=float, default=COMMON, help="share of wrong answers that are one mistake")
    parser.add_argument("--labels", type=int, nargs="+", default=[3, 5, 10], help="answers to an item")
    flags = parser.parse_args()
    if not flags.file.exists():
        print(f"{flags.file} is not there")
        return
    with gzip.open(flags.file, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["answer"].replace(",", "") for _, line in zip(range(ITEMS), file, strict=False)]
    gold = [int(float(text)) for text in texts]
    ways: tuple[tuple[str, Meaning | None], ...] = (("strings", None), ("exact", Exact()), ("numbers", Numbers()))
    for name, reliabilities in CROWDS.items():
        for per_item in flags.labels:
            print(f"{name} crowd, {per_item} answers to each of {len(gold)} items")
            rngs = [np.random.default_rng(seed) for seed in range(SEEDS)]
            drawn = [answered(gold, reliabilities, per_item, flags.common, rng) for rng in rngs]
            for way, meaning in ways:
                given = [one if meaning is None else by_meaning(one, meaning, least=flags.open) for one in drawn]
                for method in ("majority", "one-coin"):
                    rows = [
                        measure(one, by_meaning(raw, Numbers()), method) for one, raw in zip(given, drawn, strict=True)
                    ]
                    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
                    print(f"  {way:<8} {method:<9} " + "  ".join(f"{k} {v:.3f}" for k, v in mean.items()))
    print(chosen(drawn[0], "gsm8k").why)


if __name__ == "__main__":
    main()
