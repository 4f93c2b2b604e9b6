"""Oracles: the layer in numpy, label by label; its gradient in closed form; torch's cross-entropy; a planted crowd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crowdtune.objectives.crowd_layer import CrowdLayer, Matrices

LOG_P = torch.tensor([[0.3, -1.0, 0.8], [2.0, 0.1, -0.5]]).log_softmax(1)
GIVEN = [(0, 0, 0), (0, 1, 2), (1, 0, 1), (1, 1, 1), (1, 2, 0)]  # item, annotator, label
TASK = [0, 1]


def batch(k: int = 3) -> dict[str, Tensor]:
    """GIVEN, padded."""
    return {
        "labels": torch.tensor([[0, 2, -1], [1, 1, 0]]),
        "annotators": torch.tensor([[0, 1, -1], [0, 1, 2]]),
        "task": torch.tensor(TASK),
        "answers": torch.where(torch.arange(k) < 3, torch.arange(k), -1).repeat(2, 1),
    }


@pytest.fixture
def layer() -> CrowdLayer:
    matrices = Matrices(3, 2, 3)
    matrices.weight.data += torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 3, 3))).float()
    return CrowdLayer(matrices)


def says(layer: CrowdLayer, item: int, annotator: int) -> np.ndarray:
    """(3,) what the layer expects an annotator to say."""
    score = LOG_P[item].exp().numpy() @ layer.annotators.weight[annotator, TASK[item]].detach().numpy()
    return np.exp(score) / np.exp(score).sum()


def test_the_loss_equals_a_pass_in_numpy(layer: CrowdLayer) -> None:
    expected = -sum(math.log(says(layer, i, a)[label]) for i, a, label in GIVEN)
    assert layer.total(LOG_P, batch()).item() == pytest.approx(expected, rel=1e-5)
    assert layer.count(batch()).item() == 5


def test_the_gradient_of_a_matrix_is_answer_times_surprise(layer: CrowdLayer) -> None:
    """d loss / d W[a, task, t, l] = sum over the annotator's labels of p_t (said_l - 1[l = label])."""
    layer.total(LOG_P, batch()).backward()
    expected = np.zeros((3, 2, 3, 3))
    for i, a, label in GIVEN:
        expected[a, TASK[i]] += np.outer(LOG_P[i].exp(), says(layer, i, a) - np.eye(3)[label])
    assert layer.annotators.weight.grad is not None
    np.testing.assert_allclose(layer.annotators.weight.grad.numpy(), expected, atol=1e-6)


def test_the_gradient_of_the_model_equals_finite_differences(layer: CrowdLayer) -> None:
    layer.annotators.double()
    logits = LOG_P.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: layer.total(z.log_softmax(1), batch()), (logits,))


def test_it_starts_as_cross_entropy_with_each_label_on_the_softmax_of_the_softmax() -> None:
    start = CrowdLayer(Matrices(3, 2, 3))
    item, _, label = torch.tensor(GIVEN).T
    expected = cross_entropy(LOG_P.exp()[item], label, reduction="sum")
    torch.testing.assert_close(start.total(LOG_P, batch()), expected)
    zero = torch.zeros(1, 1, dtype=torch.long)
    lone = {"labels": zero, "annotators": zero, "task": zero[0], "answers": torch.arange(2)[None]}
    found = CrowdLayer(Matrices(1, 1, 2)).total(torch.tensor([[0.8, 0.2]]).log(), lone)
    assert found.item() == pytest.approx(math.log(1 + math.exp(-0.6)))


def test_choices_an_item_lacks_change_nothing(layer: CrowdLayer) -> None:
    wide = Matrices(3, 2, 5)
    wide.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    wide.weight.data[:, :, :3, :3] = layer.annotators.weight.data
    log_p = torch.cat([LOG_P, torch.full((2, 2), -1e9)], dim=1).requires_grad_()
    found = CrowdLayer(wide).total(log_p, batch(5))
    torch.testing.assert_close(found, layer.total(LOG_P, batch()))
    found.backward()
    assert log_p.grad is not None
    assert torch.isfinite(log_p.grad).all()
    assert log_p.grad[:, 3:].abs().max() == 0


def test_matrices_find_who_swaps_two_answers() -> None:
    """Planted: one annotator tells the truth, the other says 1 for 0 and 0 for 1; the model knows, and is frozen."""
    truth = torch.arange(60) % 3
    labels = torch.stack([truth, torch.tensor([1, 0, 2])[truth]], dim=1)
    crowd = {
        "labels": labels,
        "annotators": torch.tensor([0, 1]).repeat(60, 1),
        "task": torch.zeros(60, dtype=torch.long),
        "answers": torch.arange(3).repeat(60, 1),
    }
    log_p = torch.where(torch.eye(3)[truth] > 0, 0.8, 0.1).log()
    layer = CrowdLayer(Matrices(2, 1, 3))
    optimizer = torch.optim.Adam(layer.annotators.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        layer.total(log_p, crowd).backward()
        optimizer.step()
    assert layer.annotators.weight.argmax(dim=3).squeeze().tolist() == [[0, 1, 2], [1, 0, 2]]
