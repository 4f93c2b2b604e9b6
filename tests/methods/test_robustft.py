"""RobustFT in a run: what it plans before training. Oracles: planted noise, hand arithmetic, a perfect checker."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from crowdtune.annotations import MASKED
from crowdtune.denoise.clean import CLASSIFIER, CONTEXT, GIVEN
from crowdtune.denoise.decision import Decision
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.methods.robustft import ZERO_SHOT, Robustft, _neighbours
from tests.crowds import crowd, make_items, with_choices
from tests.denoise.planted import Planted, misjudged, one_each, planted

NOTHING = np.zeros((0, 0))


@cache
def made(noise: float = 0.3) -> Planted:
    return planted(90, noise=noise, accuracy=0.6, seed=1)


def anchor(one: Planted) -> Anchor:
    return Anchor(np.log(one.shares), one.features.astype(np.float32))


@cache
def plan(noise: float = 0.3, **options: Any) -> Plan:
    one = made(noise)
    return Robustft(**options).plan(one.annotations, anchor(one))


def told(planned: Plan) -> dict[str, Any]:
    return planned.conclude(NOTHING).results


def test_planted_noise_is_found_and_left_out() -> None:
    one, results = made(), told(plan())
    wrong = int((one.given != one.gold).sum())
    assert results["noise_recall"] > 1 - misjudged(90, 0.3) / wrong
    assert results["noise_precision"] > 1 - misjudged(90, 0.3) / results["labels_doubted"]
    weights, targets = plan().examples.weights, plan().examples.targets
    right = targets.argmax(axis=1) == one.gold
    assert np.average(right, weights=weights) > 1 - misjudged(90, 0.3) / weights.sum()
    assert [row["expert"] for row in results["experts"]] == [GIVEN, ZERO_SHOT, CLASSIFIER, CONTEXT]
    assert sum(results["outcomes"].values()) == 90
    assert results["outcomes"]["dropped"] == int((weights == 0).sum())
    conclusion = plan().conclude(NOTHING)
    np.testing.assert_allclose(conclusion.posterior.sum(axis=1), 1)


def test_right_labels_come_to_no_harm() -> None:
    one, planned = made(0.0), plan(0.0)
    same = (planned.examples.targets == np.eye(3)[one.gold]).all(axis=1) & (planned.examples.weights == 1)
    assert same.mean() >= 0.99
    assert told(planned)["noise_recall"] is None


def test_targets_and_weights_are_the_outcomes() -> None:
    """A margin nothing reaches makes soft labels of all doubted ones: rows of the posterior; kept ones are one-hot."""
    one, planned = made(), plan(margin=1.0, selection=False)
    targets, weights = planned.examples.targets, planned.examples.weights
    posterior = planned.conclude(NOTHING).posterior
    one_hot = (targets.max(axis=1) == 1) & (np.count_nonzero(targets, axis=1) == 1)
    kept = one_hot & (targets.argmax(axis=1) == one.given)
    counts = told(planned)["outcomes"]
    assert counts["softened"] > 20
    assert counts["relabelled"] == counts["dropped"] == 0
    assert (counts["kept"], counts["softened"]) == (int(kept.sum()), int((~kept).sum()))
    np.testing.assert_allclose(targets[~kept], posterior[~kept], atol=1e-6)
    assert (weights == 1).all()


def test_dropped_items_weigh_nothing_exactly() -> None:
    one = made(0.5)
    planned = plan(0.5, beta=0.3, least=0.0, bounded=False)
    gone = planned.examples.weights == 0
    whole = plan(0.5, selection=False).examples
    changed = (whole.targets[np.arange(90), one.given] < 1).sum()
    assert gone.sum() == changed - np.ceil(0.3 * changed)
    assert set(planned.examples.weights.tolist()) == {0.0, 1.0}
    # all labels of what is dropped were doubted, and the surest new labels are left
    assert not planned.examples.targets[gone].any()


@pytest.mark.parametrize("checker", ["posterior", "checker", "strict"])
def test_a_perfect_checker_returns_its_input(checker: Any) -> None:
    """An untrained model that always says the given label, with noise or without."""
    one = made()
    sure = np.where(np.arange(3) == one.given[:, None], 0.98, 0.01)
    options = Robustft(checker=checker, classifier=False)
    planned = options.plan(one.annotations, Anchor(np.log(sure), one.features.astype(np.float32)))
    np.testing.assert_array_equal(planned.examples.targets, np.eye(3, dtype=np.float32)[one.given])
    assert (planned.examples.weights == 1).all()
    assert told(planned)["labels_doubted"] == 0


OPEN = {"classifier": False, "bounded": False, "least": 0.0}  # the paper's cut
ALL = {"classifier": False, "selection": False}
BOTH = {"selection": False}


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (OPEN, {"selection": False}),
        (OPEN, {"bounded": True}),
        (OPEN, {"least": 1.0}),
        (OPEN, {"beta": 0.1}),
        (ALL, {"checker": "checker"}),
        (ALL, {"context": False}),
        (ALL, {"k": 9}),
        (ALL, {"margin": 0.9}),
        (ALL, {"classifier": True}),
        (BOTH, {"zero_shot": False}),
        (BOTH, {"folds_seed": 5}),
        pytest.param(BOTH | {"checker": "checker"}, {"checker": "strict"}, marks=pytest.mark.slow),
        pytest.param(BOTH | {"checker": "checker"}, {"threshold": 0.9}, marks=pytest.mark.slow),
    ],
)
def test_every_option_has_an_effect(options: dict[str, Any], changed: dict[str, Any]) -> None:
    assert decided(**options) != decided(**options | changed)


@cache
def decided(**options: Any) -> list[bytes]:
    """Targets, weights and beliefs where clouds overlap and the model is more or less sure."""
    one = planted(45, noise=0.4, accuracy=0.7)
    rng = np.random.default_rng(0)
    shares = one.shares ** rng.uniform(0.5, 2, size=(45, 1))
    log_p = np.log(shares / shares.sum(axis=1, keepdims=True))
    hidden = one.features + rng.normal(size=(45, 2))
    made = Robustft(**options).plan(one.annotations, Anchor(log_p, hidden.astype(np.float32)))
    return [x.tobytes() for x in (made.examples.targets, made.examples.weights, made.conclude(NOTHING).posterior)]


def test_the_neighbours_labels_are_the_context() -> None:
    """By hand: two of three say c1; one and one say nothing; nobody near says nothing; other choices do not count."""
    one = one_each(np.zeros(7, int), np.zeros(7, int), 2)
    first = [
        Decision(i, "keep", 0, label, (0.5, 0.5), 0.0, "probable") for i, label in enumerate([0, 1, 1, 0, 0, 0, 0])
    ]
    near = np.array([[0, 1, 2], [0, 1, -1], [-1, -1, -1]])
    (two, tied, none) = _neighbours(one.items)(np.array([4, 5, 6]), near, first)[CONTEXT]
    assert two is not None
    assert tied is not None
    assert (two.answer, tied.answer, none) == ("c1", "", None)
    np.testing.assert_allclose(two.shares, [1 / 3, 2 / 3])
    own = with_choices([("a", "b"), ("x", "y"), ("a", "b", "c", "d")], [0, 1, 3])
    first = [Decision(i, "keep", 0, label, (0.5, 0.5), 0.0, "probable") for i, label in enumerate([0, 1, 3])]
    assert _neighbours(own)(np.array([0]), np.array([[1, 2, -1]]), first)[CONTEXT] == [None]


def test_items_with_choices_of_their_own() -> None:
    """Two and four choices, far more labels right than the model's answers: no classifier, and no context."""
    rng = np.random.default_rng(0)
    sizes = np.where(np.arange(80) % 2, 2, 4)
    gold = rng.integers(sizes)
    items = with_choices([tuple(f"{i}{c}" for c in range(k)) for i, k in enumerate(sizes.tolist())], gold.tolist())
    says = np.where(rng.random(80) < 0.2, (gold + 1) % sizes, gold)
    log_p = np.where(np.arange(4) == says[:, None], np.log(0.8), np.log(0.2 / (sizes - 1))[:, None])
    log_p = np.where(items.choice_mask, log_p, MASKED)
    annotations = crowd(items, [(i, 0, label) for i, label in enumerate(gold.tolist())])
    planned = Robustft().plan(annotations, Anchor(log_p, rng.normal(size=(80, 3)).astype(np.float32)))
    assert [row["expert"] for row in told(planned)["experts"]][:2] == [GIVEN, ZERO_SHOT]
    assert (planned.examples.targets[np.arange(80), gold] == 1).mean() > 0.9
    assert not planned.examples.targets[~items.choice_mask].any()


