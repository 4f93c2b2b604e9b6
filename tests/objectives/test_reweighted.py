"""Oracles: RE-PO's posterior and running means by hand, the gradient of its weighted loss by torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crowdtune.annotators.averaged import EDGE, Averaged
from crowdtune.annotators.labels import flatten
from crowdtune.objectives.reweighted import Reweighted, right
from crowdtune.training.average_step import AverageStep
from tests.objectives.test_objectives import batch

PAIRS = batch([[0, 1], [0, -1]], [[0, 1], [1, -1]], k=2)
MARGIN = torch.tensor([0.4, -1.2])  # implicit reward of the first text over the second


def log_p(margin: torch.Tensor) -> torch.Tensor:
    return torch.stack([margin, -margin], dim=1).mul(0.5).log_softmax(1)


def crowd(reliabilities: list[float], momentum: float = 0.5) -> Averaged:
    made = Averaged(len(reliabilities), 0.5, momentum)
    made.reliability.copy_(torch.tensor(reliabilities))
    return made


def test_the_posterior_that_a_label_is_right_by_hand() -> None:
    """s sigmoid(m) / (s sigmoid(m) + (1 - s) sigmoid(-m)), m the margin of what was preferred."""
    labels = flatten(PAIRS)
    found = right(log_p(MARGIN), crowd([0.8, 0.3])(labels, 2), labels.item, labels.label)
    wanted = []
    for s, margin in ((0.8, 0.4), (0.3, -0.4), (0.3, -1.2)):
        p = 1 / (1 + torch.tensor(-margin).exp().item())
        wanted.append(s * p / (s * p + (1 - s) * (1 - p)))
    torch.testing.assert_close(found, torch.tensor(wanted))


def test_the_gradient_is_that_of_the_weighted_preference_loss() -> None:
    margin = MARGIN.clone().requires_grad_()
    Reweighted(crowd([0.8, 0.3])).total(log_p(margin), PAIRS).backward()
    labels, by_hand = flatten(PAIRS), MARGIN.clone().requires_grad_()
    weight = right(log_p(MARGIN), crowd([0.8, 0.3])(labels, 2), labels.item, labels.label)
    towards = by_hand[labels.item] * (1 - 2 * labels.label)
    loss = -(weight * towards.sigmoid().log() + (1 - weight) * (-towards).sigmoid().log()).sum()
    loss.backward()
    torch.testing.assert_close(margin.grad, by_hand.grad)


def test_with_three_choices_errors_go_to_the_others_alike() -> None:
    p, s = torch.tensor([[0.5, 0.3, 0.2]]), 0.6
    labels = flatten(batch([[0]], [[0]]))
    found = right(p.log(), crowd([s])(labels, 3), labels.item, labels.label)
    assert found.item() == pytest.approx(s * 0.5 / (s * 0.5 + (1 - s) / 2 * 0.5))


def test_reliabilities_are_running_means_of_those_posteriors() -> None:
    annotators = crowd([0.8, 0.3, 0.7], momentum=0.75)
    margin = MARGIN.clone().requires_grad_()
    labels = flatten(PAIRS)
    weight = right(log_p(MARGIN), annotators(labels, 2), labels.item, labels.label).double()
    objective = Reweighted(annotators)
    with torch.no_grad():
        objective.total(log_p(MARGIN), PAIRS)  # an evaluation: nobody hears it
    objective.total(log_p(margin), PAIRS)
    annotators.step()
    wanted = [0.75 * 0.8 + 0.25 * weight[0].item(), 0.75 * 0.3 + 0.25 * weight[1:].mean().item(), 0.7]
    torch.testing.assert_close(annotators.reliability, torch.tensor(wanted, dtype=torch.float64))
    annotators.step()
    torch.testing.assert_close(annotators.reliability, torch.tensor(wanted, dtype=torch.float64))


def test_nobody_is_held_right_for_ever() -> None:
    annotators = crowd([0.5], momentum=0.0)
    annotators.hear(flatten(batch([[0]], [[0]], k=2)), torch.tensor([1.0]))
    annotators.step()
    assert annotators.reliability.item() == pytest.approx(1 - EDGE)


def test_running_means_survive_a_checkpoint(tmp_path: Path) -> None:
    before, after = AverageStep(crowd([0.8, 0.3])), AverageStep(crowd([0.5, 0.5]))
    before.save(tmp_path)
    after.load(tmp_path)
    torch.testing.assert_close(after.annotators.reliability, before.annotators.reliability)
