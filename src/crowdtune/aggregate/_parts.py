"""The labels of each task as codes alone: names and texts of items stay where they are, however many labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.aggregate._evidence import Evidence, evidence
from crowdtune.annotations import MASKED, Annotations, Bools, Floats, Ints
from crowdtune.em.coin import coin
from crowdtune.em.given import CERTAIN, Given
from crowdtune.em.prior import above_chance
from crowdtune.em.solve import distributions

STRANGER = 4.0  # alpha + beta of an annotator whom evidence does not place; the mean is a little above chance


@dataclass(frozen=True, eq=False)
class Part:
    """The I labelled items of one task, counted within it.

    Args:
        task: its name.
        inside: (I,) which items of the annotations these are.
        given: their labels, and what gold says of them.
        mask: (I, K) True where an item has that choice.
        start: (I, K) posterior to begin with: the vote shares, or what evidence says where some was given.
        history: (2, J) pseudo-labels right and wrong before.
        informed: True where evidence was given.
    """

    task: str
    inside: Ints
    given: Given
    mask: Bools
    start: Floats
    history: Floats
    informed: bool

    @property
    def flat(self) -> Floats:
        """(I, K) log-probabilities of a model that knows nothing."""
        return np.where(self.mask, -np.log(self.mask.sum(axis=1, keepdims=True)), MASKED)


def parts(annotations: Annotations, shares: Floats, known: Evidence | None = None) -> Iterator[Part]:
    """Each task that has labels.

    Args:
        annotations: N labels.
        shares: (I, K) vote shares of all items.
        known: evidence beside the labels.
    """
    known = known or evidence(annotations)
    history = np.stack([known.right, known.wrong])
    for m, task in enumerate(annotations.items.tasks):
        inside, rows = _of_task(annotations, m)
        if not len(inside):
            continue
        given = _given(annotations, inside, rows)
        whole = len(inside) == len(shares)
        mask, start = annotations.items.choice_mask, shares
        if not whole:
            mask, start = mask[inside, : given.width], start[inside, : given.width]
        part = Part(task, inside, given, mask, start, history, not known.empty)
        if part.informed:
            gold = np.where(known.gold, annotations.items.gold, -1)[inside]
            other = (gold >= 0)[:, None] & (np.arange(given.width) != gold[:, None])
            part = _informed(replace(part, given=replace(given, known=np.where(other, CERTAIN, 0.0))), gold)
        yield part


def conclude(posterior: Floats, annotations: Annotations, known: Evidence | None) -> Floats:
    """The (I, K) posterior with all weight on gold answers used as evidence; changed in place."""
    if known is not None:
        sure = np.flatnonzero(known.gold)
        posterior[sure] = 0
        posterior[sure, annotations.items.gold[sure]] = 1
    return posterior


def _of_task(annotations: Annotations, m: int) -> tuple[Ints, Ints | slice]:
    """Items of task `m` with labels, and where those labels are."""
    labelled = annotations.labels_per_item > 0
    if len(annotations.items.tasks) == 1:
        return np.flatnonzero(labelled), slice(None)
    inside = labelled & (annotations.items.task == m)
    return np.flatnonzero(inside), np.flatnonzero(inside[annotations.item])


def _given(annotations: Annotations, inside: Ints, rows: Ints | slice) -> Given:
    """Labels of items with two choices or more; those of others say nothing, yet would count as right."""
    items, item = annotations.items, annotations.item[rows]
    who, label, n_choices = annotations.annotator[rows], annotations.label[rows], items.n_choices[item]
    if len(n_choices) and n_choices.min() < 2:
        kept = np.flatnonzero(n_choices > 1)
        item, who, label, n_choices = item[kept], who[kept], label[kept], n_choices[kept]
    if len(inside) < len(items):
        place = np.full(len(items), -1, dtype=np.int64)
        place[inside] = np.arange(len(inside))
        item = place[item]
    width = int(items.n_choices[inside].max())
    return Given(item, who, label, n_choices, len(inside), len(annotations.annotators), width)


def _informed(part: Part, gold: Ints) -> Part:
    """The part begun where annotators are as gold (I,), -1 where none, and history say, and not at the vote.

    Where most annotators lie the vote is the wrong beginning, however much is known.
    """
    given, mean = part.given, above_chance(part.given)
    met = gold[given.item]
    right = given.per_annotator((met == given.label).astype(float)) + part.history[0] + STRANGER * mean
    wrong = given.per_annotator((met != given.label) & (met >= 0)) + part.history[1] + STRANGER * (1 - mean)
    posterior, _ = distributions(part.flat + given.evidence(coin(given, right, wrong)))
    return replace(part, start=posterior)