def test_a_head_that_has_read_nothing_yet() -> None:
    """Even answers and no hidden states: neither classifier nor context, and no label is lost."""
    one = one_each(np.arange(40) % 2, np.arange(40) % 2, 2)
    planned = Robustft().plan(one, Anchor(np.full((40, 2), -np.log(2)), np.zeros((40, 0), np.float32)))
    assert (planned.examples.weights == 1).all()
    assert (planned.examples.targets[np.arange(40), one.label] == 1).all()
    doubting = np.where(np.arange(2) == (np.arange(40) % 2)[:, None], 0.9, 0.1)
    wrong = one_each(np.arange(40) % 2, np.where(np.arange(40) < 8, 1 - np.arange(40) % 2, np.arange(40) % 2), 2)
    found = Robustft().plan(wrong, Anchor(np.log(doubting), np.zeros((40, 0), np.float32)))
    assert told(found)["labels_doubted"] > 0


def test_what_cannot_be_done_is_said() -> None:
    one = made()
    with pytest.raises(InputError, match="way=checker counts experts, and there is none"):
        Robustft("checker", zero_shot=False, classifier=False).plan(one.annotations, anchor(one))
    with pytest.raises(InputError, match=r"beta=1\.5 must be a share"):
        Robustft(beta=1.5).plan(one.annotations, anchor(one))
    unknown = crowd(make_items([-1] * 90, ["c0", "c1", "c2"]), [(i, 0, c) for i, c in enumerate(one.given.tolist())])
    results = told(Robustft(classifier=False).plan(unknown, anchor(one)))
    assert "noise_recall" not in results
    assert results["experts"][0]["accuracy"] is None
