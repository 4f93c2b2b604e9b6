r"""RobustFT: experts answer, the panel doubts some labels, those items are answered again, what is sure is kept.

| paper | here |
|---|---|
| base model and reasoning expert answer (Eq. 1, 2) | any experts; their opinions come as an argument |
| checker: experts agree with the label (Eq. 3) | `panel.deliberate`: a posterior that also learns how well whoever |
| | labelled does it; way="checker" and "strict" are the paper's and its release's |
| k nearest clean items, answers in their sight (Eq. 4, 5) | `nearest`, then `again` |
| reviewer merges two answers (Eq. 6) | `again` too; a new label needs context, reviewer and posterior to agree |
| entropy of the answer, the share beta of lowest (Eq. 7, 8) | `selected`: entropy of the posterior, and no more |
| | dropped than are expected to be wrong |

References:
    Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Bools, Floats, Ints, Items
from crowdtune.denoise.decide import TIED, Deciding, Judged, answered, decide
from crowdtune.denoise.decision import Decision, selected, told
from crowdtune.denoise.nearest import nearest
from crowdtune.denoise.panel import Panel, centred, deliberate
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Cut, Selecting, entropy

GIVEN, CLASSIFIER = "given labels", "classifier"  # names of experts nobody asks
CONTEXT, REVIEW = "context", "review"  # names of who answers again
MEASURE = "entropy of the posterior"  # over choices, as a share of the largest there is

Opinions = Mapping[str, Sequence[Opinion | None]]  # who -> what it says of each item, None = was not asked
Again = Callable[[Ints, Ints, Sequence[Decision]], Opinions]
"""Asks again about D doubted items.

Takes their places, (D, k) places of the nearest clean items (-1 where there are fewer), and all decisions so far;
returns opinions named CONTEXT and REVIEW, D each, without their lean to one answer.
"""


@dataclass(frozen=True)
class Cleaning:
    """Options of cleaning.

    Args:
        deciding: when a label is kept, replaced, softened or dropped.
        selecting: which new labels are too unsure to be kept.
        select: whether to select at all.
        k: nearest clean items shown.
        seed: of the classifier's folds.
    """

    deciding: Deciding = field(default_factory=Deciding)
    selecting: Selecting = field(default_factory=Selecting)
    select: bool = True
    k: int = 3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What came of it.

    Args:
        decisions: one for each item, with every opinion.
        panel: posterior, classifier and annotators.
        doubted: (I,) True for items whose given label was doubted, or who had none.
        experts: rows of expert (name), answered (items), reliability (mean posterior of its answers) and accuracy
            (against gold; None without), the given labels first, then models without their lean to one answer.
        cuts: what selection did to each measure of uncertainty.
    """

    decisions: list[Decision]
    panel: Panel
    doubted: Bools
    experts: list[dict[str, Any]]
    cuts: list[Cut]

    @property
    def labels(self) -> Ints:
        """(I,) code to train on, -1 where there is none."""
        return np.array([d.label for d in self.decisions], dtype=np.int64)

    def targets(self, width: int) -> tuple[Floats, Floats]:
        """(I, K) distribution to train on and (I,) weight, 0 for dropped items."""
        table, weights = np.zeros((len(self.decisions), width)), np.zeros(len(self.decisions))
        for i, d in enumerate(self.decisions):
            weights[i] = d.outcome != "drop"
            if d.outcome == "soft":
                table[i, : len(d.posterior)] = d.posterior
            elif weights[i]:
                table[i, d.label] = 1.0
        return table, weights


def judge_labels(
    annotations: Annotations,
    opinions: Opinions,
    features: Floats | None = None,
    again: Again | None = None,
    options: Cleaning | None = None,
    *,
    classify: bool = True,
) -> Cleaned:
    """Decide what becomes of each item's label.

    Args:
        annotations: N given labels of I items.
        opinions: of experts, before anything is known of the labels.
        features: (I, D) embeddings of the items: for the classifier, and for the nearest clean items.
        again: asks about doubted items with context; None asks nobody.
        options: thresholds.
        classify: whether a classifier across folds is on the panel.
    """
    options, items = options or Cleaning(), annotations.items
    asked = [as_shares(items, said) for said in opinions.values()]
    panel = deliberate(annotations, asked, features if classify else None, seed=options.seed)
    if panel.classifier is not None:
        opinions = {**opinions, CLASSIFIER: from_shares(items, np.exp(panel.classifier))}
    counted = np.array([_codes(items, said) for said in opinions.values()]).reshape(len(opinions), len(items))
    judged = Judged(panel.posterior, given_labels(annotations, panel.posterior), items.n_choices, experts=counted)
    first = decide(judged, options.deciding)
    doubted = np.array([d.outcome != "keep" for d in first], dtype=bool)
    second = _ask_again(first, doubted, features, again, options.k)
    context, review = (_codes(items, second[who]) if who in second else None for who in (CONTEXT, REVIEW))
    judged = replace(judged, context=context, review=review)
    decisions = decide(judged, options.deciding)
    unsure, measures = _uncertainty(items, panel.posterior, decisions, {**second, **opinions})
    decisions = told(decisions, {**opinions, **second}, unsure, measures)
    decisions, cuts = selected(decisions, items.task, options.selecting) if options.select else (decisions, [])
    shown = {who: leanless(items, said) if who != CLASSIFIER else said for who, said in opinions.items()}
    rows = [_row(GIVEN, items, panel.posterior, judged.given)]
    rows += [_row(who, items, panel.posterior, _codes(items, said)) for who, said in {**shown, **second}.items()]
    return Cleaned(decisions, panel, doubted, rows, cuts)


