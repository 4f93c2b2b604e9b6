"""Signs that a solution is the truth's mirror image: a crowd whose majority is wrong fits better inverted."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.metrics.crowd import reliability

ENOUGH = 20  # labels from which an annotator's agreement with the model says something
MARGIN = 0.05  # above chance
SURE = 3.0  # standard deviations below chance from which agreement is no accident


def agreement(before: Floats, after: Floats) -> float:
    """Share of items whose most probable choice is the same in two (I, K) tables of log-probabilities."""
    return float((before.argmax(axis=1) == after.argmax(axis=1)).mean()) if len(before) else float("nan")


def chance_agreement(before: Floats, after: Floats) -> float:
    """Agreement expected of two models that answer as often with each choice, but independently of the item."""
    k = before.shape[1]
    said = [np.bincount(table.argmax(axis=1), minlength=k) / max(len(table), 1) for table in (before, after)]
    return float((said[0] * said[1]).sum())


def warnings(annotations: Annotations, before: Floats, after: Floats) -> list[str]:
    """Say where the labels may have turned the model round.

    Args:
        annotations: N labels.
        before: (I, K) log-probabilities of the model before training, centred.
        after: (I, K) those after it.
    """
    said = []
    kept, expected = agreement(before, after), chance_agreement(before, after)
    if kept < expected - SURE * np.sqrt(expected * (1 - expected) / max(len(before), 1)):
        said.append(
            f"the trained model agrees with what it answered before on {kept:.0%} of the items, less than chance "
            f"({expected:.0%}): the labels may have turned it round. Check some items by hand."
        )
    chance = float((1 / annotations.items.n_choices).mean())
    answered = np.eye(before.shape[1])[before.argmax(axis=1)]
    judged = reliability(annotations, answered)[annotations.labels_per_annotator >= ENOUGH]
    if len(judged) and judged.max() < chance + MARGIN:
        said.append(
            f"no annotator agrees with the untrained model above chance ({judged.max():.0%}, chance {chance:.0%}): "
            "nothing tells the truth from its opposite. Say in the prompt what is asked (template=...), take a "
            "stronger model, or a method that needs none: dawid-skene."
        )
    return said
