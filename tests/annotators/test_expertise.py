"""Oracles: REALM's mixture written out with plain numbers; the gradient r - e in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from crowdtune.annotators.expertise import Expertise
from crowdtune.annotators.labels import Labels, flatten
from crowdtune.objectives.likelihood import per_label


def labels(label: list[int], annotator: list[int], task: list[int] | None = None, k: int = 3) -> Labels:
    n = len(label)
    return Labels(
        item=torch.arange(n),
        annotator=torch.tensor(annotator),
        label=torch.tensor(label),
        task=torch.tensor(task or [0] * n),
        n_choices=torch.full((n,), k),
    )


def test_likelihood_is_the_mixture_of_knowing_and_guessing() -> None:
    model = Expertise(2)
    model.rho.data = torch.tensor([[0.8], [0.1]]).logit()
    found = model(labels([0, 2], [0, 1]), 3).exp()
    guess = (0.2 / 3, 0.9 / 3)
    expected = torch.tensor([[0.8 + guess[0], guess[0], guess[0]], [guess[1], guess[1], 0.1 + guess[1]]])
    torch.testing.assert_close(found, expected)


def test_each_label_is_a_distribution_over_choices() -> None:
    model = Expertise(1, start=0.3)
    total = sum(model(labels([k], [0]), 3).exp() for k in range(3))
    torch.testing.assert_close(total, torch.ones(1, 3))


def test_per_task_expertise_takes_the_items_task() -> None:
    model = Expertise(1, n_tasks=2)
    model.rho.data = torch.tensor([[0.9, 0.2]]).logit()
    found = model(labels([0, 0], [0, 0], task=[0, 1]), 3).exp()[:, 0]
    torch.testing.assert_close(found, torch.tensor([0.9 + 0.1 / 3, 0.2 + 0.8 / 3]))


def test_gradient_for_rho_is_responsibility_less_expertise() -> None:
    """d log P / d rho = r - e with r = e p / (e p + (1 - e) / K)."""
    model, p, e, k = Expertise(1, start=0.3), 0.7, 0.3, 3
    log_p = torch.tensor([[p, 0.2, 0.1]]).log()
    given = labels([0], [0])
    per_label(log_p, model(given, 3), given.item).sum().backward()
    r = e * p / (e * p + (1 - e) / k)
    assert model.rho.grad is not None
    assert model.rho.grad.item() == pytest.approx(r - e, abs=1e-6)


@pytest.mark.parametrize("rho", [-60.0, 60.0])
def test_extreme_expertise_stays_finite(rho: float) -> None:
    model = Expertise(1)
    model.rho.data.fill_(rho)
    found = model(labels([0], [0]), 3)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert model.rho.grad is not None
    assert torch.isfinite(model.rho.grad).all()


def test_beta_prior_is_the_density_up_to_a_constant() -> None:
    model = Expertise(1, start=0.3, prior=(2.0, 5.0))
    assert model.log_prior().item() == pytest.approx(math.log(0.3) + 4 * math.log(0.7), abs=1e-6)


def test_flatten_skips_padding() -> None:
    batch = {
        "labels": torch.tensor([[1, -1], [0, 2]]),
        "annotators": torch.tensor([[5, -1], [6, 7]]),
        "task": torch.tensor([0, 1]),
        "answers": torch.tensor([[3, 4, -1], [3, 4, 5]]),
    }
    found = flatten(batch)
    assert found.item.tolist() == [0, 1, 1]
    assert found.annotator.tolist() == [5, 6, 7]
    assert found.label.tolist() == [1, 0, 2]
    assert found.task.tolist() == [0, 1, 1]
    assert found.n_choices.tolist() == [2, 3, 3]
