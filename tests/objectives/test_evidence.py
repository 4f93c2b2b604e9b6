"""Oracles: the joint likelihood with annotators as parameters, cross-entropy with the posterior, numpy's one coin."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from crowdtune.annotators.labels import flatten
from crowdtune.annotators.one_coin import OneCoin
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin
from crowdtune.em.given import Given
from crowdtune.em.solve import Solution
from crowdtune.objectives.evidence import Evidence
from crowdtune.objectives.likelihood import Likelihood

RELIABILITY = np.array([0.9, 0.3, 0.05])
BATCH = {
    "labels": torch.tensor([[0, 2, -1], [1, 1, 0], [-1, -1, -1]]),
    "annotators": torch.tensor([[0, 1, -1], [0, 1, 2], [-1, -1, -1]]),
    "task": torch.zeros(3, dtype=torch.long),
    "answers": torch.arange(3).repeat(3, 1),
    "weight": torch.tensor([1.0, 1.0, 0.0]),
    "index": torch.tensor([4, 0, 2]),  # places in a table of five items
}


def believed() -> Belief:
    """Three coins on the labels of BATCH, in a table of five items."""
    item, who, said = np.array([4, 4, 0, 0, 0]), np.array([0, 1, 0, 1, 2]), np.array([0, 2, 1, 1, 0])
    seen = Given(item, who, said, np.full(5, 3), 5, 3, 3)
    coins = Coin(RELIABILITY)
    flat = np.full((5, 3), -np.log(3))
    return Belief(flat, seen, Solution(np.exp(flat), coins, 1.0, seen.evidence(coins), []))


def logits() -> Tensor:
    return torch.tensor([[0.3, -1.0, 0.8], [2.0, 0.1, -0.5], [1.0, 0.0, 0.0]], requires_grad=True)


def test_the_coin_by_gradient_says_what_the_coin_by_em_says() -> None:
    blank = torch.ones(3, 1)
    made = OneCoin(torch.from_numpy(RELIABILITY)[:, None], blank, blank)(flatten(BATCH), 3)
    belief = believed()
    np.testing.assert_allclose(
        made.detach().numpy(), belief.solution.annotators.log_likelihood(belief.given), atol=1e-5
    )


def test_the_coins_prior_is_a_beta_density() -> None:
    s, a, b = torch.tensor([[0.8]]), torch.tensor([[3.0]]), torch.tensor([[1.5]])
    other = torch.tensor([[0.4]])
    density = torch.distributions.Beta(3.0, 1.5)
    gap = OneCoin(s, a, b).log_prior() - OneCoin(other, a, b).log_prior()
    torch.testing.assert_close(gap, (density.log_prob(s) - density.log_prob(other)).squeeze(), atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_joint_likelihood_and_its_gradient_cross_entropy_with_the_posterior() -> None:
    x = logits()
    belief = believed()
    loss = Evidence(belief).total(x.log_softmax(dim=1), BATCH)
    blank = torch.ones(3, 1)
    other = Likelihood(OneCoin(torch.from_numpy(RELIABILITY)[:, None], blank, blank), 5, "joint")
    torch.testing.assert_close(loss, other.total(x.log_softmax(dim=1), BATCH), atol=1e-5, rtol=1e-5)
    (slope,) = torch.autograd.grad(loss, x)
    evidence = torch.from_numpy(belief.evidence[[4, 0, 2]]).float()
    q = (x.log_softmax(dim=1) + evidence).softmax(dim=1)
    expected = (x.softmax(dim=1) - q) * BATCH["weight"][:, None]
    torch.testing.assert_close(slope, expected.detach(), atol=1e-6, rtol=1e-5)
    assert Evidence(belief).count(BATCH) == 2


def test_what_is_trained_on_is_heard_and_what_is_evaluated_or_has_no_weight_is_not() -> None:
    belief = believed()
    log_p = logits().log_softmax(dim=1)
    Evidence(belief).total(log_p.detach(), BATCH)
    assert not belief.heard
    Evidence(belief).total(log_p, BATCH)
    belief.settle(belief.heard)
    np.testing.assert_allclose(belief.log_p[[4, 0]], log_p.detach().numpy()[:2], atol=1e-6)
    np.testing.assert_allclose(belief.log_p[[1, 2, 3]], -np.log(3))
