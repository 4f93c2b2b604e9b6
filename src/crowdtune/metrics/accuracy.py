"""How often predictions are right, for which choices, and whether their certainty is earned."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats, Ints, Items

TINY = 1e-12  # a probability below it counts as this much in a log-likelihood


def accuracy(probabilities: Floats, gold: Ints) -> float:
    """Share of items with gold whose most probable choice is right; n tied choices count 1/n each. NaN without gold.

    Args:
        probabilities: (I, K) rows sum to 1.
        gold: (I,) codes, -1 unknown.

    Example:
        >>> accuracy(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0, 0]))
        0.75
    """
    known = gold >= 0
    if not known.any():
        return float("nan")
    rows = probabilities[known]
    best = np.isclose(rows, rows.max(axis=1, keepdims=True))
    hit = best[np.arange(len(rows)), gold[known]] / best.sum(axis=1)
    return float(hit.mean())


def recall(probabilities: Floats, items: Items) -> dict[str, float]:
    """Share of the items of each gold choice that are recognised, in tasks with shared choices: choice -> share."""
    found: dict[str, float] = {}
    for m in np.flatnonzero(items.shared_choices).tolist():
        inside = np.flatnonzero(items.task == m)
        for code in np.unique(items.gold[inside][items.gold[inside] >= 0]):
            rows = inside[items.gold[inside] == code]
            choice = items.text(int(rows[0]), int(code))
            name = str(choice) if len(items.tasks) == 1 else f"{items.tasks[m]}: {choice}"
            found[name] = accuracy(probabilities[rows], items.gold[rows])
    return found


def macro_f1(answers: Ints, gold: Ints) -> float:
    """Mean over the choices that are gold or were answered of the harmonic mean of precision and recall. NaN without.

    Args:
        answers: (I,) codes.
        gold: (I,) codes, -1 unknown; those items are left out.

    Example:
        >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
        0.7333333333333334
    """
    known = gold >= 0
    if not known.any():
        return float("nan")
    return float(f1_of(joint_counts(answers[known], gold[known])))


def joint_counts(answers: Ints, gold: Ints) -> Floats:
    """(K, K) how often [gold, answer] met."""
    k = int(max(answers.max(), gold.max())) + 1
    return np.bincount(gold * k + answers, minlength=k * k).reshape(k, k).astype(np.float64)


def f1_of(counts: Floats) -> Floats:
    """(...) macro-F1 of (..., K, K) counts [gold, answer]; a choice in neither is left out."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    met = counts.sum(axis=-1) + counts.sum(axis=-2)
    f1 = 2 * hit / np.where(met > 0, met, 1.0)
    return np.asarray(f1.sum(axis=-1) / np.maximum((met > 0).sum(axis=-1), 1))


def negative_log_likelihood(probabilities: Floats, gold: Ints) -> float:
    """Mean -log p(gold) in nats over items with gold, NaN without."""
    known = gold >= 0
    if not known.any():
        return float("nan")
    return float(-np.log(np.maximum(probabilities[known, gold[known]], TINY)).mean())


def calibration_error(probabilities: Floats, gold: Ints, bins: int = 15) -> float:
    """Expected calibration error: mean |confidence - accuracy| over bins of equal width, weighted by size, in [0, 1].

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    known = gold >= 0
    if not known.any():
        return float("nan")
    rows = probabilities[known]
    confidence, hit = rows.max(axis=1), rows.argmax(axis=1) == gold[known]
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=confidence - hit, minlength=bins)
    return float(np.abs(gap).sum() / len(rows))


def calibration_error_by_mass(probabilities: Floats, gold: Ints, bins: int = 15) -> float:
    """The same over bins of equal mass: as many items in each, so that none is empty and all weigh alike, in [0, 1].

    Even perfect probabilities are not at 0: with n items a bin's gap is chance, about 0.4 sqrt(bins / n).

    References:
        Nixon et al., Measuring Calibration in Deep Learning, 2019.
    """
    known = gold >= 0
    if not known.any():
        return float("nan")
    rows = probabilities[known]
    gap = rows.max(axis=1) - (rows.argmax(axis=1) == gold[known])
    order = np.argsort(rows.max(axis=1), kind="stable")
    return float(sum(abs(gap[part].sum()) for part in np.array_split(order, bins)) / len(rows))


def best_grade(probabilities: Floats) -> Floats:
    """(I,) most probable of K grades; of tied ones the mean, which may lie between two."""
    best = np.isclose(probabilities, probabilities.max(axis=1, keepdims=True))
    return np.asarray((best * np.arange(probabilities.shape[1])).sum(axis=1) / best.sum(axis=1))


def mean_absolute_error(answers: Floats, gold: Ints) -> float:
    """Mean distance in grades of (I,) answers from (I,) gold where that is known, NaN without; -1 is unknown gold."""
    known = gold >= 0
    return float(np.abs(answers[known] - gold[known]).mean()) if known.any() else float("nan")


def quadratic_weighted_kappa(answers: Floats, gold: Ints) -> float:
    r"""Agreement of grades beyond chance, where a mistake weighs as the square of its distance.

    .. math:: 1 - \frac{\operatorname{mean} (a - g)^2}
                  {\operatorname{var} a + \operatorname{var} g + (\bar a - \bar g)^2}

    The denominator is the mean square where answers and gold come in any order; of K nothing is left.

    Args:
        answers: (I,) grades, perhaps between two.
        gold: (I,) grades, -1 unknown.

    Returns:
        At most 1, 0 by chance; NaN without gold, and where all answers and all gold are one grade.

    Example:
        >>> quadratic_weighted_kappa(np.array([0.0, 1.0, 2.0, 2.0]), np.array([0, 1, 2, 1]))
        0.8

    References:
        Cohen, Weighted kappa, 1968.
    """
    known = gold >= 0
    if not known.any():
        return float("nan")
    own, right = answers[known], gold[known]
    chance = float(own.var() + right.var() + (own.mean() - right.mean()) ** 2)
    return 1 - float(((own - right) ** 2).mean()) / chance if chance > 0 else float("nan")


def graded(probabilities: Floats, items: Items) -> dict[str, float]:
    """quadratic_weighted_kappa and mean_absolute_error of the tasks of grades with gold; {} where there is none.

    Of several such tasks the mean, by their items with gold.
    """
    answers, found, counts = best_grade(probabilities), list[tuple[float, float]](), list[int]()
    for m in [m for m, kind in enumerate(items.kinds) if kind == "grade"]:
        inside = np.flatnonzero((items.task == m) & (items.gold >= 0))
        if len(inside):
            own, gold = answers[inside], items.gold[inside]
            found.append((quadratic_weighted_kappa(own, gold), mean_absolute_error(own, gold)))
            counts.append(len(inside))
    if not found:
        return {}
    kappa, error = np.average(found, weights=counts, axis=0).tolist()
    return {"quadratic_weighted_kappa": kappa, "mean_absolute_error": error}


def entropy(probabilities: Floats) -> Floats:
    """(I,) entropy of each row in nats."""
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return np.asarray(-(probabilities * np.log(safe)).sum(axis=1) + 0.0)
