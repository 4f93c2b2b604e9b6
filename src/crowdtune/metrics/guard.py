"""The verdict: can the truth be told from its mirror image, and by what.

Labels never tell a crowd from one that says the opposite in concert: where most annotators are wrong, the inverted
truth fits better. So no two explanations are ever compared by how likely they make the labels. What may decide is

    gold     answers known for sure, by a sign test between the explanations;
    labels   annotators who agree and whom hardly anybody contradicts: right unless they err in concert;
    model    what the untrained model says of the items, by a permutation test in which annotators never saw the items
             they read: right unless the model is right less often than chance.

A model and labels that contradict each other decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import ceil, log
from typing import Any, Literal

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.em.given import finite
from crowdtune.metrics import words
from crowdtune.metrics.association import association, standard
from crowdtune.metrics.camps import REAL, blocks
from crowdtune.metrics.explanations import LARGE, SURE, Crowd, by_gold, by_model, cost, read_crowd

COST = 0.1  # accuracy that annotators read the wrong way round may be expected to cost
AGREED, OPPOSED = 0.5, 0.1  # shares of the labels: least in one camp, most that may be against it, for labels to decide
AGAINST = -2.0  # standard deviations from which the model contradicts a crowd that agrees
SOME = 20  # items of a part that is looked at by itself
KEPT = 0.5  # share of what an explanation promises, beyond chance, that truths found after training must have
MISTAKE = 1e-3  # probability of a wrong decision by gold
FEWEST = 10  # gold items; fewer cannot bring a sign test below MISTAKE

Status = Literal["resolved", "ambiguous", "unresolvable", "not sought"]
By = Literal["labels", "model", "gold", "nothing"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether the truth can be told from its rivals.

    Args:
        status: resolved; ambiguous, where explanations contradict each other; unresolvable, where nothing is said; not
            sought, where a method looks for no single truth.
        words: what decides, under which assumption, what to do next.
        by: what decides.
        camps: names of annotators who agree with each other, the largest camp first.
        gold_needed: gold items that would decide, 0 where resolved.
        evidence: standard deviations by which the model is for what it favours, against chance or the nearest rival.
        start: (I, K) posterior EM should begin with: of labels alone in what was resolved; else the model's, or, where
            it knows nothing, of labels as gold favours, or the votes.
    """

    status: Status
    words: str
    by: By
    camps: list[list[str]]
    gold_needed: int
    evidence: float
    start: Floats

    def as_dict(self) -> dict[str, Any]:
        """For results.json: all but the posterior."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "start"}


def verdict(
    annotations: Annotations, log_p: Floats, *, gold: Bools | None = None, per_task: bool = True, seed: int = 0
) -> Verdict:
    """Judge a crowd before any training.

    Args:
        annotations: N labels.
        log_p: (I, K) log-probabilities of the untrained model, centred.
        gold: (I,) True for items whose gold answer is used as evidence; by default none is.
        per_task: judge each task on its own, as annotators with a reliability per task need it.
        seed: of the halves of the items that annotators are fitted to and read.
    """
    items = annotations.items
    half = np.random.default_rng(seed).permutation(len(items)) % 2
    known = (items.gold >= 0) & (False if gold is None else gold)
    start, found, sizes = softmax(finite(log_p, annotations), axis=1), dict[str, Verdict](), dict[str, int]()
    for m in np.unique(items.task).tolist() if per_task else [-1]:
        rows = np.flatnonzero((items.task == m) | (m < 0))
        part, name = annotations.take_items(rows), items.tasks[m]
        if not (part.items.n_choices[part.item] > 1).any():
            continue
        width = part.items.max_choices
        found[name] = _judge(part, read_crowd(part, log_p[rows, :width], known[rows], half[rows]))
        sizes[name] = len(part)
        if found[name].status == "resolved" or _even(part, start[rows, :width]):
            start[rows, :width] = found[name].start
    return replace(_together(found, sizes), start=start)


def alone(annotations: Annotations) -> Verdict | None:
    """The verdict for a method that trusts everybody alike, where one annotator gave all labels; None where not."""
    if (annotations.labels_per_annotator > 0).sum() != 1:
        return None
    return Verdict("unresolvable", words.ALONE, "nothing", [], 0, 0.0, annotations.votes.astype(float))


def unsought(annotations: Annotations, log_p: Floats) -> Verdict:
    """The verdict for a method that trains on what share of people says what, true or not, on (I, K) answers."""
    start = softmax(finite(log_p, annotations), axis=1)
    return Verdict("not sought", words.SPREAD, "nothing", [], 0, 0.0, start)


def confirmed(before: Verdict, log_p: Floats, after: Floats, group: Ints | None = None) -> Verdict:
    """The verdict after training: the same, or ambiguous where training went to other truths or against the model.

    Other truths are those that the explanation judged gives less than half of the probability, beyond chance, that it
    would give to truths it is right about. So an item without labels, of which it says nothing, does not count.

    Args:
        before: the verdict before training.
        log_p: (I, K) log-probabilities of the untrained model, centred.
        after: (I, K) posterior after training.
        group: (I,) part an item belongs to, such as its task: each is looked at by itself, if it has some items; None
            for one part.
    """
    if before.status != "resolved":
        return before
    parts = [] if group is None else [np.flatnonzero(group == g) for g in np.unique(group)]
    parts = [rows for rows in parts if len(rows) >= SOME] or [np.arange(len(after))]
    for rows in parts:
        moved = _moved(before.start[rows], log_p[rows], after[rows])
        if moved:
            return replace(before, status="ambiguous", by="nothing", words=moved, gold_needed=FEWEST)
    return before


def _moved(start: Floats, log_p: Floats, after: Floats) -> str:
    """What to say of items whose truths have moved, "" where they have not."""
    said, model = np.eye(after.shape[1])[after.argmax(axis=1)], softmax(log_p, axis=1)
    kept, promised = float((start * said).sum(axis=1).mean()), float(start.max(axis=1).mean())
    chance = float(start.mean(axis=0) @ said.mean(axis=0))
    z = float(standard(*association(after, model, np.zeros(len(after), dtype=np.int64), 1))[0])
    if kept - chance > KEPT * (promised - chance) and z > -SURE:
        return ""
    return words.flipped(kept, promised, chance, z, FEWEST)


def _even(annotations: Annotations, said: Floats) -> bool:
    """Whether a model says the same of all choices of all items: EM would never leave such a start."""
    return bool(np.allclose(said.max(axis=1) * annotations.items.n_choices, 1))


def _judge(annotations: Annotations, crowd: Crowd) -> Verdict:
    """The verdict of one task: gold before labels before the model."""
    chosen, names, gold = crowd.favoured, _names(annotations, crowd), int((crowd.gold >= 0).sum())
    (alone, nearest), risk = by_model(crowd, chosen), cost(crowd, chosen)
    known, z = alone >= REAL and nearest >= SURE, min(alone, nearest)
    made = Verdict("resolved", "", "nothing", names, 0, z, chosen.truth)
    if gold:
        best, p = by_gold(crowd)
        if p < MISTAKE and cost(crowd, best, gold=True) <= COST:
            return replace(made, by="gold", start=best.truth, words=words.gold(gold))
        made = replace(made, start=best.truth)
    needed = gold_needed(crowd)
    if _agree(crowd):
        if crowd.favour(crowd.consensus.truth) <= AGAINST:
            return replace(made, status="ambiguous", gold_needed=needed, words=words.contradicted(needed))
        return replace(made, by="labels", start=crowd.consensus.truth, words=words.LABELS)
    if known and risk <= COST:
        return replace(made, by="model", start=chosen.truth, words=words.model(z))
    if not names and alone < REAL:
        return replace(made, status="unresolvable", gold_needed=needed, words=words.nothing(z, needed))
    said = words.thin(risk, needed) if known else words.rivals(names, z, needed)
    return replace(made, status="ambiguous", gold_needed=needed, words=said)


def _agree(crowd: Crowd) -> bool:
    """Whether most labels are of annotators who agree on items they join, and hardly any may be against them."""
    if not crowd.camps.members:
        return False
    g = crowd.given
    first = np.isin(np.arange(g.n_annotators), crowd.camps.members[0])
    joined = np.bincount(blocks(g, first)[g.item[first[g.annotator]]]).max() / len(g)
    return bool(joined > AGREED and crowd.camps.opposed[g.annotator].mean() < OPPOSED)


def gold_needed(crowd: Crowd) -> int:
    """Gold items, drawn at random, on which sign tests would tell the explanations apart, and in each separate part."""
    truth, g = crowd.favoured.truth, crowd.given
    share = min((crowd.differ(truth, rival) for rival in crowd.rivals(truth)), default=1.0)
    right = float(np.clip(truth.max(axis=1)[crowd.labelled].mean(), 0.75, 0.99))
    nats = right * log(2 * right) + (1 - right) * log(2 * (1 - right))
    part = blocks(g, np.ones(g.n_annotators, dtype=bool))[crowd.labelled]
    parts = max(1, int((np.bincount(part) >= LARGE * len(part)).sum()))
    return max(FEWEST, 5 * ceil(log(1 / MISTAKE) / nats / share * parts / 5))


def _names(annotations: Annotations, crowd: Crowd) -> list[list[str]]:
    """Names of the camps, those with most labels first, and so in each camp."""
    count = annotations.labels_per_annotator
    camps = sorted(crowd.camps.members, key=lambda camp: -int(count[camp].sum()))
    return [[annotations.annotators[j] for j in camp[np.argsort(-count[camp], kind="stable")]] for camp in camps]


def _together(found: dict[str, Verdict], sizes: dict[str, int]) -> Verdict:
    """The verdict of all tasks: that of the worst, unless those not resolved hold less than a tenth of the labels."""
    if not found:
        return Verdict("unresolvable", words.NO_LABELS, "nothing", [], 0, 0.0, np.zeros((0, 0)))
    open_ = sorted((name for name in found if found[name].status != "resolved"), key=lambda name: -sizes[name])
    largest = found[max(sizes, key=lambda name: sizes[name])]
    if len(found) == 1 or not open_:
        return largest
    few = sum(sizes[name] for name in open_) < OPPOSED * sum(sizes.values())
    worst = found[open_[0]]
    return replace(
        largest if few else worst,
        words=words.tasks(open_, len(found), worst.words),
        gold_needed=sum(found[name].gold_needed for name in open_),
    )
