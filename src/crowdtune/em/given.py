"""The labels as EM sees them, and what an annotator model must be able to do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from crowdtune.annotations import MASKED, Annotations, Bools, Floats, Ints

CERTAIN = -30.0  # nats against a truth that gold rules out


@dataclass(frozen=True, eq=False)
class Given:
    """N labels of I items by J annotators, flat.

    Args:
        item: (N,) which item.
        annotator: (N,) who; with an annotator per task, the pair of both.
        label: (N,) code of the choice given.
        n_choices: (N,) K of the item, 2 or more.
        n_items: I.
        n_annotators: J, or J x M.
        width: K, the most choices an item has.
        known: (I, K) nats of what is known of the truths beside labels, as `clamped` makes it; None where nothing is.
    """

    item: Ints
    annotator: Ints
    label: Ints
    n_choices: Ints
    n_items: int
    n_annotators: int
    width: int
    known: Floats | None = None

    def __len__(self) -> int:
        return len(self.item)

    def take(self, rows: Ints) -> Given:
        """The labels at `rows`; items and annotators keep their places."""
        parts = (self.item[rows], self.annotator[rows], self.label[rows], self.n_choices[rows])
        item, annotator, label, n_choices = parts
        return replace(self, item=item, annotator=annotator, label=label, n_choices=n_choices)

    def evidence(self, annotators: Annotators) -> Floats:
        """(I, K) log-likelihood in nats of all labels of an item under each truth, and what else is known of it."""
        found = annotators.evidence(self)
        return found if self.known is None else found + self.known

    def per_item(self, values: Floats) -> Floats:
        """(I, K) sums of (N, K) values over the labels of each item."""
        columns = [np.bincount(self.item, weights=column, minlength=self.n_items) for column in values.T]
        return np.stack(columns, axis=1) if columns else np.zeros((self.n_items, 0))

    def per_choice(self, right: Floats, wrong: Floats) -> Floats:
        """(I, K) sums over the labels of each item of `right` (N,) under the truth they name and `wrong` elsewhere."""
        cell, size = self.item * self.width + self.label, self.n_items * self.width
        named = np.bincount(cell, weights=right - wrong, minlength=size).reshape(self.n_items, self.width)
        return np.asarray(named + np.bincount(self.item, weights=wrong, minlength=self.n_items)[:, None], np.float64)

    def per_pair(self, table: Floats) -> Floats:
        """(I, K) sums over the labels of each item of what a (J, K, K) table, [j, t, l], says of them, for every t.

        The table of every label under every truth is never made.
        """
        pair, flat = self.annotator * self.width + self.label, np.ascontiguousarray(table.transpose(1, 0, 2))
        columns = [np.bincount(self.item, weights=of.ravel()[pair], minlength=self.n_items) for of in flat]
        return np.stack(columns, axis=1) if columns else np.zeros((self.n_items, 0))

    def per_annotator(self, values: Floats) -> Floats:
        """(J,) sums of (N,) values over the labels of each annotator."""
        return np.asarray(np.bincount(self.annotator, weights=values, minlength=self.n_annotators), dtype=np.float64)

    def met(self, posterior: Floats) -> Floats:
        """(J, K, K) how often annotator j is expected to have met truth t and said k."""
        k, size = self.width, self.n_annotators * self.width
        pair = self.annotator * k + self.label
        columns = [np.bincount(pair, weights=posterior[self.item, t], minlength=size) for t in range(k)]
        return np.stack([c.reshape(-1, k) for c in columns], axis=1)

    @cached_property
    def labels_per_annotator(self) -> Floats:
        """(J,) how many labels each annotator gave."""
        return self.per_annotator(np.ones(len(self)))

    def at_label(self, posterior: Floats) -> Floats:
        """(N,) what an (I, K) posterior says of each label: P(label = truth)."""
        return np.asarray(posterior[self.item, self.label])


class Annotators(Protocol):
    """P(label | truth, annotator, item): parameters and how to find them. Methods return new values."""

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats: each label under each truth."""
        ...

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats: all labels of an item under each truth; `given.per_item` of them, or a shorter way."""
        ...

    def log_prior(self) -> float:
        """Log prior density of the parameters in nats, up to a constant."""
        ...

    def refit(self, given: Given, posterior: Floats) -> Self:
        """M-step: the parameters most probable under an (I, K) posterior over truths, or at least better ones."""
        ...

    def with_prior(self, alpha: float, beta: float) -> Self:
        """The same annotators under another Beta prior of their reliability."""
        ...

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> Self:
        """Parameters drawn from their posterior where the truths (I,) are known: a step of Gibbs sampling."""
        ...


def given(annotations: Annotations, *, per_task: bool = False, gold: Bools | None = None) -> Given:
    """Labels as EM sees them; those of items with one choice are left out: they say nothing, yet would count as right.

    Args:
        annotations: N labels.
        per_task: make an annotator of every annotator and task, coded j * M + m.
        gold: (I,) True for items whose gold answer is used as evidence; by default none is.
    """
    items = annotations.items
    rows = np.flatnonzero(items.n_choices[annotations.item] > 1)
    item = annotations.item[rows]
    m = len(items.tasks) if per_task else 1
    return Given(
        item=item,
        annotator=annotations.annotator[rows] * m + (items.task[item] if per_task else 0),
        label=annotations.label[rows],
        n_choices=items.n_choices[item],
        n_items=len(items),
        n_annotators=len(annotations.annotators) * m,
        width=items.max_choices,
        known=None if gold is None or not gold.any() else clamped(annotations, gold),
    )


def clamped(annotations: Annotations, gold: Bools) -> Floats:
    """(I, K) nats that leave an item with `gold` no truth but its gold answer, and other items as they are."""
    items = annotations.items
    other = np.arange(items.max_choices)[None, :] != items.gold[:, None]
    return np.where((gold & (items.gold >= 0))[:, None] & other, CERTAIN, 0.0)


def finite(log_p: Floats, annotations: Annotations) -> Floats:
    """(I, K) log-probabilities with a large negative number where an item has no such choice."""
    return np.where(annotations.items.choice_mask, np.maximum(log_p, MASKED), MASKED)


def flat(annotations: Annotations) -> Floats:
    """(I, K) log-probabilities of a model that knows nothing."""
    known = annotations.items
    return np.where(known.choice_mask, -np.log(np.maximum(known.n_choices, 1))[:, None], MASKED)
