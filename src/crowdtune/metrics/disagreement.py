r"""How well predicted distributions are those of people, with 95 % intervals, on all items and by ambiguity.

| key | measure of one item, then the mean over items, or of all items | unit; perfect |
|---|---|---|
| `js_distance` | square root of the Jensen-Shannon divergence, base 2 | 0 to 1; 0 |
| `js_divergence` | Jensen-Shannon divergence, base 2 | bits, 0 to 1; 0 |
| `kl` | Kullback-Leibler divergence of q from p | nats; 0 |
| `cross_entropy` | what a label drawn from p costs under q | nats; the entropy of p |
| `total_variation` | half the sum of absolute differences; *DistCE* of Baan et al. | 0 to 1; 0 |
| `bhattacharyya` | sum of sqrt(p q) | 0 to 1; 1 |
| `brier` | squared distance | 0 to 2; 0 |
| `entropy_gap` | entropy of q less that of p; *EntCE* of Baan et al.; below 0 where q is too sure | nats; 0 |
| `pearson`, `spearman` | correlation over items of the entropies of p and q | -1 to 1; 1 |
| `accuracy` | share of items whose most probable choice is the majority's; n tied ones count 1/n each | 0 to 1; 1 |
| `macro_f1` | of the same answers, mean over choices | 0 to 1; 1 |
| `ece` | class-wise calibration error: see below | 0 to 1; 0 |

An item whose vote is tied has no majority: it is left out of `accuracy` and `macro_f1`, and counted as `tied`.

.. math:: \mathrm{ece} = \frac{1}{K} \sum_c \sum_b \frac{1}{I} \Bigl| \sum_{i:\, q_{ic} \in b} (q_{ic} - p_{ic}) \Bigr|

with 15 bins b of equal width, as Kull et al., with the share of people p in the place of a right answer. As no share of
noise averages out of an absolute value, draws of the bootstrap lie above: its interval is mirrored at the value.

`macro_f1` and `ece` are per choice, so they are None where the items of a task have different choices.

References:
    Baan et al., Stop measuring calibration when humans disagree, 2022.
    Kull et al., Beyond temperature scaling, 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from crowdtune.annotations import Bools, Floats, Ints, Items
from crowdtune.metrics import distances
from crowdtune.metrics.accuracy import entropy
from crowdtune.metrics.resampled import drawn, pearson, places, ratio, spearman

DRAWS, FEW_DRAWS = 2000, 200  # of the bootstrap over items; fewer where there are many items
CELLS = 2e7  # most items times draws, but for FEW_DRAWS
LEVEL = 0.95
FEWEST = 10  # items of a group; fewer have values without intervals
BINS = 15
GROUPS = ("all", "low", "middle", "high")  # of items; the last three by the entropy of p
MEANS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "js_distance": distances.js_distance,
    "js_divergence": distances.js_divergence,
    "kl": distances.kl_divergence,
    "cross_entropy": distances.cross_entropy,
    "total_variation": distances.total_variation,
    "bhattacharyya": distances.bhattacharyya,
    "brier": distances.brier,
    "entropy_gap": lambda p, q: np.asarray(entropy(q) - entropy(p)),
}


@dataclass(frozen=True, eq=False)
class Asked:
    """What people said.

    Args:
        p: (I, K) label distributions.
        votes: (I, K) what the majority is taken of: labels, or, where there are none, p.
        items: I items.
        index: (I,) their places among the items that predictions are for.
    """

    p: Floats
    votes: Floats
    items: Items
    index: Ints

    @classmethod
    def of(cls, p: Floats, counts: Ints | None, items: Items) -> Asked:
        """The items somebody answered; see `quality` for the arguments."""
        p = p[:, : items.max_choices]
        votes, asked = p, p.sum(axis=1) > 0
        if counts is not None:
            counts = counts[:, : items.max_choices]
            even = np.isclose(p, items.choice_mask / np.maximum(items.n_choices, 1)[:, None]).all(axis=1)
            asked &= (counts.sum(axis=1) > 0) | ~even
            votes = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, p)
        return cls(p, votes, items, np.arange(len(p))).take(np.flatnonzero(asked))

    def take(self, rows: Ints) -> Asked:
        """Those at `rows`."""
        items = self.items.take(rows)
        width = items.max_choices
        return Asked(self.p[rows, :width], self.votes[rows, :width], items, self.index[rows])

    def groups(self) -> dict[str, Ints]:
        """Places of the items of each of GROUPS."""
        third = terciles(entropy(self.p))
        own = {name: np.flatnonzero(third == t) for t, name in enumerate(GROUPS[1:])}
        return {GROUPS[0]: np.arange(len(third))} | own

    def described(self) -> dict[str, Any]:
        """How many items, with how many tied votes, and between which entropies in nats."""
        heat = entropy(self.p)
        ends = (float(heat.min()), float(heat.max())) if len(heat) else (None, None)
        tied = int((most(self.votes, self.items).sum(axis=1) > 1).sum())
        return {"items": len(heat), "tied": tied, "from": ends[0], "to": ends[1]}

    def measured(self, q: Floats) -> Measured:
        """A prediction for all the items that `index` counts, ready to be measured on these."""
        q, p, items = q[self.index, : self.p.shape[1]], self.p, self.items
        won, best = most(self.votes, items), most(q, items)
        decided = won.sum(axis=1) == 1
        answers = best / np.maximum(best.sum(axis=1, keepdims=True), 1)
        column, size = _columns(items)
        choices, gaps = None, None
        if column is not None:
            choices = tuple(_spread(table * decided[:, None], column, size) for table in (won, answers))
            gaps = _gaps(q, p, items, column, size)
        return Measured(
            np.stack([measure(p, q) for measure in MEANS.values()], axis=1),
            (entropy(p), entropy(q)),
            decided * (won * answers).sum(axis=1),
            decided,
            choices,
            gaps,
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """A prediction, ready to be measured under any weights of the items.

    Args:
        means: (I, V) measures of each item, in the order of MEANS.
        entropies: (I,) entropy of p and of q, nats.
        hit: (I,) share of the most probable choices that are the majority's.
        decided: (I,) True where the vote is not tied.
        choices: (I, C) which choice the majority gave and (I, C) what was answered, C choices of all tasks; None where
            choices differ.
        gaps: (I, C x BINS) q - p in its bin, and (I, C) 1 where the item has that choice; None likewise.
    """

    means: Floats
    entropies: tuple[Floats, Floats]
    hit: Floats
    decided: Bools
    choices: tuple[csr_array, ...] | None
    gaps: tuple[csr_array, ...] | None

    def under(self, weights: Floats) -> dict[str, Floats]:
        """(D,) each measure under each row of (D, I) weights, NaN where it is not defined."""
        total = weights.sum(axis=1)
        found = dict(zip(MEANS, (weights @ self.means / total[:, None]).T, strict=True))
        x, y = self.entropies
        found["pearson"] = pearson(x, y, weights)
        found["spearman"] = spearman(places(x), places(y), weights)
        found["accuracy"] = ratio(weights @ self.hit, weights @ self.decided)
        if self.choices is not None and self.gaps is not None:
            found["macro_f1"] = _macro_f1(self.choices, weights)
            found["ece"] = _calibration(self.gaps, weights)
        return found


def quality(q: Floats, p: Floats, counts: Ints | None, items: Items, rng: np.random.Generator) -> dict[str, Any]:
    """Every measure of a prediction, on all items and by ambiguity tercile.

    Args:
        q: (I, K) predicted, rows sum to 1, 0 for choices an item lacks.
        p: (I, K) label distributions; rows of zeros where nobody answered.
        counts: (I, K) labels, of which the majority is taken; None, or a row of zeros: it is that of p.
        items: I items.
        rng: of the bootstrap.

    Returns:
        For each of GROUPS `items`, `tied`, `from` and `to` (the least and the greatest entropy of p, nats) and
        `measures`: key -> `value`, `low`, `high` (None where not defined; {} for a group without items). Items of
        equal entropy are of one tercile, so that terciles may differ in size, and one may be empty. Items nobody
        answered, by zeros in `p` or by none in `counts` and p uniform, are left out.
    """
    return _by_group(Asked.of(p, counts, items), [q], rng)


def compare(
    one: Floats, other: Floats, p: Floats, counts: Ints | None, items: Items, rng: np.random.Generator
) -> dict[str, Any]:
    """The paired difference of two predictions, `one` less `other`, in every measure: the shape of `quality`.

    Both are measured on the same draws of items, so what items have in common does not widen the interval.
    """
    return _by_group(Asked.of(p, counts, items), [one, other], rng)


def terciles(ambiguity: Floats) -> Ints:
    """(I,) 0, 1 or 2: in which third of the items one lies by its ambiguity; equal ones lie in the lowest they reach.

    Example:
        >>> terciles(np.array([0.0, 0.0, 0.0, 0.1, 0.2, 0.3])).tolist()
        [0, 0, 0, 1, 2, 2]
    """
    place = places(ambiguity)
    if not len(place):
        return place
    ordered = np.sort(place)
    first, second = (ordered[-(-len(place) * part // 3) - 1] for part in (1, 2))
    return np.asarray((place > first).astype(np.int64) + (place > second))


def most(table: Floats, items: Items) -> Bools:
    """(I, K) True for the largest of each row, all of them where they are tied."""
    table = np.where(items.choice_mask, table, -1.0)
    return np.asarray(np.isclose(table, table.max(axis=1, initial=-1, keepdims=True)) & items.choice_mask)


def summary(value: float, draws: Floats, *, mirrored: bool = False) -> dict[str, float | None]:
    """A value with its 95 % interval, None for what is not defined."""
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(known):
        return {"value": float(value) if np.isfinite(value) else None, "low": None, "high": None}
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    if mirrored:
        low, high = 2 * value - high, 2 * value - low
    return {"value": float(value), "low": low, "high": high}


def _by_group(asked: Asked, predictions: list[Floats], rng: np.random.Generator) -> dict[str, Any]:
    """The measures of one prediction, or of the first less the second, in each group."""
    found: dict[str, Any] = {}
    for name, rows in asked.groups().items():
        part = asked.take(rows)
        ready = [part.measured(q) for q in predictions]
        found[name] = part.described() | {"measures": _measures(ready, len(rows), rng)}
    return found


def _measures(ready: list[Measured], size: int, rng: np.random.Generator) -> dict[str, Any]:
    if not size:
        return {}
    values = _less([one.under(np.ones((1, size))) for one in ready])
    draws = int(np.clip(CELLS / size, FEW_DRAWS, DRAWS)) if size >= FEWEST else 0
    parts = [_less([one.under(w) for one in ready]) for w in drawn(size, draws, rng)]
    found = {}
    for key, value in values.items():
        each = np.concatenate([np.zeros(0), *(part[key] for part in parts)])
        found[key] = summary(float(value[0]), each, mirrored=key == "ece")
        low = found[key]["low"]
        if key == "ece" and low is not None and len(ready) == 1:
            found[key]["low"] = max(low, 0.0)
    return found


def _less(found: list[dict[str, Floats]]) -> dict[str, Floats]:
    return found[0] if len(found) == 1 else {key: found[0][key] - found[1][key] for key in found[0]}


def _columns(items: Items) -> tuple[Ints | None, int]:
    """(I, K) a number for each choice of each task, None where items of a task have different ones; how many."""
    used = np.unique(items.task)
    if not len(items) or not items.shared_choices[used].all():
        return None, 0
    widths = np.zeros(len(items.tasks), dtype=np.int64)
    np.maximum.at(widths, items.task, items.n_choices)
    starts = np.concatenate([[0], np.cumsum(widths)])
    return starts[items.task][:, None] + np.arange(items.max_choices), int(starts[-1])


def _spread(values: Floats | Bools, column: Ints, size: int) -> csr_array:
    """(I, size) the (I, K) values at their columns."""
    row, k = np.nonzero(values)
    return csr_array((np.asarray(values[row, k], dtype=np.float64), (row, column[row, k])), shape=(len(values), size))


def _gaps(q: Floats, p: Floats, items: Items, column: Ints, size: int) -> tuple[csr_array, ...]:
    """q - p in the bin of q, and which choices an item has."""
    place = column * BINS + np.minimum((q * BINS).astype(np.int64), BINS - 1)
    gap = np.where(items.choice_mask, q - p, 0.0)
    return _spread(gap, place, size * BINS), _spread(items.choice_mask, column, size)


def _macro_f1(choices: tuple[csr_array, ...], weights: Floats) -> Floats:
    """(D,) mean F1 over choices that are a majority's or were answered; NaN without."""
    won, answers = choices
    met = weights @ won + weights @ answers
    f1 = 2 * (weights @ won.multiply(answers).tocsr()) / np.where(met > 0, met, 1.0)
    return ratio(f1.sum(axis=1), (met > 0).sum(axis=1))


def _calibration(gaps: tuple[csr_array, ...], weights: Floats) -> Floats:
    """(D,) class-wise calibration error."""
    gap, has = gaps
    n = weights @ has
    each = np.abs(weights @ gap).reshape(len(weights), -1, BINS).sum(axis=2)
    return ratio((each / np.where(n > 0, n, 1.0)).sum(axis=1), (n > 0).sum(axis=1))
