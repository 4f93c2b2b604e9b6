"""What becomes of an item's label: kept, replaced, softened or dropped, by a rule that has a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Literal, get_args

import numpy as np

from crowdtune.annotations import UNKNOWN, Floats, Ints
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Cut, Selecting, select

Outcome = Literal["keep", "relabel", "soft", "drop"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
RULES = {  # name -> what is told to users
    "probable": "The given label is probable enough.",
    "confirmed": "The given label is the most probable answer, and nobody who answered again contradicts it.",
    "agreed": "Everybody who answered again gave the most probable answer, which is well ahead of the second.",
    "ahead": "The most probable answer is well ahead of the second; nobody answered again.",
    "disputed": "The answers given again and the most probable answer differ: all its answers count by probability.",
    "close": "Several answers are nearly as probable: each counts by its probability.",
    "flat": "Hardly any answer is more probable than the others: nothing is learned from the item.",
    "unjudged": "Nothing is known of the answer but the given label.",
    "unanswered": "The item has no label, and nobody gave it an answer that counts.",
    "checked": "The share of experts who gave the given label reaches the threshold.",
    "unanimous": "All experts gave the given label.",
    "reviewed": "The experts contradict the given label, and the last answer given is taken as it is.",
    "contradicted": "The experts contradict the given label, and nobody answered again.",
    "unselected": "The new label is among the least sure ones.",
}


@dataclass(frozen=True)
class Decision:
    """What became of an item.

    Args:
        item: its place.
        outcome: keep (the given label), relabel (another), soft (the posterior is the label) or drop.
        given: code of the given label, -1 without.
        label: code of the label to train on; -1 where it is dropped, or soft with several answers most probable.
        posterior: (K,) P(truth = k), zeros where nothing is known.
        margin: posterior of the most probable answer less that of the second, 1 where there is one answer only.
        rule: which of RULES decided.
        opinions: expert -> what it said.
        uncertainty: of the new label, NaN where not known.
        measure: what that is.
    """

    item: int
    outcome: Outcome
    given: int
    label: int
    posterior: tuple[float, ...]
    margin: float
    rule: str
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    uncertainty: float = nan
    measure: str = ""


def told(
    decisions: Sequence[Decision],
    opinions: Mapping[str, Sequence[Opinion | None]],
    uncertainty: Floats | None = None,
    measure: Sequence[str] = (),
) -> list[Decision]:
    """Decisions with what each expert said of each item (None = was not asked), and how unsure the new label is."""
    values = [nan] * len(decisions) if uncertainty is None else uncertainty.tolist()
    names = list(measure) or [""] * len(decisions)
    said = [
        {who: opinion for who, own in opinions.items() if (opinion := own[n]) is not None}
        for n in range(len(decisions))
    ]
    return [
        replace(d, opinions=own, uncertainty=value, measure=name)
        for d, own, value, name in zip(decisions, said, values, names, strict=True)
    ]


def selected(
    decisions: Sequence[Decision], task: Ints, options: Selecting | None = None
) -> tuple[list[Decision], list[Cut]]:
    """Drop the least sure of the new labels, as `select` says.

    Args:
        decisions: with uncertainties; relabelled and soft ones are candidates, with `options.clean` kept ones too.
        task: (I,) of each item: choices of different tasks are different.
        options: shares.

    Returns:
        The decisions, those left out as dropped by the rule "unselected"; and what became of each measure.
    """
    options = options or Selecting()
    changing = ("relabel", "soft", "keep") if options.clean else ("relabel", "soft")
    label = np.array([d.label for d in decisions], dtype=np.int64)
    kept, cuts = select(
        np.array([d.uncertainty for d in decisions], dtype=np.float64),
        [d.measure for d in decisions],
        right=np.array([_right(d) for d in decisions], dtype=np.float64),
        choice=np.where(label < 0, UNKNOWN, task * (label.max(initial=0) + 1) + label),
        candidates=np.array([d.outcome in changing for d in decisions], dtype=bool),
        options=options,
    )
    gone = [
        d if stays else replace(d, outcome="drop", label=UNKNOWN, rule="unselected")
        for d, stays in zip(decisions, kept.tolist(), strict=True)
    ]
    return gone, cuts


def _right(decision: Decision) -> float:
    """Posterior of the label to train on; of several equally probable ones each."""
    if decision.label < 0:
        return min(max(decision.posterior, default=0.0), 1.0)
    return min(decision.posterior[decision.label], 1.0)
