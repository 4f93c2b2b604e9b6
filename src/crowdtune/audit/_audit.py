"""Audit a crowd: aggregate, measure, warn. Everything is plain data, ready to print or to write."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from crowdtune import aggregate
from crowdtune.aggregate import Fit
from crowdtune.annotations import Annotations, Floats
from crowdtune.audit._items import ItemError, item_errors
from crowdtune.audit._people import Part, parts, people
from crowdtune.audit._warnings import Warning, warnings
from crowdtune.audit._words import in_words, without_model
from crowdtune.em.given import flat
from crowdtune.metrics.accuracy import accuracy
from crowdtune.metrics.agreement import agreement
from crowdtune.metrics.confusion import confusions, crowd_confusion
from crowdtune.metrics.guard import Verdict, verdict

JUDGED = 4e5  # labels times choices the verdict looks at; of more, those of items drawn at random
MATRIX, SHOWN = 10, 40  # most choices of a confusion matrix that is shown, and most annotators shown


@dataclass(frozen=True, eq=False)
class Audit:
    """What labels alone tell.

    Args:
        aggregator: name of what inferred the truths.
        why: why that one, a sentence.
        compared: rows of aggregator, nats and standard_error, where some were compared.
        labels: N.
        items: I.
        annotators: rows as in annotators.csv, most reliable first: annotator, labels, reliability and its interval,
            accuracy against gold, agreement with others, seconds, bias, flags.
        verdict: whether labels, or gold, tell the truth from its rivals.
        in_words: sentences, the most important first.
        warnings: the gravest first.
        tasks: of each task its kind, choices, sizes, agreement, balance and the crowd's confusion.
        confusions: of each task with few choices, the confusion matrices of those with most labels.
        errors: items whose gold or vote looks wrong, the surest first.
        posterior: (I, K) P(truth = k).
        reliability: mean posterior of all labels.
        posterior_accuracy: share of items with gold that are answered right, None without gold.
        seed: of the bootstrap.
    """

    aggregator: str
    why: str
    compared: list[dict[str, Any]]
    labels: int
    items: int
    annotators: list[dict[str, Any]]
    verdict: Verdict
    in_words: list[str]
    warnings: list[Warning]
    tasks: list[dict[str, Any]]
    confusions: list[dict[str, Any]]
    errors: list[ItemError]
    posterior: Floats
    reliability: float
    posterior_accuracy: float | None
    seed: int

    def results(self) -> dict[str, Any]:
        """What results.json holds."""
        return {
            "method": "audit",
            "aggregator": self.aggregator,
            "why": self.why,
            "compared": self.compared,
            "labels": self.labels,
            "items": self.items,
            "annotators": len(self.annotators),
            "reliability": self.reliability,
            "posterior_accuracy": self.posterior_accuracy,
            "verdict": self.verdict.as_dict() | {"before_training": self.verdict.status},
            "in_words": self.in_words,
            "warnings": [asdict(warning) for warning in self.warnings],
            "tasks": self.tasks,
        }


def audit(annotations: Annotations, *, aggregator: str = "auto", seed: int = 0) -> Audit:
    """Audit a crowd.

    Args:
        annotations: N labels, at least one. Gold decides between rivals and checks annotators; nothing learns from it.
        aggregator: name of an aggregator, or auto.
        seed: of the bootstrap, and of samples of items where labels are very many.
    """
    annotations.require_labels()
    rng = np.random.default_rng(seed)
    name, why, fit = _fitted(annotations, aggregator)
    several = parts(annotations)
    doubt = fit.intervals or aggregate.intervals(annotations, fit.posterior)
    rows = people(annotations, fit.posterior, doubt, several, rng)
    places = [np.flatnonzero(annotations.items.task == m) for m in np.unique(annotations.items.task)]
    posteriors = [fit.posterior[at, : p.annotations.items.max_choices] for at, p in zip(places, several, strict=True)]
    tables = [_task(part, q, rng) for part, q in zip(several, posteriors, strict=True)]
    said = without_model(_verdict(annotations, seed), len(annotations.items), tables)
    pairs = list(zip(several, tables, strict=True))
    errors = item_errors(annotations, fit.posterior)
    right = accuracy(fit.posterior, annotations.items.gold)
    return Audit(
        aggregator=name,
        why=why,
        compared=_compared(fit),
        labels=len(annotations),
        items=len(annotations.items),
        annotators=rows,
        verdict=said,
        in_words=in_words(annotations, fit.posterior, said, rows, pairs),
        warnings=warnings(annotations, said, rows, errors, pairs) + [Warning(note) for note in fit.notes],
        tasks=tables,
        confusions=[c for part, q in zip(several, posteriors, strict=True) if (c := _matrices(part, q))],
        errors=errors,
        posterior=fit.posterior,
        reliability=float(np.mean(fit.posterior[annotations.item, annotations.label])),
        posterior_accuracy=None if np.isnan(right) else right,
        seed=seed,
    )


def _fitted(annotations: Annotations, asked: str) -> tuple[str, str, Fit]:
    """The one place an aggregator is chosen: its name, why, and what it found."""
    fit = aggregate.aggregator(asked).fit(annotations)
    chosen = ", ".join(dict.fromkeys(fit.chosen.values())) or asked
    why = "foretells labels left out as well as the best of those compared" if fit.chosen else "asked for"
    return chosen, f"{chosen}: {why}.", fit


def _compared(fit: Fit) -> list[dict[str, Any]]:
    """What was weighed in choosing the aggregator, [] where it was no choice."""
    return [
        {"task": row["task"], "aggregator": row["aggregator"], "nats": row["nats"], "standard_error": row["error"]}
        for row in fit.compared
    ]


def _verdict(annotations: Annotations, seed: int) -> Verdict:
    """The verdict of joint, without a model: labels decide, or gold."""
    size = len(annotations) * annotations.items.max_choices
    if size > JUDGED:
        order = np.random.default_rng(seed).permutation(len(annotations.items))
        annotations = annotations.take_items(np.sort(order[: 1 + int(len(order) * JUDGED / size)]))
    everything = np.ones(len(annotations.items), dtype=bool)
    return replace(verdict(annotations, flat(annotations), gold=everything, seed=seed), evidence=0.0)


def _task(part: Part, posterior: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """The entry of a task in results.json."""
    annotations, choices = part.annotations, part.choices
    items = annotations.items
    labelled = annotations.labels_per_item > 0
    given = annotations.votes.sum(axis=0)
    expected = posterior[labelled].mean(axis=0) if labelled.any() else np.zeros(len(given))
    return {
        "task": items.tasks[int(items.task[0])],
        "kind": part.kind,
        "choices": list(choices) or None,
        "items": len(items),
        "labels": len(annotations),
        "agreement": [asdict(found) for found in agreement(annotations, rng)],
        "balance": [
            {
                "choice": choice,
                "labels": int(given[code]),
                "share": float(given[code] / max(len(annotations), 1)),
                "expected": float(expected[code]),
            }
            for code, choice in enumerate(choices)
        ],
        "confusion": crowd_confusion(annotations, posterior).tolist() if 0 < len(choices) <= MATRIX else None,
    }


def _matrices(part: Part, posterior: Floats) -> dict[str, Any] | None:
    """Confusion matrices of the annotators with most labels of a task, None where choices differ or are many."""
    annotations = part.annotations
    if not 1 < len(part.choices) <= MATRIX:
        return None
    count = annotations.labels_per_annotator
    who = np.argsort(-count, kind="stable")[:SHOWN]
    who = who[count[who] > 0]
    matrices = confusions(annotations, posterior, who).round(4).tolist()
    names = [annotations.annotators[j] for j in who.tolist()]
    return {
        "task": annotations.items.tasks[int(annotations.items.task[0])],
        "choices": list(part.choices),
        "annotators": dict(zip(names, matrices, strict=True)),
    }
