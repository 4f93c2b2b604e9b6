"""What a method decides: what to train on, what to minimise, and what it then believes of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints, Items, Singles
from crowdtune.errors import InputError
from crowdtune.examples import Examples, from_targets
from crowdtune.lm.contrast import Contrast
from crowdtune.lm.load import LanguageModel
from crowdtune.metrics.guard import Verdict
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.training.reinforce import Stage
from crowdtune.training.trainer import Objective


@dataclass(frozen=True, eq=False)
class Conclusion:
    """What a method believes in the end.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1; zeros for an item without responses.
        columns: to add to the table of annotators, J values each.
        results: to add to results.json.
        knew: (N,) of free responses, the probability that each is an answer; None for labels.
        verdict: on the crowd as it turned out to be, where that differs from the one before training; else None.
        group: (I,) parts of the items that must each be resolved by itself; None for the tasks.
    """

    posterior: Floats
    columns: dict[str, list[Any]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    group: Ints | None = None
    knew: Floats | None = None


def of_the_model(log_p: Floats) -> Conclusion:
    """The trained model's opinion alone."""
    return Conclusion(np.asarray(np.exp(log_p)))


@dataclass(frozen=True, eq=False)
class Anchor:
    """What the model knew of the items before any training.

    Args:
        log_p: (I, K) log-probabilities, centred.
        hidden: (I, H) hidden states its answers were read from.
        contrast: of free responses, how much likelier a model finds them after their own prompts than after others;
            None asks the untrained model. None for choices.
        refreshes: how often the model is asked that during training.
    """

    log_p: Floats
    hidden: Singles
    contrast: Callable[[LanguageModel | None], Contrast] | None = None
    refreshes: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """A method, made concrete for some annotations.

    Args:
        examples: what to train on.
        objective: what to minimise.
        story: one sentence for the model card: how the labels were used.
        annotator_learning_rate: rate of the annotators' parameters, where the objective has some.
        conclude: (I, K) log-probabilities of the trained model -> what the method believes in the end.
        used_gold: (I,) True for items whose gold answer is evidence, so that nothing is measured on it; None for none.
        verdict: whether the crowd can be resolved, where the method asked for itself; None where it did not.
        train: a training of the method's own, model and stage -> the model trained; None minimises the objective.
    """

    examples: Examples
    objective: Objective
    story: str
    annotator_learning_rate: float = 0.0
    conclude: Callable[[Floats], Conclusion] = of_the_model
    used_gold: Bools | None = None
    verdict: Verdict | None = None
    train: Callable[[LanguageModel, Stage], LanguageModel] | None = None


class Method(Protocol):
    """A frozen dataclass of options."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Decide.

        Args:
            annotations: N labels.
            anchor: what the model knew before training.
        """
        ...


def rounded(values: Iterable[Any]) -> list[float]:
    """Numbers as tables show them."""
    return [round(float(v), 4) for v in values]


def on_targets(annotations: Annotations, targets: Floats, weights: Floats, story: str) -> Plan:
    """Plan of a method that trains on a distribution per item: (I, K) targets, (I,) weights; 0 leaves an item out."""
    return Plan(from_targets(annotations.items, targets, weights), SoftTarget(), story)


def smoothed(targets: Floats, items: Items, share: float) -> Floats:
    """(I, K) targets of which a share of every label goes to the other choices of its item alike."""
    others = np.where(items.choice_mask, (1 - targets) / np.maximum(items.n_choices - 1, 1)[:, None], 0.0)
    return np.asarray((1 - share) * targets + share * others)


def check_smoothing(share: float) -> None:
    """Refuse a smoothing of labels that is no share, or leaves nothing of them."""
    if not 0 <= share < 1:
        raise InputError(f"smoothing={share} must be a share from 0 to below 1.")
