"""A language model as the expert who finds noise in given labels: SmolLM2 asked once about each item of FPB.

    python benchmarks/expert.py ../shared/data/open/robustft_fpb.jsonl.gz --store runs/replies.sqlite

The file's own columns noisy30, noisy50 and noisy70 are the labels, five splits into train and test. Trained is a
linear classifier on MiniLM embeddings, the same for every row: on the labels as they came, on what confident learning
leaves of them, on the expert's own answers, and on what the panel keeps. Accuracy and macro-F1 on the test items in
percent, mean and standard error over splits; then noise found (precision, recall), and the reliability of labels and
expert as it was found, beside the truth. Replies are kept in the store: a second run asks nobody.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.backends.ask import Spent
from crowdtune.backends.store import Store
from crowdtune.bench.given import load_given
from crowdtune.bench.grid import HEAD, Cell
from crowdtune.denoise.classifier import cross_fit, fit, predict, standardised
from crowdtune.denoise.clean import Cleaning, judge_labels, leanless
from crowdtune.denoise.confident import noisy_labels
from crowdtune.denoise.question import Opinion, Question
from crowdtune.lm.embed import embed
from crowdtune.methods._asking import Asking, panelists
from crowdtune.metrics.accuracy import macro_f1
from crowdtune.metrics.noise import detection

ASKED = (
    "Is the sentiment of this financial news sentence negative, neutral or positive? Answer with one word.\n{prompt}"
)
LEVELS = (0, 30, 50, 70)
SEEDS = 5
RIDGE = 1.0
Rows = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Read the command, run every level and split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    if not options.file.is_file():
        raise SystemExit(f"{options.file} is missing: it is RobustFT's FPB with noisy labels, as JSONL.")
    asking = Asking(model=options.model, template=ASKED)
    for level in LEVELS:
        rows: Rows = {}
        found: list[list[float]] = []
        for seed in range(options.seeds):
            cell = Cell("fpb", HEAD, distribution=f"noisy{level}", seed=seed)
            annotations, test = load_given(cell, {"fpb": options.file})
            found.append(split(annotations, test, asking, options.store, rows))
        show(level, rows, np.array(found))


def split(annotations: Annotations, test: Items, asking: Asking, store: Path, rows: Rows) -> list[float]:
    """Train every row of one split; what was found of noise, labels and expert."""
    items, k = annotations.items, annotations.items.max_choices
    said = ask([*items.prompts, *test.prompts], items, asking, store)
    own, others = said[: len(items)], said[len(items) :]
    x = standardised(embed([*items.prompts, *test.prompts]))
    train, held_out = x[: len(items)], x[len(items) :]
    cleaned = judge_labels(annotations, {"direct": list(own)}, train, None, Cleaning())
    label, ones = annotations.label, np.ones(len(items))
    across = cross_fit(train, np.eye(k)[label], ones).log_p
    answers = np.array([items.common_choices.index(o.answer) for o in leanless(items, own) if o])
    sure = (~noisy_labels(label, np.exp(across))).astype(float)
    for name, targets, weights in (
        ("labels as they came", np.eye(k)[label], ones),
        ("confident learning", np.eye(k)[label], sure),
        ("expert's own answers", np.eye(k)[answers], ones),
        ("panel", *cleaned.targets(k)),
        ("gold", np.eye(k)[items.gold], ones),
    ):
        add(rows, name, answered(train, targets, weights, held_out), test)
    zero_shot = np.array([items.common_choices.index(o.answer) for o in leanless(test, others) if o])
    add(rows, "expert itself", zero_shot, test)
    add(rows, "always the commonest", np.full(len(test), np.bincount(items.gold).argmax()), test)
    noise = detection(annotations, cleaned.labels != label)
    pair = [value for e in cleaned.experts[:2] for value in (e["reliability"], e["accuracy"])]
    return [noise["noise_precision"] or np.nan, noise["noise_recall"] or np.nan, *pair]


def ask(prompts: list[str], items: Items, asking: Asking, store: Path) -> list[Opinion]:
    """The expert's opinion on each text."""
    with Store(store) as kept:
        (who,) = panelists(asking, kept, Spent(), dry=False, say=print)
        text = [asking.template.replace("{prompt}", prompt) for prompt in prompts]
        return who.answer([Question(one, items.common_choices) for one in text])


def answered(features: Floats, targets: Floats, weights: Floats, held_out: Floats) -> Ints:
    """(T,) answers of a classifier trained on these targets."""
    return np.asarray(predict(fit(features, targets, weights, ridge=RIDGE), held_out).argmax(axis=1))


def add(rows: Rows, name: str, answers: Ints, test: Items) -> None:
    """Note accuracy and macro-F1."""
    rows.setdefault(name, []).append((float((answers == test.gold).mean()), macro_f1(answers, test.gold)))


def show(level: int, rows: Rows, found: Floats) -> None:
    """Print a level."""
    print(f"\n{level} % of the labels are wrong: accuracy, macro-F1 (standard errors)")
    for name, values in rows.items():
        table = 100 * np.array(values)
        error = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.full(2, np.nan)
        (a, f), (ea, ef) = table.mean(axis=0), error
        print(f"  {name:22} {a:5.1f} ({ea:.1f})  {f:5.1f} ({ef:.1f})")
    mean = found.mean(axis=0)
    print(f"  noise: precision {mean[0]:.2f}, recall {mean[1]:.2f}")
    print(f"  reliability found (true): labels {mean[2]:.2f} ({mean[3]:.2f}), expert {mean[4]:.2f} ({mean[5]:.2f})")


if __name__ == "__main__":
    main()
