r"""How much annotators agree, beyond what chance would give, with 95 % intervals.

.. math:: \alpha = 1 - D_o / D_e, \qquad \kappa, AC_1 = (p_a - p_e) / (1 - p_e)

| key | measure | chance |
|---|---|---|
| `alpha` | Krippendorff's alpha; ordinal for grades | two labels drawn from all labels |
| `ac1` | Gwet's AC1; AC2 with ordinal weights for grades | holds where one choice has nearly all labels |
| `fleiss` | Fleiss' kappa, of exact grades too | two draws from the mean shares |
| `cohen` | Cohen's kappa of pairs with 20 items in common, weighted by their number | each one's own shares |
| `raw` | share of equal pairs of labels, mean over items | none |

Items with fewer labels than others count as Gwet (2014) generalises Fleiss: agreement is the mean over items with two
labels or more, shares of choices are the mean over items with one or more. All but `cohen` need only counts.

Intervals are percentiles of a bootstrap over items. Of more than 5,000 items, blocks of items drawn at random are
resampled: sums of sums, so every label counts and the cost stays that of 5,000.

References:
    Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    Gwet, Handbook of inter-rater reliability, 4th edition, 2014.
    Fleiss, Measuring nominal scale agreement among many raters, 1971.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.metrics.meetings import meetings

DRAWS = 1000  # of the bootstrap
PAIR_DRAWS = 200  # of that of pairs of annotators
BLOCKS = 5000  # most blocks of items that are resampled
CELLS = 2e7  # most numbers held of the matrices of all blocks
LEVEL = 0.95
SHARED = 20  # items two annotators need in common for a kappa of their own
PAIRS = 300  # most pairs of annotators that are looked at


@dataclass(frozen=True)
class Agreement:
    """One measure of agreement.

    Args:
        key: alpha, ac1, fleiss, cohen or raw.
        measure: its name.
        value: at most 1; 0 is chance (but for `raw`); None where it is not defined, as without variation.
        low: lower end of the 95 % interval, None likewise.
        high: upper end.
    """

    key: str
    measure: str
    value: float | None
    low: float | None
    high: float | None


def agreement(annotations: Annotations, rng: np.random.Generator) -> list[Agreement]:
    """Measure agreement on the items of one task.

    Args:
        annotations: N labels, all of one task. Where its items have different choices, a code means another thing on
            each, and only `raw` is given; so it is for answers written freely.
        rng: of the bootstrap.
    """
    items = annotations.items
    kind = items.kinds[int(items.task[0])] if len(items) else "choice"
    grades, k = kind == "grade", items.max_choices
    named = len(set(items.choice_set[annotations.item].tolist())) == 1 and kind != "text"
    table = _blocked(annotations.votes[annotations.labels_per_item > 0], rng, width=k * k if grades and named else k)
    weights = _weights(len(table), DRAWS, rng)
    found = {"raw": ("raw agreement", _raw(table, weights))}
    if named and k > 1:
        measure = _ordinal(table, weights) if grades else _nominal(table, weights)
        names = (
            ("alpha", "Krippendorff's alpha" + (", ordinal" if grades else "")),
            ("ac1", "Gwet's AC2, ordinal" if grades else "Gwet's AC1"),
        )
        found = {key: (name, values) for (key, name), values in zip(names, measure, strict=True)}
        found["fleiss"] = ("Fleiss' kappa", _fleiss(table, weights))
        found["cohen"] = ("Cohen's kappa, mean of pairs", cohen(annotations, rng))
        found["raw"] = ("raw agreement", _raw(table, weights))
    return [_summary(key, name, values) for key, (name, values) in found.items()]


def _summary(key: str, name: str, values: Floats) -> Agreement:
    """The first value with the percentiles of the others."""
    value, drawn = values[0], values[1:][np.isfinite(values[1:])]
    if not np.isfinite(value):
        return Agreement(key, name, None, None, None)
    if not len(drawn):
        return Agreement(key, name, float(value), None, None)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Agreement(key, name, float(value), float(low), float(high))


def _weights(blocks: int, draws: int, rng: np.random.Generator) -> Floats:
    """(1 + draws, B) how often each block counts: once each in the data, then as drawn with replacement."""
    if not blocks:
        return np.zeros((1 + draws, 0))
    place = rng.integers(blocks, size=(draws, blocks)) + blocks * np.arange(1, 1 + draws)[:, None]
    counts = np.bincount(place.ravel(), minlength=(1 + draws) * blocks).reshape(-1, blocks).astype(np.float64)
    counts[0] = 1.0
    return counts


def _blocked(votes: Ints, rng: np.random.Generator, width: int) -> Floats:
    """(B, m, K) the (I, K) votes in random blocks of m items, rows of zeros filling the last ones."""
    n, k = votes.shape
    blocks = int(max(1, min(n, BLOCKS, CELLS / max(width, 1))))
    m = -(-n // blocks)
    padded = np.zeros((blocks * m, k))
    padded[:n] = votes[rng.permutation(n)] if n > blocks else votes
    return padded.reshape(m, blocks, k).swapaxes(0, 1) if n else np.zeros((0, 1, k))


def _counts(table: Floats) -> tuple[Floats, Floats]:
    """(B, m) labels of each item, and 1 over the other labels of each: 0 where there is none."""
    n = table.sum(axis=2)
    return n, np.where(n > 1, 1 / np.maximum(n - 1, 1), 0.0)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _beyond(agreed: Floats, chance: Floats) -> Floats:
    """(agreed - chance) / (1 - chance), not a number where chance agrees always."""
    return _ratio(agreed - chance, np.where(chance < 1 - 1e-12, 1 - chance, 0.0))


def _raw(table: Floats, weights: Floats) -> Floats:
    """(R,) mean over items of the share of equal pairs."""
    n, others = _counts(table)
    equal = (table * (table - 1)).sum(axis=2) * others / np.maximum(n, 1)
    return _ratio(weights @ equal.sum(axis=1), weights @ (n > 1).sum(axis=1))


def _shares(table: Floats, weights: Floats) -> Floats:
    """(R, K) mean over items of the share of each choice."""
    n = table.sum(axis=2)
    each = (table / np.maximum(n, 1)[:, :, None]).sum(axis=1)
    return _ratio(weights @ each, (weights @ (n > 0).sum(axis=1))[:, None])


def _fleiss(table: Floats, weights: Floats) -> Floats:
    return _beyond(_raw(table, weights), (_shares(table, weights) ** 2).sum(axis=1))


def _nominal(table: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(R,) Krippendorff's alpha and Gwet's AC1."""
    _, others = _counts(table)
    met = weights @ (table * (others > 0)[:, :, None]).sum(axis=1)  # (R, K) labels that meet another
    total = met.sum(axis=1)
    differ = total - weights @ ((table * (table - 1)).sum(axis=2) * others).sum(axis=1)
    expected = _ratio(total**2 - (met**2).sum(axis=1), total - 1)
    share = _shares(table, weights)
    chance = (share * (1 - share)).sum(axis=1) / (table.shape[2] - 1)
    return 1 - _ratio(differ, expected), _beyond(_raw(table, weights), chance)


