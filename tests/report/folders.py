"""Folders of runs as an audit and a training write them, made without either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Items
from crowdtune.metrics.people import against_people, contested
from crowdtune.runs import Run
from crowdtune.write.tables import write_json, write_table

CHOICES = ["negative", "neutral", "positive"]
TEXTS = [
    "Arrived a day late, but the box was fine and the lamp works.",
    "I wanted to like it. The sound is thin and the left ear died in a week.",
    "Does what it says, no more and no less.",
    "Third one I buy. My mother has one, my sister has one, now the office has one.",
    "Well, that was an experience.",
    "The manual is in four languages, none of them helpful, yet I got it running in ten minutes.",
]
EVIL = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\"'><svg onload=alert(3)>",
    "</style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% for x in y %}",
    "<!-- --><iframe src=//example.org>",
    "&lt;b&gt; &amp;",
    "javascript:alert(4)",
    "a\u202egnitseretni\u2066\x00\x1b[31m",
    "]]><![CDATA[",
    "`${alert(5)}`",
    "x" * 100_000,
]
VERDICT = {
    "status": "resolved",
    "words": "Resolved by the labels: most are of annotators who agree with each other, and hardly any of annotators "
    "who may contradict them. This holds unless nine in ten labels err in concert.",
    "by": "labels",
    "camps": [],
    "gold_needed": 0,
    "evidence": 0.0,
}


def audit(
    folder: Path,
    *,
    annotators: int = 12,
    items: int = 200,
    choices: list[str] = CHOICES,
    texts: list[str] = TEXTS,
    names: list[str] | None = None,
    ids: list[str] | None = None,
) -> Path:
    """A run without a model: every file an audit writes."""
    rng = np.random.default_rng(7)
    people = _people(rng, annotators, choices)
    for row, name in zip(people, names or [], strict=False):
        row["annotator"] = name
    Run.start(folder, {"method": "audit", "source": "/home/ann/reviews.csv", "aggregator": "auto", "seed": 0})
    write_table(folder / "annotators.csv", {key: [row[key] for row in people] for key in people[0]})
    table = _items(rng, items, choices, texts)
    table["item"][: len(ids or [])] = ids or []
    write_table(folder / "items.parquet", table)
    matrices = {row["annotator"]: _matrix(row["reliability"], rng, len(choices)) for row in people[:40]}
    write_json(folder / "confusions.json", [{"task": "sentiment", "choices": choices, "annotators": matrices}])
    Run(folder).finish(_results(people, table, choices))
    return folder


def _people(rng: np.random.Generator, count: int, choices: list[str]) -> list[dict[str, Any]]:
    trust = np.sort(rng.beta(8, 2, count))[::-1]
    trust[count - max(1, count // 12) :] = rng.uniform(0.08, 0.4, max(1, count // 12))
    labels = rng.geometric(1 / 180, count) + 6
    labels[count - 1] = 3
    rows = []
    for j in range(count):
        thin = bool(labels[j] < 12)
        half = 1.6 * np.sqrt(trust[j] * (1 - trust[j]) / labels[j] + 1e-4)
        below = trust[j] + half < 1 / len(choices)
        rows.append(
            {
                "annotator": f"worker{j:03d}@example.org",
                "labels": int(labels[j]),
                "reliability": round(float(trust[j]), 4),
                "accuracy": round(float(np.clip(trust[j] + rng.normal(0, 0.03), 0, 1)), 4) if j % 3 else None,
                "thin": thin,
                "reliability_low": round(float(max(trust[j] - half, 0.01)), 4),
                "reliability_high": round(float(min(trust[j] + half, 0.995)), 4),
                "agreement": round(float(np.clip(trust[j] * 0.85 + 0.05, 0, 1)), 4),
                "seconds": round(float(rng.gamma(4, 2.2)), 2) if j % 7 else 1.1,
                "bias": f"says '{choices[j % len(choices)]}' {55 + j % 40}% of the time, others 31% on the same items"
                if j % 5 == 2
                else "",
                "flags": "; ".join(
                    ["below chance"] * int(below)
                    + ["near-random"] * int(0.3 < trust[j] < 0.45)
                    + ["too fast"] * (j % 7 == 0)
                ),
            }
        )
    return sorted(rows, key=lambda row: row["thin"])


def _items(rng: np.random.Generator, count: int, choices: list[str], texts: list[str]) -> dict[str, list[Any]]:
    k = len(choices)
    posterior = rng.dirichlet([0.25] * k, count)
    votes = np.array([rng.multinomial(5, row) for row in posterior])
    best = posterior.argmax(axis=1)
    gold = np.where(rng.random(count) < 0.95, best, (best + 1) % k)
    has = rng.random(count) < 0.4
    return {
        "item": [f"review-{i:05d}" for i in range(count)],
        "label": [choices[b] for b in best],
        "probability": posterior.max(axis=1).tolist(),
        "choices": [choices] * count,
        "posterior": posterior.tolist(),
        "entropy": (-(posterior * np.log(posterior.clip(1e-12))).sum(axis=1)).tolist(),
        "labels": [5] * count,
        "tied_vote": [bool((v == v.max()).sum() > 1) for v in votes],
        "reason": [""] * count,
        "provenance": ["one-coin"] * count,
        "task": ["sentiment"] * count,
        "prompt": [texts[i % len(texts)] for i in range(count)],
        "gold": [choices[g] if h else None for g, h in zip(gold, has, strict=True)],
        "votes": votes.tolist(),
        "error": [
            f"gold may be wrong: it says '{choices[g]}', the annotators '{choices[b]}'" if h and g != b else ""
            for g, b, h in zip(gold, best, has, strict=True)
        ],
    }


def _matrix(trust: float, rng: np.random.Generator, k: int) -> list[list[float]]:
    table = trust * np.eye(k) + (1 - trust) * rng.dirichlet([0.7] * k, k)
    return (table / table.sum(axis=1, keepdims=True)).round(3).tolist()


def _results(people: list[dict[str, Any]], table: dict[str, list[Any]], choices: list[str]) -> dict[str, Any]:
    labels = sum(row["labels"] for row in people)
    low = [row["annotator"] for row in people if "below chance" in row["flags"]]
    shares = np.bincount([choices.index(label) for label in table["label"]], minlength=len(choices)) / len(
        table["item"]
    )
    return {
        "method": "audit",
        "aggregator": "one-coin",
        "why": "It foretold labels left out best; Dawid-Skene has more to learn than these labels can teach it.",
        "compared": [
            {"aggregator": "one-coin", "nats": 0.612, "standard_error": 0.006},
            {"aggregator": "dawid-skene", "nats": 0.634, "standard_error": 0.007},
            {"aggregator": "majority", "nats": 0.721, "standard_error": 0.009},
        ],
        "labels": labels,
        "items": len(table["item"]),
        "annotators": len(people),
        "verdict": VERDICT,
        "in_words": [
            f"These labels can be used: 9 in 10 annotators do better than chance, and {people[0]['annotator']} best.",
            f"Leave {len(low)} annotators out or talk to them: what they say is more often wrong than chance would be.",
            "About 6% of the recorded answers look wrong; the list below begins with the likeliest.",
        ],
        "warnings": [
            {
                "what": f"{len(low)} annotators are below chance, {', '.join(low[:3])} among them.",
                "items": [],
                "annotators": low,
            },
            {
                "what": "7 items have a tied vote; no label was made up for them.",
                "items": table["item"][:7],
                "annotators": [],
            },
        ],
        "tasks": [
            {
                "task": "sentiment",
                "kind": "choice",
                "choices": choices,
                "items": len(table["item"]),
                "labels": labels,
                "agreement": [
                    {"key": "alpha", "measure": "Krippendorff's alpha", "value": 0.62, "low": 0.58, "high": 0.66},
                    {"key": "ac1", "measure": "Gwet's AC1", "value": 0.71, "low": 0.68, "high": 0.74},
                    {"key": "raw", "measure": "Raw agreement", "value": 0.78, "low": 0.76, "high": 0.8},
                ],
                "balance": [
                    {"choice": c, "labels": round(labels * s), "share": float(s), "expected": float(0.9 * s + 0.03)}
                    for c, s in zip(choices, shares, strict=True)
                ],
                "confusion": _matrix(0.78, np.random.default_rng(3), len(choices)),
            }
        ],
    }


def disagreement(
    folder: Path, choices: list[str], texts: list[str] = TEXTS, ids: list[str] | None = None, items: int = 60
) -> dict[str, Any]:
    """Write disagreement.parquet, and return what results.json says of it: ten people an item, a model too sure."""
    rng = np.random.default_rng(11)
    counts = np.array([rng.multinomial(10, row) for row in rng.dirichlet([0.7] * len(choices), items)])
    votes, none = counts / 10, np.zeros(0, dtype=np.int64)
    said = (votes + 0.1) ** 2
    said /= said.sum(axis=1, keepdims=True)
    names = [f"held-out-{i}" for i in range(items)]
    names[: len(ids or [])] = ids or []
    zero = np.zeros(items, dtype=np.int64)
    things = Items(
        names,
        [texts[i % len(texts)] for i in range(items)],
        [tuple(choices)],
        zero,
        ["t"],
        zero,
        zero - 1,
        [""] * items,
    )
    people = Annotations(things, [], none, none, none, counts=counts)
    Run(folder).write_disagreement(contested(said, people))
    found = against_people(said, people, rng)
    assert found is not None
    return found


def trained(folder: Path) -> Path:
    """A training run with the files `crowdtune train` writes; the model is left out."""
    rng = np.random.default_rng(5)
    config = {
        "method": "joint",
        "options": {"updates": "em", "per_task": True, "gold": 0, "history": ""},
        "training": {"lm": "embedded", "template": "Sentiment of {prompt}:", "epochs": 3.0, "seed": 0},
        "data": {"source": "crowd.csv", "repeats": "last", "items": 300, "labels": 900, "annotators": 3},
    }
    run = Run.start(folder, config)
    for step in range(10, 410, 10):
        loss = 0.3 + np.exp(-step / 90) + rng.normal(0, 0.02)
        run.log({"step": step, "loss": float(loss), "grad_norm": 2.0, "learning_rate": 1e-5, "epoch": step / 130})
        if not step % 40:
            run.log({"step": step, "test_accuracy": float(0.95 - 0.4 * np.exp(-step / 100))})
    run.log({"step": 400, "train_runtime": 38.0, "train_loss": 0.5})
    columns = ("annotator", "labels", "reliability", "accuracy", "thin", "reliability_low", "reliability_high")
    people = [
        ("a1", 300, 0.9039, 0.8994, False, 0.8836, 0.9197),
        ("bob the builder", 300, 0.52, 0.51, False, 0.46, 0.58),
        ("eve", 300, 0.1092, 0.1064, False, 0.0927, 0.132),
    ]
    run.write_annotators([dict(zip(columns, row, strict=True)) for row in people])
    items = _items(rng, 300, ["no", "yes"], TEXTS)
    for audited in ("task", "prompt", "gold", "votes", "error"):
        del items[audited]
    write_table(folder / "items.parquet", items)
    words = (
        "Ambiguous: 2 camps contradict each other (a1, bob the builder; eve), and the untrained model does not decide "
        "who is right (z = 1.0). To decide, give the right answer of 16 items drawn at random in a gold column and "
        "--set gold=16."
    )
    run.finish(
        {
            "method": "joint",
            "model": "embedded",
            "learning_rate": 0.00004,
            "items": 300,
            "labels": 900,
            "annotators": 3,
            "posterior_accuracy": 0.9892578125,
            "model_accuracy": 0.9736328125,
            "zero_shot_accuracy": 0.8359375,
            "majority_accuracy": 0.1826171875,
            "annotator_model": "coin",
            "verdict": VERDICT
            | {"status": "ambiguous", "by": "nothing", "words": words, "camps": [["a1", "bob the builder"], ["eve"]]},
            "clusters": [
                {
                    "cluster": 0,
                    "items": 180,
                    "for example": ["review-00000", "review-00003"],
                    "reliability": {"a1": 0.95, "bob the builder": 0.1, "eve": 0.08},
                },
                {
                    "cluster": 3,
                    "items": 120,
                    "for example": ["review-00001"],
                    "reliability": {"a1": 0.83, "bob the builder": 0.97, "eve": 0.15},
                },
            ],
            "warnings": [words, "the trained model agrees with what it answered before on 10% of the items."],
            "test": {"items": 120, "accuracy": 0.94, "disagreement": disagreement(folder, ["no", "unsure", "yes"])},
            "seconds": 75.4,
        }
    )
    return folder
