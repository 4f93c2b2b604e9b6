"""Oracles: the formula on paper, in fractions; symmetry. cleanlab is compared with in test_parity.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.aggregate import crowdlab
from tests.crowds import crowd, from_table, make_items, with_choices


def test_five_items_by_hand() -> None:
    """Consensus 0 1 0 1, so error_0 = 1/2; a2 disagrees in 2 of 8 meetings, the others in 1; the model errs once."""
    annotations = from_table([[0, 0, 0], [1, 1, 1], [0, 0, 0], [1, 1, 0], [1, -1, -1]])
    first = np.array([0.9, 0.2, 0.4, 0.3, 0.5])
    found = crowdlab(annotations, np.stack([first, 1 - first], axis=1))
    model = (1 - (1 / 4) / (1 / 2)) * np.sqrt(13 / 5)
    assert found.model_weight == pytest.approx(model)
    np.testing.assert_allclose(found.annotator_weights, [3 / 4, 3 / 4, 1 / 2])
    right = (1 + 1 + 1 + 2 / 3) / 4
    three = (model * 0.7 + 2 * 0.75 * right + 0.5 * (1 - right)) / (model + 2)
    one = (model * 0.5 + 0.75 * right) / (model + 0.75)
    np.testing.assert_allclose(found.posterior[3:], [[1 - three, three], [1 - one, one]])


def test_two_and_three_choices_by_hand() -> None:
    """Each item has choices of its own: error_0 is a guess, 1 - (1/2 + 1/3)/2; the tied vote goes to the model's c."""
    items = with_choices([("a", "b"), ("a", "b", "c")], [-1, -1])
    annotations = crowd(items, [(0, 0, 0), (0, 1, 0), (1, 0, 2), (1, 1, 1)])
    found = crowdlab(annotations, np.array([[0.8, 0.2, 0.0], [0.1, 0.2, 0.7]]))
    np.testing.assert_allclose(found.annotator_weights, 1 - (1 / 2) / (7 / 12))
    model, weight, right, total = np.sqrt(2), 1 / 7, 3 / 4, np.sqrt(2) + 2 / 7
    both = [model * 0.8 + 2 * weight * right, model * 0.2 + 2 * weight * (1 - right), 0]
    split = weight * (right + (1 - right) / 2)
    apart = [model * 0.1 + 2 * weight * (1 - right) / 2, model * 0.2 + split, model * 0.7 + split]
    np.testing.assert_allclose(found.posterior, np.array([both, apart]) / total)


def test_an_item_with_one_choice_has_that_answer() -> None:
    items = with_choices([("a", "b"), ("a",)], [-1, -1])
    annotations = crowd(items, [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 0)])
    found = crowdlab(annotations, np.array([[0.8, 0.2], [1.0, 0.0]]))
    assert found.posterior[0, 1] > 0.2
    np.testing.assert_allclose(found.posterior[1], [1, 0])


def test_an_item_without_labels_has_the_models_answer_and_no_say() -> None:
    annotations = from_table([[0, 0], [1, 1], [-1, -1]])
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]])
    found, without = crowdlab(annotations, p), crowdlab(annotations.take_items(np.arange(2)), p[:2])
    np.testing.assert_allclose(found.posterior, np.concatenate([without.posterior, p[2:]]))


def test_a_tie_the_model_leaves_open_is_not_broken_by_the_order_of_choices() -> None:
    annotations = from_table([[0, 0, 0], [1, 1, 1], [0, 1, -1], [1, 0, 1]])
    uniform = np.full((4, 2), 0.5)
    turned = replace(annotations, label=1 - annotations.label)
    found = crowdlab(annotations, uniform)
    assert found.annotator_weights.min() > 0.01
    np.testing.assert_allclose(crowdlab(turned, uniform).posterior, found.posterior[:, ::-1])


def test_who_met_nobody_is_taken_for_average() -> None:
    annotations = from_table([[0, 0, -1, -1], [1, 1, 1, -1], [0, 0, 1, -1], [-1, -1, -1, 1]])
    first = np.array([0.9, 0.2, 0.8, 0.5])
    weights = crowdlab(annotations, np.stack([first, 1 - first], axis=1)).annotator_weights
    agreement = np.array([4 / 5, 4 / 5, 2 / 4])
    np.testing.assert_allclose(weights, np.maximum(1e-6, 1 - (1 - np.append(agreement, agreement.mean())) / (1 / 3)))
    assert weights[:2].min() > 0.1


def test_single_labels_are_refused() -> None:
    lone = crowd(make_items([0, 1]), [(0, 0, 0), (1, 1, 1)])
    with pytest.raises(InputError, match=r"no item has two labels\. Use realm"):
        crowdlab(lone, np.full((2, 2), 0.5))
