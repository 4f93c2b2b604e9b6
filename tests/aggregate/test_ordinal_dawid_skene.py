"""Oracles: planted biases and spreads, Dawid-Skene on the same labels, the bound, and the mirror of a scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from crowdtune import Annotations, InputError
from crowdtune.aggregate import Fit, aggregator
from crowdtune.annotations import Floats
from crowdtune.metrics.accuracy import accuracy
from tests.crowds import crowd, from_table, make_items


def graders(n: int, per_item: int, bias: Floats, spread: Floats, rng: np.random.Generator, k: int = 5) -> Annotations:
    """`n` items of even grades, `per_item` labels each: the nearest grade to truth + bias + spread x noise."""
    truth = rng.integers(k, size=n)
    who = rng.random((n, len(bias))).argsort(axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(n), per_item)
    seen = truth[item] + bias[who] + spread[who] * rng.normal(size=len(item))
    label = np.clip(np.rint(seen), 0, k - 1).astype(np.int64)
    items = replace(make_items(truth.tolist(), [str(c) for c in range(k)]), kinds=("grade",))
    return crowd(items, list(zip(item.tolist(), who.tolist(), label.tolist(), strict=True)), len(bias))


def fit(annotations: Annotations, name: str = "ordinal-dawid-skene") -> Fit:
    return aggregator(name).fit(annotations)


def test_planted_biases_and_spreads_are_found() -> None:
    """3,000 items seen by all of 12: s.d. of a bias about 1.2 / sqrt(3000) = 0.02, of a spread less; bar 5 of them."""
    bias = np.linspace(-0.8, 0.8, 12)
    spread = np.tile([0.5, 0.8, 1.2], 4)
    found = fit(graders(3000, 12, bias, spread, np.random.default_rng(0)))
    np.testing.assert_allclose(found.columns["bias"], bias, atol=0.11)
    np.testing.assert_allclose(found.columns["spread"], spread, atol=0.11)


def test_thin_crowds_are_graded_better_than_by_matrices_or_votes() -> None:
    """Mean of six crowds of 30 labels per annotator. Differences are 0.1 with a s.d. of about 0.02."""
    right: dict[str, list[float]] = {}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        annotations = graders(400, 3, rng.normal(0, 0.5, 40), rng.uniform(0.3, 1.0, 40), rng)
        for name in ("ordinal-dawid-skene", "dawid-skene", "majority"):
            right.setdefault(name, []).append(accuracy(fit(annotations, name).posterior, annotations.items.gold))
    mean = {name: float(np.mean(values)) for name, values in right.items()}
    assert mean["ordinal-dawid-skene"] > mean["dawid-skene"] + 0.05
    assert mean["ordinal-dawid-skene"] > mean["majority"] + 0.1


def test_annotators_who_are_all_alike_are_averaged() -> None:
    """Of labels 0 and 2 the truth is 1, as their mean and against the vote, which knows only 0 and 2."""
    rng = np.random.default_rng(1)
    alike = graders(600, 4, np.zeros(10), np.full(10, 0.9), rng)
    found = fit(alike)
    assert np.abs(np.array(found.columns["bias"], float)).max() < 0.25
    mean = np.bincount(alike.item, alike.label) / 4
    inside = (mean > 1) & (mean < 3) & (mean % 1 == 0)  # away from the ends of the scale
    assert inside.sum() > 30
    assert (found.posterior.argmax(axis=1) == mean)[inside].mean() > 0.95


def test_the_bound_never_falls() -> None:
    rng = np.random.default_rng(2)
    values = fit(graders(300, 3, rng.normal(0, 0.5, 30), rng.uniform(0.3, 1, 30), rng)).log_posteriors["t0"]
    assert len(values) > 5
    assert np.diff(values).min() > -1e-8


def test_a_scale_turned_round_turns_biases_round() -> None:
    rng = np.random.default_rng(3)
    one = graders(300, 4, rng.normal(0, 0.5, 10), rng.uniform(0.3, 1, 10), rng)
    a, b = fit(one), fit(replace(one, label=4 - one.label))
    np.testing.assert_allclose(a.posterior, b.posterior[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(a.columns["bias"], -np.array(b.columns["bias"], float), atol=1e-9)


def test_confusion_is_that_of_the_planted_annotator() -> None:
    """Truth 1, seen as 1.6 +- 0.6, is called 0 to 4 as often as a normal distribution lies there."""
    rng = np.random.default_rng(4)
    found = fit(graders(3000, 6, np.array([0.6, 0, 0, 0, 0, -0.6]), np.full(6, 0.6), rng)).confusion["t0"]
    np.testing.assert_allclose(found.sum(axis=2), 1)
    generous = np.diff(ndtr((np.array([-np.inf, 0.5, 1.5, 2.5, 3.5, np.inf]) - 1.6) / 0.6))
    np.testing.assert_allclose(found[0, 1], generous, atol=0.1)  # 600 items: 5 s.d. of 0.02
    np.testing.assert_allclose(found[5, 3], generous[::-1], atol=0.1)


def test_answers_that_are_no_grades_are_refused() -> None:
    said = r"^ordinal-dawid-skene needs answers of kind 'grade', those of 't0' are of kind 'choice'\. Use auto"
    with pytest.raises(InputError, match=said):
        fit(from_table([[0, 1]]))


def test_who_gave_no_label_has_no_bias() -> None:
    rng = np.random.default_rng(5)
    one = graders(50, 3, np.zeros(5), np.full(5, 0.5), rng)
    more = replace(one, annotators=[*one.annotators, "idle"])
    assert fit(more).columns["bias"][-1] is None
