"""Distances to distributions as objectives. Oracles: scipy, finite differences, the algebra of the policy gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from torch import Tensor

from crowdtune.objectives.distribution import (
    LOSSES,
    Distribution,
    ambiguity,
    js_distance,
    js_divergence,
    kl_divergence,
    policy_loss,
)
from crowdtune.objectives.soft_target import SoftTarget

LOGITS = torch.tensor([[0.3, -1.0, 0.8], [2.0, 0.1, -0.5], [0.0, 0.5, 0.2], [-1.0, 1.0, 0.3]], dtype=torch.float64)
TARGET = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)
LOG_P = LOGITS.log_softmax(1)
ALL = pytest.mark.parametrize("loss", list(LOSSES))


def gradient(value: Callable[[Tensor], Tensor], logits: Tensor = LOGITS) -> Tensor:
    """Of the sum of a function of log-probabilities, in the logits."""
    at = logits.clone().requires_grad_()
    value(at.log_softmax(1)).sum().backward()
    assert at.grad is not None
    return at.grad


def batch(target: Tensor = TARGET) -> dict[str, Tensor]:
    return {"target": target, "weight": torch.ones(len(target), dtype=target.dtype)}


def test_distances_equal_scipys() -> None:
    p, q = TARGET.numpy(), LOG_P.exp().numpy()
    np.testing.assert_allclose(js_distance(LOG_P, TARGET), jensenshannon(p, q, base=2, axis=1))
    np.testing.assert_allclose(js_divergence(LOG_P, TARGET), jensenshannon(p, q, base=2, axis=1) ** 2)
    np.testing.assert_allclose(kl_divergence(LOG_P, TARGET), scipy_entropy(p, q, axis=1))
    np.testing.assert_allclose(ambiguity(LOG_P, TARGET), scipy_entropy(p, axis=1) / np.log(3), atol=1e-12)


@pytest.mark.parametrize("loss", ["js-distance", "js-divergence", "kl", "cross-entropy"])
def test_gradients_equal_finite_differences(loss: str) -> None:
    assert torch.autograd.gradcheck(lambda at: LOSSES[loss](at.log_softmax(1), TARGET), LOGITS.clone().requires_grad_())


def test_the_expected_policy_gradient_is_that_of_the_divergence() -> None:
    ours, theirs = (gradient(lambda log_p, f=f: f(log_p, TARGET)) for f in (policy_loss, js_divergence))
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    assert policy_loss(LOG_P, TARGET).abs().max() < 1e-12


def test_rewarding_a_drawn_label_by_its_share_ends_at_the_mode_and_ours_at_the_distribution() -> None:
    """Gradient ascent on sum_c q_c r_c from even answers."""
    target = torch.tensor([[0.5, 0.3, 0.2]])
    ends = []
    for value in (lambda log_p: -(log_p.exp() * target), lambda log_p: policy_loss(log_p, target)):
        logits = torch.zeros(1, 3)
        for _ in range(600):
            logits = logits - 2 * gradient(value, logits)
        ends.append(logits.softmax(1))
    assert ends[0][0, 0] > 0.99
    torch.testing.assert_close(ends[1], target, atol=1e-3, rtol=0)


@ALL
def test_the_target_is_where_every_gradient_ends(loss: str) -> None:
    inside = TARGET[[0, 3]]
    found = gradient(lambda log_p: LOSSES[loss](log_p, inside), inside.log())
    assert torch.isfinite(found).all()
    assert found.abs().max() < 1e-6


@ALL
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_choices_that_are_not_there_change_nothing(loss: str, dtype: torch.dtype) -> None:
    logits, target = LOGITS.to(dtype), TARGET.to(dtype)
    wide = torch.cat([logits, torch.full((4, 2), -1e9, dtype=dtype)], dim=1)
    padded = torch.cat([target, torch.zeros(4, 2, dtype=dtype)], dim=1)
    torch.testing.assert_close(LOSSES[loss](wide.log_softmax(1), padded), LOSSES[loss](logits.log_softmax(1), target))
    found = gradient(lambda log_p: LOSSES[loss](log_p, padded), wide)
    torch.testing.assert_close(found[:, :3], gradient(lambda log_p: LOSSES[loss](log_p, target), logits))
    assert found[:, 3:].abs().max() == 0
    torch.testing.assert_close(ambiguity(wide.log_softmax(1), padded), ambiguity(logits.log_softmax(1), target))


@ALL
def test_a_model_as_sure_as_can_be_of_something_else_stays_finite(loss: str) -> None:
    logits = torch.tensor([[200.0, 0.0, -200.0], [-1e4, 0.0, 1e4]])
    target = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert torch.isfinite(LOSSES[loss](logits.log_softmax(1), target)).all()
    assert torch.isfinite(gradient(lambda log_p: LOSSES[loss](log_p, target), logits)).all()


@ALL
def test_lambda_acts_where_people_disagree_and_nowhere_else(loss: str) -> None:
    """Item 1 has no ambiguity; the denominator is the same for every lambda."""
    plain, weighted = (
        gradient(lambda log_p, x=x: Distribution(loss, ambiguity_weight=x).total(log_p, batch())) for x in (0.0, 2.0)
    )
    torch.testing.assert_close(plain[1], weighted[1])
    expected = plain * (1 + 2 * ambiguity(LOG_P, TARGET))[:, None]
    torch.testing.assert_close(weighted, expected)
    assert ((weighted - plain).abs().max(dim=1).values[[0, 2, 3]] > 1e-3).all()
    assert Distribution(loss, ambiguity_weight=2.0).count(batch()) == 4


def test_a_dynamic_weight_follows_the_gap_and_sends_no_gradient_of_its_own() -> None:
    objective = Distribution("kl", ambiguity_weight=3.0, dynamic=True)
    expected = 1 + 3 * ambiguity(LOG_P, TARGET) * js_distance(LOG_P, TARGET)
    torch.testing.assert_close(objective.weight(LOG_P, TARGET), expected)
    plain = gradient(lambda log_p: kl_divergence(log_p, TARGET))
    torch.testing.assert_close(gradient(lambda log_p: objective.total(log_p, batch())), plain * expected[:, None])
    learned = objective.weight(TARGET[[0, 3]].log(), TARGET[[0, 3]])
    torch.testing.assert_close(learned, torch.ones(2, dtype=torch.float64), atol=1e-4, rtol=0)


def test_cross_entropy_without_lambda_is_training_on_soft_targets() -> None:
    weighted = batch() | {"weight": torch.tensor([1.0, 0.5, 2.0, 0.0], dtype=torch.float64)}
    for name in ("total", "count"):
        ours, theirs = (getattr(o, name) for o in (Distribution("cross-entropy"), SoftTarget()))
        arguments = (LOG_P, weighted) if name == "total" else (weighted,)
        torch.testing.assert_close(ours(*arguments), theirs(*arguments))
