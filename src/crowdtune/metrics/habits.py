r"""What annotators tend to say, against others on the same items; how fast; and which of it is no accident.

Were annotators alike, each label of an item would be any of its n labels, drawn at random: an annotator says a choice
there with probability p_i, its share among all n labels. Nothing is said of items that others did not label, nor of
those on which all agree. On the rest the count of a choice is a sum of coins, and (Hoeffding) exceeds its mean by one
or more no more often than a binomial count of the same mean does, so few labels never look like many. Grades have the
variance

.. math:: \sum_i \left(\frac{n_i}{n_i - 1}\right)^2 \operatorname{Var}_i

of their difference from the mean of others, Var_i that of all n labels. Many annotators are judged at once, so
discoveries are made by Benjamini and Hochberg's rule: of those reported 5 % are expected to be none.

References:
    Hoeffding, On the distribution of the number of successes in independent trials, 1956.
    Benjamini and Hochberg, Controlling the false discovery rate, 1995.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc, ndtr

from crowdtune.annotations import Annotations, Bools, Floats, Ints

DISCOVERY = 0.05  # share of false ones among the discoveries
LEAN = 0.1  # of the labels: a choice said so much more often than by others is a lean
SHIFT = 0.25  # grades above or below others that are a lean
SAME, VARIED = 0.95, 0.15  # share of one answer that is "always", and how much less others must say it
FEWEST = 10  # labels on items of others from which a sum of grades is about normal
FAST = 3.0  # times as fast as the typical annotator, and robust standard deviations
SPREAD = 1.4826  # standard deviation over median absolute deviation of a normal distribution
MOST_CHOICES = 200  # a lean is looked for among so many


@dataclass(frozen=True, eq=False)
class Lean:
    """The choice each annotator says too often, in one task.

    Args:
        choice: (J,) code of the choice that exceeds others' share the most.
        own: (J,) share of it among the own labels on items that others labelled too; NaN without such labels.
        others: (J,) its share among the others' labels on the same items.
        p: (J,) probability of such an excess by chance, over all choices; 1 where nothing can be said.
    """

    choice: Ints
    own: Floats
    others: Floats
    p: Floats


@dataclass(frozen=True, eq=False)
class Shift:
    """How much higher than others each annotator grades.

    Args:
        grades: (J,) mean difference on the same items, in grades; NaN without such items.
        p: (J,) two-sided probability of it by chance.
    """

    grades: Floats
    p: Floats


def discoveries(p: Floats, level: float = DISCOVERY) -> Bools:
    """Mark the p-values that are no accident, by Benjamini and Hochberg's rule.

    Example:
        >>> discoveries(np.array([0.01, 0.02, 0.9, 0.04])).tolist()
        [True, True, False, False]
    """
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= level * np.arange(1, len(p) + 1) / max(len(p), 1))
    found = np.zeros(len(p), dtype=bool)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found


def agreement_with_others(annotations: Annotations) -> Floats:
    """(J,) share of meetings with another's label in which an annotator says the same; NaN where there is none."""
    same = annotations.votes[annotations.item, annotations.label] - 1
    meetings = annotations.labels_per_item[annotations.item] - 1
    j = len(annotations.annotators)
    agreed, met = (np.bincount(annotations.annotator, values, j) for values in (same, meetings))
    return np.where(met > 0, agreed / np.maximum(met, 1), np.nan)


def lean(annotations: Annotations) -> Lean:
    """Find what annotators say more often than others do, among the first 200 choices of one task's items."""
    j, k = len(annotations.annotators), min(annotations.items.max_choices, MOST_CHOICES)
    rows = np.flatnonzero(annotations.labels_per_item[annotations.item] > 1)
    item, who, label = annotations.item[rows], annotations.annotator[rows], annotations.label[rows]
    n = annotations.labels_per_item[item]
    met = np.bincount(who, minlength=j)
    choice, share, theirs, chance = np.zeros(j, np.int64), np.full(j, np.nan), np.full(j, np.nan), np.ones(j)
    excess = np.full(j, -np.inf)
    for code in range(k):
        votes = annotations.votes[item, code]
        said = label == code
        own, others = np.bincount(who, said, j), np.bincount(who, (votes - said) / (n - 1), j)
        p = _binomial(who, said, votes / n, j)
        better = (met > 0) & (own - others > excess)
        excess[better], choice[better], chance[better] = (own - others)[better], code, p[better]
        share[better], theirs[better] = (own / np.maximum(met, 1))[better], (others / np.maximum(met, 1))[better]
    return Lean(choice, share, theirs, np.minimum(1.0, chance * max(k, 1)))


