"""What the baselines for given labels decide before training. Oracle: planted truths, hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor
from crowdtune.methods.confident_learning import ConfidentLearning
from crowdtune.methods.noise_al import NoiseAl
from crowdtune.methods.self_label import SelfLabel
from crowdtune.methods.self_select import SelfSelect
from tests.crowds import crowd, from_table, make_items, with_choices

P = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8]])
ANCHOR = Anchor(np.log(P), np.zeros((4, 1), np.float32))


def planted(n: int = 300, share: float = 0.3) -> tuple[Annotations, Anchor]:
    """Three choices far apart on a plane, a share of the labels wrong; an untrained model that knows nothing."""
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=n)
    label = np.where(rng.random(n) < share, (gold + rng.integers(1, 3, size=n)) % 3, gold)
    hidden = np.array([[0, 3], [-3, -2], [3, -2]])[gold] + rng.normal(size=(n, 2))
    items = make_items(gold.tolist(), ["a", "b", "c"])
    annotations = Annotations(items, ["given"], np.arange(n), np.zeros(n, np.int64), label)
    return annotations, Anchor(np.full((n, 3), -np.log(3)), hidden.astype(np.float32))


def test_self_label_looks_at_no_label() -> None:
    first, second = (SelfLabel().plan(from_table(table), ANCHOR) for table in ([[0], [0], [1], [-1]], [[1]] * 4))
    np.testing.assert_array_equal(first.examples.targets, [[1, 0], [0, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(first.examples.targets, second.examples.targets)
    assert first.examples.weights.tolist() == [1, 1, 1, 1]
    assert first.conclude(np.log(P)).results == {"labels_doubted": 2}


def test_self_select_keeps_what_the_model_finds_likelier_than_chance() -> None:
    annotations = from_table([[0], [0], [1], [-1]], [0, 1, 1, 1])
    plan = SelfSelect().plan(annotations, ANCHOR)
    assert plan.examples.weights.tolist() == [1, 0, 0, 0]
    assert plan.conclude(np.log(P)).results == {"labels_doubted": 2, "noise_precision": 0.5, "noise_recall": 1.0}
    looser = SelfSelect(least=0.35).plan(annotations, ANCHOR)
    assert looser.examples.weights.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(looser.examples.targets[[0, 2]], [[1, 0], [0, 1]])
    assert SelfSelect(least=0.0).plan(annotations, ANCHOR).examples.weights.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(("method", "precision", "recall"), [(ConfidentLearning(), 0.8, 0.8), (NoiseAl(), 0.8, 0.9)])
def test_planted_noise_is_found(method: ConfidentLearning | NoiseAl, precision: float, recall: float) -> None:
    """Choices hardly overlap; random doubts would be right in 0.3 of the cases."""
    annotations, anchor = planted()
    plan = method.plan(annotations, anchor)
    told = plan.conclude(np.log(np.full((300, 3), 1 / 3))).results
    assert told["noise_precision"] > precision
    assert told["noise_recall"] > recall
    weights, targets = plan.examples.weights, plan.examples.targets
    right = targets.argmax(axis=1) == annotations.items.gold
    assert np.average(right, weights=weights) > 0.9  # of the labels as given 0.7


def test_items_without_labels_are_not_trained_on() -> None:
    annotations, anchor = planted()
    part = annotations.take_labels(np.arange(200))
    for method in (ConfidentLearning(), NoiseAl()):
        assert not method.plan(part, anchor).examples.weights[200:].any()


def test_noise_al_asks_the_large_model_about_what_it_doubts() -> None:
    """A large model that is sure of choice 2 moves the doubted labels there, and no clean one."""
    annotations, anchor = planted()
    sure = Anchor(np.log(np.tile([0.005, 0.005, 0.99], (300, 1))), anchor.hidden)
    before, after = (NoiseAl(k=1).plan(annotations, a).examples.targets for a in (anchor, sure))
    moved = (before != after).any(axis=1)
    label = np.eye(3)[annotations.label]
    assert 0.1 < moved.mean() < 0.5
    assert (after[moved, 2] >= 0.49).all()
    assert ((before == label).all(axis=1) & ~moved).sum() > 100


@pytest.mark.parametrize("method", [ConfidentLearning(), NoiseAl()])
def test_no_label_of_an_item_that_is_left_out_is_called_believed(method: ConfidentLearning | NoiseAl) -> None:
    """Two who never agree tie on every item but the first 20; both labels of the others are doubted, also choice 0."""
    annotations, anchor = planted()
    n = len(annotations)
    two = Annotations(
        annotations.items,
        ["one", "two"],
        np.concatenate([annotations.item, np.arange(20, n)]),
        np.concatenate([np.zeros(n, np.int64), np.ones(n - 20, np.int64)]),
        np.concatenate([annotations.label, (annotations.label[20:] + 1) % 3]),
    )
    plan = method.plan(two, anchor)
    assert not plan.examples.weights[20:].any()
    assert plan.conclude(anchor.log_p).results["labels_doubted"] >= 2 * (n - 20)


def test_a_new_head_is_not_taken_for_a_model_that_knows() -> None:
    """All choices alike and no hidden states: the first choice would be the answer to everything."""
    annotations, anchor = planted()
    new = Anchor(anchor.log_p, np.zeros((len(annotations), 0), np.float32))
    for method in (SelfLabel(), SelfSelect()):
        with pytest.raises(InputError, match="a new head knows nothing yet"):
            method.plan(annotations, new)
    for other in (ConfidentLearning(), NoiseAl()):
        with pytest.raises(InputError, match="needs hidden states"):
            other.plan(annotations, new)
    with pytest.raises(InputError, match="no label as likely as chance"):
        SelfSelect().plan(from_table([[1], [0], [1], [0]]), ANCHOR)


def test_what_cannot_be_done_is_said() -> None:
    own = crowd(with_choices([("a", "b"), ("b", "c")], [0, 1]), [(0, 0, 0), (1, 0, 1)])
    anchor = Anchor(np.log(np.full((2, 2), 0.5)), np.zeros((2, 1), np.float32))
    for name, method in (("confident-learning", ConfidentLearning()), ("noise-al", NoiseAl())):
        with pytest.raises(InputError, match=f"{name} needs the same choices on all items"):
            method.plan(own, anchor)
    with pytest.raises(InputError, match=r"least=1.5 must be a probability"):
        SelfSelect(least=1.5)
    with pytest.raises(InputError, match=r"as likely as least=1.0\. Lower least"):
        SelfSelect(least=1.0).plan(from_table([[0], [0], [1], [-1]]), ANCHOR)
    with pytest.raises(InputError, match="hard=2 must be a weight"):
        NoiseAl(hard=2)
    with pytest.raises(InputError, match="k=0 must be 1 or more"):
        NoiseAl(k=0)
