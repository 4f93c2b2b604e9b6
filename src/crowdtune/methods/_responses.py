"""Free responses: fine-tuning on what annotators wrote, each response weighed by whether it answers its item.

`noisy` trains on all alike, `oracle` on gold answers, `realm` weighs by what the model says of each, `joint` also by
how alike the responses to an item are. Annotators who knew write answers; others write what would do for any item.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crowdtune.aggregate import answers, medoid
from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.em.alike import Alike, alike
from crowdtune.em.responses import Responses, solve_responses
from crowdtune.examples import from_targets
from crowdtune.lm.contrast import Contrast
from crowdtune.lm.embed import embed
from crowdtune.lm.load import LanguageModel
from crowdtune.methods._plan import Anchor, Conclusion, Plan, rounded
from crowdtune.metrics.guard import Verdict
from crowdtune.objectives.responses import Responses as Weighted

TOLD = 3.0  # standard errors by which responses must be likelier under their own prompts than under others
TINY = 1e-12
LITTLE = 0.2  # share of known responses below which nobody is trusted


def gold_alone(items: Items) -> Items:
    """Items with gold, and nothing but that answer to choose: what a model of free responses is measured on."""
    known = items.take(np.flatnonzero(items.gold >= 0))
    own = [(str(known.text(i, int(code))),) for i, code in enumerate(known.gold)]
    return replace(known, choice_sets=own, choice_set=np.arange(len(known)), gold=np.zeros(len(known), np.int64))


@dataclass(frozen=True, eq=False)
class Company:
    """What the responses to the same items say of each other.

    Args:
        pairs: how alike two of them are.
        near: (I, K) shares, largest for the answer nearest to what all say.
        closeness: (J,) mean cosine of an annotator's answers to the mean of the others', None where there was no other.
    """

    pairs: Alike
    near: Floats
    closeness: list[Any]


@dataclass(eq=False)
class Belief:
    """Which responses are answers, renewed as the model learns.

    Args:
        annotations: N responses.
        anchor: asks a model.
        company: what responses to the same items say of each other, or None.
        refreshes: how often the model is asked during training.
    """

    annotations: Annotations
    anchor: Anchor
    company: Company | None
    refreshes: int
    weights: Floats = field(init=False)
    found: Responses = field(init=False)
    said: Contrast = field(init=False)

    def __post_init__(self) -> None:
        self.refresh(None)

    def refresh(self, lm: LanguageModel | None) -> None:
        """Ask the model as it is, None for before training, and weigh the responses anew."""
        assert self.anchor.contrast is not None
        who, at = self.annotations.annotator, (self.annotations.item, self.annotations.label)
        said = self.said = self.anchor.contrast(lm)
        self.found = solve_responses(
            who,
            len(self.annotations.annotators),
            log_ratio=said.log_ratio[at],
            unrelated=said.unrelated,
            pairs=None if self.company is None else self.company.pairs,
        )
        self.weights = np.zeros(said.log_ratio.shape)
        np.add.at(self.weights, at, self.found.knew)


def respond(annotations: Annotations, anchor: Anchor, *, together: bool) -> Plan:
    """Weigh responses by REALM for texts, `together` with the other responses to their item."""
    belief = Belief(annotations, anchor, _company(annotations) if together else None, anchor.refreshes)
    everything = from_targets(annotations.items, belief.weights, (annotations.labels_per_item > 0).astype(float))
    return Plan(
        everything,
        Weighted(belief),
        "fine-tuned on responses, each weighed by the probability that its annotator knew",
        conclude=lambda after: _conclude(belief),
        verdict=_verdict(belief),
    )


def imitate(annotations: Annotations, weights: Floats, story: str) -> Plan:
    """Train on responses with fixed weights (I, K)."""
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    said = Verdict("resolved", "Every response is taken as it is.", "labels", [], 0, 0.0, share)
    used = (weights.sum(axis=1) > 0).astype(float)
    return Plan(
        from_targets(annotations.items, weights, used),
        Weighted(),
        story,
        conclude=lambda after: Conclusion(share),
        verdict=said,
    )


def _company(annotations: Annotations) -> Company | None:
    """Compare the responses to each item, None where no item has two."""
    if not (annotations.labels_per_item > 1).any():
        return None
    items = annotations.items
    texts = answers(items)
    table = embed(texts)
    row = {text: r for r, text in enumerate(texts)}
    said = [row[items.choices(i)[k]] for i, k in zip(annotations.item, annotations.label, strict=True)]
    rng = np.random.default_rng(0)
    fit = medoid(annotations, table)
    return Company(
        alike(annotations.item, annotations.annotator, table[said], annotations.label, rng),
        fit.posterior,
        list(fit.columns["closeness"]),
    )


def _verdict(belief: Belief) -> Verdict:
    """Whether anything tells responses that answer from those that do not."""
    at = (belief.annotations.item, belief.annotations.label)
    above = _above(belief.said.log_ratio[at], belief.said.unrelated)
    share, start = float(belief.found.knew.mean()), belief.weights
    alone = belief.company is None or not len(belief.company.pairs.first)
    if above < TOLD and alone:
        words = (
            "Unresolvable: the model finds these responses no likelier after their own prompts than after others, and "
            "no item has two to compare. Take a larger model, or two responses to some items."
        )
        return Verdict("unresolvable", words, "nothing", [], 0, above, start)
    if share < LITTLE:
        words = f"Ambiguous: only {share:.0%} of the responses seem to answer their items. Look at responses.parquet."
        return Verdict("ambiguous", words, "nothing", [], 0, above, start)
    words = f"Resolved: {share:.0%} of the responses answer their items, as far as can be told."
    return Verdict("resolved", words, "model" if above >= TOLD else "labels", [], 0, above, start)


def _above(own: Floats, other: Floats) -> float:
    """By how many standard errors `own` lie above `other`: Mann and Whitney's test."""
    ordered = np.sort(other)
    rank = (np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")) / 2
    error = np.sqrt((1 / max(len(own), 1) + 1 / max(len(other), 1)) / 12)
    return float((rank.mean() / max(len(other), 1) - 0.5) / error)


def _conclude(belief: Belief) -> Conclusion:
    found, company = belief.found, belief.company
    worth, given = np.zeros_like(belief.weights), belief.annotations
    np.add.at(worth, (given.item, given.label), found.knew * found.expertise[given.annotator])
    worth *= 1.0 if company is None else company.near
    columns: dict[str, list[Any]] = {
        "reliability": rounded(found.expertise),
        "reliability_low": rounded(found.low),
        "reliability_high": rounded(found.high),
    } | ({} if company is None else {"closeness": company.closeness})
    results = {"responses_believed": float(found.knew.mean())}
    return Conclusion(worth / np.maximum(worth.sum(axis=1, keepdims=True), TINY), columns, results, knew=found.knew)
