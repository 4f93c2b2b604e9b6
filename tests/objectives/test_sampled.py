"""Drawn labels. Oracle: the target itself, by a chi-squared test; the expected loss."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import chisquare, kstest
from torch import Tensor

from crowdtune.objectives.sampled import Sampled, uniform
from crowdtune.objectives.soft_target import SoftTarget

LOG_P = torch.tensor([[0.3, -1.0, 0.8, -1e9], [2.0, 0.1, -0.5, -1e9]]).log_softmax(1)
BATCH = {
    "target": torch.tensor([[0.2, 0.5, 0.3, 0.0], [0.0, 1.0, 0.0, 0.0]]),
    "weight": torch.tensor([1.0, 0.5]),
    "index": torch.tensor([7, 3]),
}


def drawn(objective: Sampled) -> list[int]:
    """Choices drawn for the batch: where the gradient in the log-probabilities is."""
    log_p = LOG_P.clone().requires_grad_()
    objective.total(log_p, BATCH).backward()
    assert isinstance(log_p.grad, Tensor)
    assert (log_p.grad.sum(dim=1) == -BATCH["weight"]).all()
    return log_p.grad.argmin(dim=1).tolist()


def test_labels_come_in_the_shares_of_the_target() -> None:
    """A thousand items seen twice."""
    objective, n = Sampled(seed=1), 1000
    many = {name: column[:1].repeat_interleave(n, dim=0) for name, column in BATCH.items()} | {"index": torch.arange(n)}
    counts = torch.zeros(4)
    for _ in range(2):
        log_p = LOG_P[:1].repeat(n, 1).requires_grad_()
        objective.total(log_p, many).backward()
        assert isinstance(log_p.grad, Tensor)
        counts -= log_p.grad.sum(dim=0)
    assert counts[3] == 0
    assert chisquare(counts[:3].numpy(), 2 * n * BATCH["target"][0, :3].double().numpy()).pvalue > 0.001


def test_the_same_seed_draws_the_same_and_evaluation_draws_nothing() -> None:
    first, second = (Sampled(seed=5) for _ in range(2))
    assert [drawn(first) for _ in range(20)] == [drawn(second) for _ in range(20)]
    torch.testing.assert_close(first.total(LOG_P, BATCH), SoftTarget().total(LOG_P, BATCH))
    assert first.seen[7] == 20
    assert first.count(BATCH) == 1.5


def test_numbers_are_uniform_over_items_and_over_visits() -> None:
    n = list(range(5000))
    for numbers in (uniform(0, n, [0] * 5000), uniform(0, [11] * 5000, n), uniform(3, n, n)):
        assert kstest(numbers, "uniform").pvalue > 0.001
        assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.06
