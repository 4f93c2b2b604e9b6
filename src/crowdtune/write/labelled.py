"""Annotations with what is believed of their truths: what every export starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.errors import InputError
from crowdtune.metrics.accuracy import entropy
from crowdtune.metrics.crowd import ties
from crowdtune.write.hidden import hidden

OPEN, DOUBTFUL = "label is open (tied or unlabelled)", "label is less probable than --min-probability"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Annotations and the posterior over the truth of their items.

    Args:
        annotations: who said what about I items.
        posterior: (I, K) P(truth = k), rows sum to 1; zeros where nothing is believed (free responses).
        method: which gave the posterior, e.g. "dawid-skene".
        decided: (I,) codes of the labels, -1 for an open one, where they are not simply the most probable choices.
    """

    annotations: Annotations
    posterior: Floats
    method: str
    decided: Ints | None = None

    @property
    def items(self) -> Items:
        """The I items."""
        return self.annotations.items

    @cached_property
    def probability(self) -> Floats:
        """(I,) of the label; where that is open, of the most probable choice."""
        top: Floats = self.posterior.max(axis=1, initial=0)
        if self.decided is None:
            return top
        return np.where(self.decided < 0, top, self.posterior[np.arange(len(top)), self.decided])

    @cached_property
    def label(self) -> Ints:
        """(I,) code of the most probable choice, -1 where the label is open: several are most probable, or none is."""
        if self.decided is not None:
            return self.decided
        if not self.posterior.size:
            return np.full(len(self.items), -1, dtype=np.int64)
        tied = (np.isclose(self.posterior, self.probability[:, None]) & self.items.choice_mask).sum(axis=1) > 1
        return np.where(tied | (self.probability <= 0), -1, self.posterior.argmax(axis=1))

    def sure(self, at_least: float) -> tuple[Ints, dict[str, int]]:
        """Places of the items with a label, `at_least` so probable; and how many others there are, by reason."""
        is_open, doubtful = self.label < 0, self.probability < at_least
        left_out = {OPEN: int(is_open.sum()), DOUBTFUL: int((doubtful & ~is_open).sum())}
        return np.flatnonzero(~is_open & ~doubtful), left_out

    def without_names(self) -> Labelled:
        """The same with pseudonyms for people; of annotators' traits only whether they are persons or models."""
        return replace(self, annotations=hidden(self.annotations)[0])


def label_table(
    annotations: Annotations, posterior: Floats, provenance: str, decided: Ints | None = None
) -> dict[str, list[Any]]:
    """Columns item, label, probability, choices, posterior, entropy (nats), labels (count), tie, reason, provenance.

    Where a task has grades also mean_grade: the expected grade, or where grades are words the expected place on the
    scale, 1 = the lowest; null where nobody answered.

    The label is the one decided, or the most probable choice. It is null where no choice is most probable, with the
    reason ("tie", or "no label" where nobody answered and the posterior is not a model's).
    """
    items, labelled = annotations.items, Labelled(annotations, posterior, provenance, decided)
    per_item = annotations.all_votes.sum(axis=1)
    reasons = np.where(labelled.label < 0, np.where(per_item == 0, "no label", "tie"), "")
    columns = {
        "item": list(items.ids),
        "label": [items.text(i, int(code)) for i, code in enumerate(labelled.label)],
        "probability": labelled.probability.tolist(),
        "choices": [list(items.choices(i)) for i in range(len(items))],
        "posterior": [posterior[i, : items.n_choices[i]].tolist() for i in range(len(items))],
        "entropy": entropy(posterior).tolist(),
        "labels": per_item.tolist(),
        "tied_vote": ties(annotations).tolist(),
        "reason": reasons.tolist(),
        "provenance": [provenance] * len(items),
    }
    return columns | _grades(annotations, posterior)


def _grades(annotations: Annotations, posterior: Floats) -> dict[str, list[Any]]:
    """Column mean_grade, none where no task has grades."""
    items = annotations.items
    graded = np.array([kind == "grade" for kind in items.kinds])[items.task] if len(items) else np.zeros(0, dtype=bool)
    if not graded.any():
        return {}
    scales = np.zeros((len(items.choice_sets), posterior.shape[1]))
    for scale, choices in zip(scales, items.choice_sets, strict=True):
        scale[: len(choices)] = _scale(choices)
    mean, known = (posterior * scales[items.choice_set]).sum(axis=1), graded & (annotations.all_votes.sum(axis=1) > 0)
    return {"mean_grade": [round(float(m), 4) if k else None for m, k in zip(mean, known, strict=True)]}


def _scale(choices: Sequence[str]) -> list[float]:
    """Grades as numbers; their places from 1 where they are words."""
    try:
        return [float(choice) for choice in choices]
    except ValueError:
        return [place + 1.0 for place in range(len(choices))]


def require_some(index: Ints, left_out: dict[str, int]) -> None:
    """Refuse to write an export without a row."""
    if not len(index):
        why = "; ".join(f"of {count} the {reason}" for reason, count in left_out.items() if count)
        raise InputError(f"no item is left to export ({why or 'there are none'}). Gather labels, or ask for less.")


@dataclass(frozen=True)
class Written:
    """What an export wrote.

    Args:
        rows: how many.
        left_out: reason -> how many items, or annotations, are not among them.
        notes: what else should be known.
    """

    rows: int
    left_out: dict[str, int]
    notes: Sequence[str] = ()
