r"""RobustFT in one training: the untrained model and a classifier on its hidden states are the experts.

`crowdtune clean` asks language models, with reasons, context and a reviewer; this is what a run can afford without
asking anybody: the untrained model's answers, a classifier fitted across folds, and, as context, the labels of the
nearest clean items. What `denoise.clean.judge_labels` keeps is trained on.

References:
    Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from crowdtune.annotations import Annotations, Ints, Items
from crowdtune.denoise.clean import CONTEXT, Again, Cleaned, Cleaning, Opinions, from_shares, judge_labels
from crowdtune.denoise.decide import Deciding
from crowdtune.denoise.decision import Decision
from crowdtune.denoise.select import Selecting
from crowdtune.denoise.table import outcome_counts
from crowdtune.methods._given import telling
from crowdtune.methods._plan import Anchor, Conclusion, Plan, on_targets

ZERO_SHOT = "untrained model"


@dataclass(frozen=True)
class Robustft:
    """Options of RobustFT."""

    checker: Literal["posterior", "checker", "strict"] = "posterior"  # who tells noisy from clean; the others count
    threshold: float = Deciding.threshold  # of checker=checker: share of the experts who must give the label
    margin: float = Deciding.margin  # by which a new label must be ahead of the second answer
    zero_shot: bool = True  # ask the untrained model
    classifier: bool = True  # fit a classifier across folds
    context: bool = True  # let the nearest clean items answer doubted ones, and keep no new label they contradict
    k: int = Cleaning.k  # nearest clean items
    selection: bool = Cleaning.select  # drop the least sure new labels
    beta: float = Selecting.beta  # share of the new labels that stay, at least
    bounded: bool = Selecting.bounded  # drop no more new labels than are expected to be wrong
    least: float = Selecting.least  # share of the items of each choice that stay, at least
    folds_seed: int = Cleaning.seed  # of the classifier's folds

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Clean, then train on what is left."""
        features = anchor.hidden.astype(np.float64) if anchor.hidden.shape[1] else None  # a new head has not read
        own = from_shares(annotations.items, np.exp(anchor.log_p))
        cleaned = judge_labels(
            annotations,
            {ZERO_SHOT: own} if self.zero_shot else {},
            features,
            _neighbours(annotations.items) if self.context else None,
            Cleaning(
                Deciding(self.checker, margin=self.margin, threshold=self.threshold),
                Selecting(self.beta, self.least, self.bounded),
                self.selection,
                self.k,
                self.folds_seed,
            ),
            classify=self.classifier,
        )
        targets, weights = cleaned.targets(annotations.items.max_choices)
        plan = on_targets(annotations, targets, weights, "trained on labels cleaned as in RobustFT")
        plan = replace(plan, conclude=lambda _: _concluded(cleaned))
        return telling(plan, annotations, cleaned.labels[annotations.item] == annotations.label)


def _concluded(cleaned: Cleaned) -> Conclusion:
    """The panel's belief, and what became of the labels."""
    told = {"outcomes": outcome_counts(cleaned.decisions), "experts": cleaned.experts}
    return Conclusion(cleaned.panel.posterior, results=told)


def _neighbours(items: Items) -> Again:
    """Context without a language model: what the labels of those of the nearest clean items are that share choices."""

    def again(doubted: Ints, near: Ints, first: Sequence[Decision]) -> Opinions:
        label = np.array([d.label for d in first], dtype=np.int64)
        votes = np.zeros((len(doubted), items.max_choices))
        alike = (near >= 0) & (items.choice_set[near] == items.choice_set[doubted][:, None])
        for row, places, use in zip(votes, near, alike, strict=True):
            np.add.at(row, label[places[use]], 1.0)
        shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1.0)
        return {CONTEXT: from_shares(items.take(doubted), shares)}

    return again
