"""What is known beside the labels: gold answers of some items, and how right annotators were before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats
from crowdtune.errors import InputError


@dataclass(frozen=True, eq=False)
class Evidence:
    """Known truths and known annotators.

    Args:
        gold: (I,) True for items whose gold answer is known truth.
        right: (J,) pseudo-labels each annotator got right before; 0 for who is not known.
        wrong: (J,) those they got wrong.
    """

    gold: Bools
    right: Floats
    wrong: Floats

    @property
    def empty(self) -> bool:
        """True where nothing is known."""
        return not (self.gold.any() or self.right.any() or self.wrong.any())


def evidence(
    annotations: Annotations, gold: Bools | None = None, history: tuple[Floats, Floats] | None = None
) -> Evidence:
    """Evidence on some annotations.

    Args:
        annotations: N labels.
        gold: (I,) items whose gold answer is known truth; those without a gold answer say nothing.
        history: (J,) right and (J,) wrong labels of each annotator before, as `runs.pseudo_labels` makes them.
    """
    j = len(annotations.annotators)
    marked = np.zeros(len(annotations.items), dtype=bool) if gold is None else gold
    right, wrong = (np.zeros(j), np.zeros(j)) if history is None else history
    if len(marked) != len(annotations.items) or len(right) != j or len(wrong) != j:
        raise ValueError(f"evidence must have {len(annotations.items)} items and {j} annotators.")
    return Evidence(np.asarray(marked & (annotations.items.gold >= 0)), right, wrong)


def refuse(found: Evidence | None, method: str, why: str) -> None:
    """Refuse evidence for a method that cannot use it."""
    if found is not None and not found.empty:
        raise InputError(f"{method} cannot use gold or history: {why}. Use one-coin or dawid-skene, or leave both out.")
