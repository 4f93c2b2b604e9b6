"""Oracles: enumeration of truths by hand, cross-entropy of torch, finite differences."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crowdtune.annotators.expertise import Expertise
from crowdtune.objectives.likelihood import Likelihood, joint_scores, per_label, posterior
from crowdtune.objectives.soft_target import SoftTarget, soft_cross_entropy

LOGITS = torch.tensor([[0.3, -1.0, 0.8], [2.0, 0.1, -0.5]])
LOG_P = LOGITS.log_softmax(1)


def batch(labels: list[list[int]], annotators: list[list[int]], k: int = 3) -> dict[str, Tensor]:
    return {
        "labels": torch.tensor(labels),
        "annotators": torch.tensor(annotators),
        "task": torch.zeros(len(labels), dtype=torch.long),
        "answers": torch.arange(k).repeat(len(labels), 1),
    }


CROWD = batch([[0, 2, -1], [1, 1, 0]], [[0, 1, -1], [0, 1, 2]])


def experts(values: list[float]) -> Expertise:
    model = Expertise(len(values))
    model.rho.data = torch.tensor(values)[:, None].logit()
    return model


def says(e: float, label: int, truth: int, k: int = 3) -> float:
    return (e if label == truth else 0.0) + (1 - e) / k


def by_hand(kind: str, values: list[float]) -> float:
    """Enumerate every truth of every label (per-label) or item (joint)."""
    total = 0.0
    for i, (labels, annotators) in enumerate(zip(CROWD["labels"], CROWD["annotators"], strict=True)):
        given = [(int(n), int(a)) for n, a in zip(labels, annotators, strict=True) if n >= 0]
        p = LOG_P[i].exp().tolist()
        if kind == "joint":
            terms = [p[k] * torch.tensor([says(values[a], n, k) for n, a in given]).prod().item() for k in range(3)]
            total -= torch.tensor(sum(terms)).log().item()
        else:
            for n, a in given:
                total -= torch.tensor(sum(p[k] * says(values[a], n, k) for k in range(3))).log().item()
    return total


@pytest.mark.parametrize("kind", ["per-label", "joint"])
def test_likelihood_equals_enumeration(kind: str) -> None:
    values = [0.9, 0.4, 0.05]
    objective = Likelihood(experts(values), n_labels=5, kind=kind)  # type: ignore[arg-type]
    assert objective.total(LOG_P, CROWD).item() == pytest.approx(by_hand(kind, values), abs=1e-5)
    assert objective.count(CROWD).item() == (5 if kind == "per-label" else 2)


def test_full_expertise_is_cross_entropy() -> None:
    objective = Likelihood(experts([1 - 1e-7] * 3), n_labels=5)
    rows = torch.tensor([0, 0, 1, 1, 1])
    expected = cross_entropy(LOGITS[rows], torch.tensor([0, 2, 1, 1, 0]), reduction="sum")
    torch.testing.assert_close(objective.total(LOG_P, CROWD), expected, atol=1e-4, rtol=1e-4)


def test_no_expertise_sends_no_gradient_to_the_model() -> None:
    model = Expertise(3)
    model.rho.data.fill_(-200.0)
    logits = LOGITS.clone().requires_grad_()
    Likelihood(model, n_labels=5).total(logits.log_softmax(1), CROWD).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6  # float32 rounding of a softmax whose rows sum to 1


def test_a_uniform_model_gives_log_k_whatever_the_expertise() -> None:
    uniform = torch.full((2, 3), 1 / 3).log()
    total = Likelihood(experts([0.9, 0.4, 0.05]), n_labels=5).total(uniform, CROWD)
    assert total.item() == pytest.approx(5 * torch.tensor(3.0).log().item(), abs=1e-5)


def test_one_label_per_item_makes_both_likelihoods_equal() -> None:
    alone = batch([[0], [1]], [[0], [2]])
    model = experts([0.9, 0.4, 0.05])
    kinds = [Likelihood(model, n_labels=2, kind=kind).total(LOG_P, alone) for kind in ("per-label", "joint")]
    torch.testing.assert_close(*kinds)


@pytest.mark.parametrize("kind", ["per-label", "joint"])
def test_padding_choices_changes_nothing(kind: str) -> None:
    model = experts([0.9, 0.4, 0.05])
    wide = torch.cat([LOGITS, torch.full((2, 2), -1e9)], dim=1).log_softmax(1)
    padded = CROWD | {"answers": torch.tensor([[0, 1, 2, -1, -1]] * 2)}
    objective = Likelihood(model, n_labels=5, kind=kind)  # type: ignore[arg-type]
    torch.testing.assert_close(objective.total(wide, padded), objective.total(LOG_P, CROWD))


@pytest.mark.parametrize("kind", ["per-label", "joint"])
def test_gradients_equal_finite_differences(kind: str) -> None:
    model = experts([0.9, 0.4, 0.05]).double()

    def loss(logits: Tensor, rho: Tensor) -> Tensor:
        swapped = torch.func.functional_call(model, {"rho": rho}, (_labels(), 3))
        log_p = logits.log_softmax(1)
        if kind == "joint":
            return torch.logsumexp(joint_scores(log_p, swapped, _labels().item), dim=1).sum()
        return per_label(log_p, swapped, _labels().item).sum()

    inputs = (LOGITS.double().requires_grad_(), model.rho.detach().clone().requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs)


def _labels():
    from crowdtune.annotators.labels import flatten

    return flatten(CROWD)


def test_posterior_equals_bayes_by_hand() -> None:
    """Two choices, p = .6/.4, one annotator with P(right) = .9 who says the second: .6*.1 against .4*.9."""
    log_lik = torch.tensor([[0.1, 0.9]]).log()
    found = posterior(torch.tensor([[0.6, 0.4]]).log(), log_lik, torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([[0.06, 0.36]]) / 0.42)


def test_the_prior_is_shared_out_among_the_labels() -> None:
    model = Expertise(3, start=0.3, prior=(2.0, 2.0))
    whole = Likelihood(model, n_labels=5).total(LOG_P, CROWD)
    flat = Likelihood(Expertise(3, start=0.3), n_labels=5).total(LOG_P, CROWD)
    torch.testing.assert_close(whole, flat - model.log_prior())
    half = Likelihood(model, n_labels=10).total(LOG_P, CROWD)
    torch.testing.assert_close(half, flat - model.log_prior() / 2)


def test_soft_cross_entropy_equals_torch() -> None:
    target = torch.tensor([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    expected = cross_entropy(LOGITS, target, reduction="none")
    torch.testing.assert_close(soft_cross_entropy(LOG_P, target), expected)


def test_soft_cross_entropy_ignores_choices_that_are_not_there() -> None:
    log_p = torch.tensor([[0.5, 0.5, 0.0]]).log().clamp(min=-1e9)
    assert soft_cross_entropy(log_p, torch.tensor([[1.0, 0.0, 0.0]])).item() == pytest.approx(0.6931472)


def test_weights_count_in_sum_and_denominator() -> None:
    weighted = {"target": torch.eye(3)[:2], "weight": torch.tensor([3.0, 0.5])}
    expected = 3 * -LOG_P[0, 0] + 0.5 * -LOG_P[1, 1]
    torch.testing.assert_close(SoftTarget().total(LOG_P, weighted), expected)
    assert SoftTarget().count(weighted).item() == 3.5


def test_every_triple_of_labels_gives_a_finite_loss() -> None:
    for triple in product(range(3), repeat=3):
        crowd = batch([list(triple)], [[0, 1, 2]])
        assert torch.isfinite(
            Likelihood(experts([0.999999, 0.5, 1e-6]), n_labels=3, kind="joint").total(LOG_P[:1], crowd)
        )