def _ordinal(table: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(R,) Krippendorff's ordinal alpha and Gwet's AC2 with ordinal weights."""
    k = table.shape[2]
    n, others = _counts(table)
    together = weights @ _coincidences(table, others).reshape(len(table), -1)
    together = together.reshape(-1, k, k)
    met = together.sum(axis=2)
    middle = met.cumsum(axis=1) - met / 2  # mean rank of each grade
    apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    expected = (met[:, :, None] * met[:, None, :] * apart).sum(axis=(1, 2))
    alpha = 1 - _ratio((together * apart).sum(axis=(1, 2)), _ratio(expected, met.sum(axis=1) - 1))

    near = ordinal_weights(k)
    agreed = (_coincidences(table, others / np.maximum(n, 1)) * near).sum(axis=(1, 2))
    share = _shares(table, weights)
    chance = near.sum() / (k * (k - 1)) * (share * (1 - share)).sum(axis=1)
    return alpha, _beyond(_ratio(weights @ agreed, weights @ (n > 1).sum(axis=1)), chance)


def _coincidences(table: Floats, each: Floats) -> Floats:
    """(B, K, K) ordered pairs of different labels of an item, weighted by (B, m) `each`."""
    weighted = table * each[:, :, None]
    own = np.eye(table.shape[2]) * weighted.sum(axis=1)[:, :, None]
    return np.asarray(weighted.swapaxes(1, 2) @ table - own)


def ordinal_weights(k: int) -> Floats:
    """(K, K) how much two grades agree: 1 for the same, 0 for the first and the last.

    Example:
        >>> ordinal_weights(3).round(2).tolist()
        [[1.0, 0.67, 0.0], [0.67, 1.0, 0.67], [0.0, 0.67, 1.0]]
    """
    apart = np.abs(np.arange(k)[:, None] - np.arange(k)[None, :])
    return np.asarray(1 - apart * (apart + 1) / (k * (k - 1)))


def cohen(annotations: Annotations, rng: np.random.Generator) -> Floats:
    """(1 + R,) mean Cohen's kappa of pairs of annotators, weighted by the items they share, and its bootstrap.

    Pairs with 20 shared items or more count, the 300 with most of them; of very many labels a sample of items is used.
    """
    item, first, second, said, heard = meetings(annotations, rng)
    codes, place, shared = np.unique(
        first * len(annotations.annotators) + second, return_inverse=True, return_counts=True
    )
    order = np.argsort(-shared, kind="stable")[:PAIRS]
    kept = order[shared[order] >= SHARED]
    if not len(kept):
        return np.array([np.nan])
    rank = np.full(len(codes), -1)
    rank[kept] = np.arange(len(kept))
    rows = np.flatnonzero(rank[place] >= 0)
    pair, said, heard = rank[place[rows]], said[rows], heard[rows]
    counts = _pair_counts(pair, item[rows], said, heard, annotations.items.max_choices, rng)
    size = counts[0]
    kappa = _beyond(_ratio(counts[1], size), _ratio((counts[2::2] * counts[3::2]).sum(axis=0), size**2))
    known = np.isfinite(kappa) * size
    return _ratio((np.nan_to_num(kappa) * known).sum(axis=0), known.sum(axis=0))


def _pair_counts(pair: Ints, item: Ints, said: Ints, heard: Ints, k: int, rng: np.random.Generator) -> Floats:
    """(2 + 2K, P, 1 + R) of each pair: meetings, those where both say the same, then how often each said a choice."""
    item = np.unique(item, return_inverse=True)[1]
    n, pairs, same = int(item.max()) + 1, int(pair.max()) + 1, np.flatnonzero(said == heard)
    block, blocks = rng.permutation(n)[item] % BLOCKS, min(n, BLOCKS)
    row = np.concatenate([pair, pairs + pair[same], (2 + 2 * said) * pairs + pair, (3 + 2 * heard) * pairs + pair])
    column = np.concatenate([block, block[same], block, block])
    sums = csr_array((np.ones(len(row)), (row, column)), shape=((2 + 2 * k) * pairs, blocks))
    return np.asarray(sums @ _weights(blocks, PAIR_DRAWS, rng).T).reshape(2 + 2 * k, pairs, -1)