def _uncertainty(
    items: Items, posterior: Floats, decisions: Sequence[Decision], opinions: Opinions
) -> tuple[Floats, list[str]]:
    """(I,) how unsure each label is, and what that is: of choices the entropy of the posterior; of an answer written
    freely what the first who gave it says of its tokens, of whom the context comes first."""
    unsure, measures = entropy(posterior, items.n_choices), [MEASURE] * len(items)
    for i in np.flatnonzero(np.array(items.kinds)[items.task] == "text").tolist():
        answer = items.text(i, decisions[i].label)
        gave = [o for said in opinions.values() if (o := said[i]) is not None and o.measure and o.answer == answer]
        unsure[i], measures[i] = (gave[0].uncertainty, gave[0].measure) if gave else (np.nan, "")
    return unsure, measures


def leanless(items: Items, opinions: Sequence[Opinion | None]) -> list[Opinion | None]:
    """Opinions with the lean to one answer taken off what each finds likely; those that tell an answer alone stay."""
    shares = as_shares(items, opinions)
    log_p = centred(items, shares, shares.sum(axis=1) > 0)
    found = list(opinions)
    for i, opinion in enumerate(opinions):
        if opinion is not None and opinion.shares:
            own = np.exp(log_p[i, : len(opinion.shares)])
            found[i] = replace(opinion, answer=_likeliest(items.choices(i), own), shares=tuple(own.tolist()))
    return found


def given_labels(annotations: Annotations, posterior: Floats) -> Ints:
    """(I,) label most often given to each item, of tied ones the most probable; -1 without labels."""
    count = annotations.votes + np.clip(posterior, 0, 1) / 2  # a vote weighs more than any posterior
    return np.where(
        annotations.labels_per_item > 0, np.where(annotations.votes > 0, count, -1.0).argmax(axis=1), UNKNOWN
    )


def _row(name: str, items: Items, posterior: Floats, code: Ints) -> dict[str, Any]:
    """How well whoever answered (I,) with these codes did."""
    spoken, known = code >= 0, (code >= 0) & (items.gold >= 0)
    return {
        "expert": name,
        "answered": int(spoken.sum()),
        "reliability": float(posterior[spoken, code[spoken]].mean()) if spoken.any() else None,
        "accuracy": float((code == items.gold)[known].mean()) if known.any() else None,
    }


def as_shares(items: Items, opinions: Sequence[Opinion | None]) -> Floats:
    """(I, K) probabilities an expert gave, all on its answer where it told no more; zeros where it said nothing."""
    table = np.zeros((len(items), items.max_choices))
    code = _codes(items, opinions)
    for i, opinion in enumerate(opinions):
        if opinion is not None and opinion.shares:
            table[i, : len(opinion.shares)] = opinion.shares
        elif code[i] >= 0:
            table[i, code[i]] = 1.0
    return table


def from_shares(items: Items, shares: Floats) -> list[Opinion | None]:
    """Opinions of an expert that says (I, K) probabilities; None where a row is zeros, no answer where several tie."""
    unsure = entropy(shares)
    return [
        Opinion(_likeliest(items.choices(i), row[:k]), tuple(row[:k].tolist()), "", nats, "entropy of choices")
        if row.any()
        else None
        for i, (row, k, nats) in enumerate(zip(shares, items.n_choices.tolist(), unsure.tolist(), strict=True))
    ]


def _likeliest(choices: Sequence[str], shares: Floats) -> str:
    """The choice with the largest of (K,) shares; "" where several have it, so that no order of choices answers."""
    best = np.flatnonzero(shares > shares.max() - TIED)
    return choices[int(best[0])] if len(best) == 1 else ""


def _codes(items: Items, opinions: Sequence[Opinion | None]) -> Ints:
    return answered(opinions, [items.choices(i) for i in range(len(items))])


def _ask_again(
    first: Sequence[Decision], doubted: Bools, features: Floats | None, again: Again | None, k: int
) -> dict[str, list[Opinion | None]]:
    """Opinions with the nearest clean items in sight, None for items that were not doubted."""
    index = np.flatnonzero(doubted)
    if again is None or not len(index):
        return {}
    near = np.full((len(index), k), -1)
    if features is not None and k:
        clean_labels = ~doubted & np.array([d.label >= 0 for d in first], dtype=bool)
        near = nearest(features[index], features, k, own=index, allowed=clean_labels)[0]
    found: dict[str, list[Opinion | None]] = {}
    for who, said in again(index, near, first).items():
        found[who] = [None] * len(first)
        for i, opinion in zip(index.tolist(), said, strict=True):
            found[who][i] = opinion
    return found
