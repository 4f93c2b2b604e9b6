"""What methods for given labels share: one label per item, a classifier across folds, and what they told of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from crowdtune.aggregate import vote_shares
from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.denoise.classifier import cross_fit
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Conclusion, Plan
from crowdtune.metrics.noise import detection


def given_labels(annotations: Annotations) -> tuple[Ints, Ints]:
    """(L,) items with a label most often given, tied ones left out, and (L,) that label."""
    votes = annotations.votes
    index = np.flatnonzero((votes == votes.max(axis=1, keepdims=True, initial=1)).sum(axis=1) == 1)
    return index, votes[index].argmax(axis=1)


def out_of_fold(annotations: Annotations, anchor: Anchor, method: str) -> Floats:
    """(I, K) probabilities by classifiers on hidden states, none of which saw the item's own labels."""
    if not annotations.items.common_choices:
        raise InputError(f"{method} needs the same choices on all items: a classifier learns them. Use self-select.")
    if not anchor.hidden.shape[1]:
        raise InputError(f"{method} needs hidden states of the untrained model, and a new head has none. Use head=lm.")
    weights = annotations.labels_per_item.astype(float)
    return np.exp(cross_fit(anchor.hidden.astype(np.float64), vote_shares(annotations), weights).log_p)


def require_knowledge(annotations: Annotations, anchor: Anchor, method: str) -> None:
    """Refuse an untrained model that finds all choices of all items alike: its answers would be the first choices."""
    if np.allclose(np.exp(anchor.log_p).max(axis=1) * annotations.items.n_choices, 1):
        raise InputError(f"{method} asks the untrained model, and a new head knows nothing yet. Use head=lm.")


def telling(plan: Plan, annotations: Annotations, kept: Bools) -> Plan:
    """The plan, which also tells how many labels were left out and, where gold is known, how many of those were wrong.

    Args:
        plan: of a method.
        annotations: N labels.
        kept: (N,) labels that were believed.
    """
    told: dict[str, Any] = {"labels_doubted": int((~kept).sum())}
    if (annotations.items.gold >= 0).any():
        told |= detection(annotations, ~kept)
    return replace(plan, conclude=_with(told, plan.conclude))


def _with(told: dict[str, Any], conclude: Callable[[Floats], Conclusion]) -> Callable[[Floats], Conclusion]:
    def tell(log_p: Floats) -> Conclusion:
        found = conclude(log_p)
        return replace(found, results=found.results | told)

    return tell