def _binomial(who: Ints, said: Bools, chance: Floats, size: int) -> Floats:
    """(J,) probability that so many labels, or more, are a choice that each is with `chance`; 1 where it is usual."""
    open_ = (chance > 0) & (chance < 1)
    count, times = np.bincount(who[open_], minlength=size), np.bincount(who[open_], said[open_], size)
    mean = np.bincount(who[open_], chance[open_], size)
    unusual = times >= mean + 1
    return np.where(unusual, bdtrc(np.maximum(times - 1, 0), np.maximum(count, 1), mean / np.maximum(count, 1)), 1.0)


def leaning(found: Lean) -> Bools:
    """(J,) whose lean is large, and no accident."""
    return (np.nan_to_num(found.own - found.others) >= LEAN) & discoveries(found.p)


def constant(found: Lean) -> Bools:
    """(J,) who gives one answer nearly always, on items of which others say it clearly less often."""
    own, others = np.nan_to_num(found.own), np.nan_to_num(found.others)
    return (own >= SAME) & (own - others >= VARIED) & discoveries(found.p)


def shift(annotations: Annotations) -> Shift:
    """Compare grades with the mean of others on the same items of one task; choices are grades in ascending order."""
    j, n_items = len(annotations.annotators), len(annotations.items)
    n = annotations.labels_per_item
    total, squares = (np.bincount(annotations.item, annotations.label**power, n_items) for power in (1, 2))
    rows = np.flatnonzero(n[annotations.item] > 1)
    item, who, grade = annotations.item[rows], annotations.annotator[rows], annotations.label[rows]
    count = n[item]
    difference = np.bincount(who, grade - (total[item] - grade) / (count - 1), j)
    variance = squares[item] / count - (total[item] / count) ** 2
    spread = np.bincount(who, variance * (count / (count - 1)) ** 2, j)
    met = np.bincount(who, minlength=j)
    judged = (spread > 1e-12) & (met >= FEWEST)
    z = np.where(judged, difference / np.sqrt(np.maximum(spread, 1e-12)), 0.0)
    return Shift(np.where(met > 0, difference / np.maximum(met, 1), np.nan), 2 * ndtr(-np.abs(z)))


def shifted(found: Shift) -> Bools:
    """(J,) whose grades are clearly above or below the others', and not by accident."""
    return (np.abs(np.nan_to_num(found.grades)) >= SHIFT) & discoveries(found.p)


def higher(grades: float, than: str) -> str:
    """A shift in words.

    Example:
        >>> higher(-0.52, "others on the same items")
        '0.5 grades lower than others on the same items'
    """
    return f"{abs(grades):.1f} grades {'higher' if grades > 0 else 'lower'} than {than}"


def median_seconds(annotations: Annotations) -> Floats:
    """(J,) median time of an annotator's labels in seconds, NaN where none is known."""
    j = len(annotations.annotators)
    if annotations.seconds is None:
        return np.full(j, np.nan)
    known = np.flatnonzero(np.isfinite(annotations.seconds))
    who, seconds = annotations.annotator[known], annotations.seconds[known]
    order = np.lexsort((seconds, who))
    count = np.bincount(who, minlength=j)
    start = np.concatenate([[0], count.cumsum()])[:-1]
    found = np.full(j, np.nan)
    some = np.flatnonzero(count)
    low, high = start[some] + (count[some] - 1) // 2, start[some] + count[some] // 2
    found[some] = (seconds[order[low]] + seconds[order[high]]) / 2
    return found


def fast_limit(median: Floats) -> float:
    """Seconds below which an annotator is far faster than the crowd, 0 without times.

    A third of the typical annotator's median, and 3 robust standard deviations below it, in logarithms.
    """
    logs = np.log(np.maximum(median[np.isfinite(median)], 1e-3))
    if len(logs) < 3:
        return 0.0
    typical = np.median(logs)
    return float(np.exp(typical - max(np.log(FAST), FAST * SPREAD * np.median(np.abs(logs - typical)))))


def too_fast(annotations: Annotations) -> Bools:
    """(J,) whose median time is below `fast_limit`, where a sign test says that it is no accident."""
    j, limit = len(annotations.annotators), fast_limit(median_seconds(annotations))
    if annotations.seconds is None or limit == 0:
        return np.zeros(j, dtype=bool)
    known = np.isfinite(annotations.seconds)
    count = np.bincount(annotations.annotator[known], minlength=j)
    below = np.bincount(annotations.annotator[known & (annotations.seconds < limit)], minlength=j)
    return discoveries(np.where(count > 0, bdtrc(below - 1.0, count, 0.5), 1.0))
