"""The aggregator that best foretells labels it has not seen; of those as good, the simplest.

A tenth of the labels is left out, the others are fitted, and the labels left out are asked for; then the next tenth. No
gold answer is needed. The simplest aggregator whose loss is within one standard error of the least is taken: so the
order of items does not decide where labels are few, and little is lost where they are many. All of them begin above
chance: a crowd turned round foretells labels as well.
Copies foretell each other: where there are some, the result says so, and `no-copies` is the reader's to choose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crowdtune.aggregate._dependence import blocks, told
from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Aggregator, Fit, vote_shares
from crowdtune.aggregate._held_out import folds, log_loss
from crowdtune.aggregate.bradley_terry import BradleyTerry
from crowdtune.aggregate.dawid_skene import DawidSkene
from crowdtune.aggregate.mace import Mace
from crowdtune.aggregate.majority import Majority
from crowdtune.aggregate.one_coin import OneCoin
from crowdtune.aggregate.ordinal_dawid_skene import OrdinalDawidSkene
from crowdtune.annotations import Annotations, Floats
from crowdtune.errors import InputError

ERRORS = 1.0  # standard errors within which the simplest is taken
CANDIDATES: dict[str, dict[str, Aggregator]] = {  # by kind of answers, the simplest first
    "choice": {
        "majority": Majority(),
        "one-coin": OneCoin(intervals=False),
        "mace": Mace(),
        "dawid-skene": DawidSkene(),
    },
    "grade": {
        "majority": Majority(),
        "one-coin": OneCoin(intervals=False),
        "ordinal-dawid-skene": OrdinalDawidSkene(),
        "dawid-skene": DawidSkene(),
    },
    "pair": {"majority": Majority(), "one-coin": OneCoin(intervals=False), "bradley-terry": BradleyTerry()},
    "text": {"majority": Majority(), "one-coin": OneCoin(intervals=False)},
}
FINAL: dict[str, Aggregator] = {"one-coin": OneCoin()}  # with intervals, where one was chosen


@dataclass(frozen=True)
class Auto:
    """Choose in each task by itself; the result says what was compared, and what was chosen.

    Args:
        seed: of the labels left out.
    """

    seed: int = 0

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """The fit of what was chosen; with evidence, of those that can use it."""
        items, fit = annotations.items, Fit(vote_shares(annotations))
        tasks = np.unique(items.task[annotations.labels_per_item > 0]).tolist()
        informed = known is not None and not known.empty
        for m in tasks:
            inside = np.flatnonzero(items.task == m)
            part = annotations if len(tasks) == 1 else annotations.take_items(inside)
            candidates = _applicable(part, items.kinds[m], informed=informed)
            rows = _compare(part, candidates, np.random.default_rng(self.seed))
            name = _simplest(rows)
            fit.chosen[items.tasks[m]] = name
            fit.compared.extend({"task": items.tasks[m], **row, "chosen": row["aggregator"] == name} for row in rows)
            fit.notes.extend(
                f"{told(part.annotators, block)}, so no-copies may answer otherwise" for block in blocks(part)
            )
            beside = known if known is None or part is annotations else replace(known, gold=known.gold[inside])
            found = FINAL.get(name, candidates[name]).fit(part, beside)
            if part is annotations:
                return replace(found, chosen=fit.chosen, compared=fit.compared, notes=fit.notes + found.notes)
            fit = _with(fit, found, inside)
        return fit


def _applicable(annotations: Annotations, kind: str, *, informed: bool) -> dict[str, Aggregator]:
    """Candidates for one task."""
    found = dict(CANDIDATES[kind])
    present = np.unique(annotations.items.task)
    if not annotations.items.shared_choices[present].all():
        found.pop("dawid-skene", None)
        found.pop("ordinal-dawid-skene", None)
    if informed:
        found = {name: one for name, one in found.items() if name in ("one-coin", "dawid-skene")}
    return found


def _compare(
    annotations: Annotations, candidates: dict[str, Aggregator], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """A row per candidate: nats lost per label, how much more than the best loses, and the standard error of that."""
    left_out = folds(annotations, rng)
    losses: dict[str, list[Floats]] = {name: [] for name in candidates}
    for rows in left_out:
        out = np.zeros(len(annotations), dtype=bool)
        out[rows] = True
        met, scored = annotations.take_labels(np.flatnonzero(~out)), annotations.take_labels(rows)
        for name, one in list(candidates.items()):
            try:
                losses[name].append(log_loss(one.fit(met).posterior, met, scored))
            except InputError:  # a candidate that these answers do not suit
                del candidates[name], losses[name]
    item = annotations.item[np.concatenate(left_out)]
    loss = {name: np.concatenate(values) for name, values in losses.items()}
    best = min(loss, key=lambda name: float(loss[name].mean()))
    return [
        {"aggregator": name, "nats": float(values.mean())} | _more(values - loss[best], item)
        for name, values in loss.items()
    ]


def _more(difference: Floats, item: Any) -> dict[str, float]:
    """Mean difference per label, and its standard error with items as the units."""
    _, group = np.unique(item, return_inverse=True)
    mean, n = float(difference.mean()), len(difference)
    off = np.bincount(group, difference - mean)
    return {"more": mean, "error": float(np.sqrt((off**2).sum())) / n}


def _simplest(rows: list[dict[str, Any]]) -> str:
    """The first whose loss is within a standard error of the least."""
    return str(next(row["aggregator"] for row in rows if row["more"] <= ERRORS * row["error"]))


def _with(fit: Fit, found: Fit, inside: Any) -> Fit:
    """A fit with that of one task put in."""
    fit.posterior[inside, : found.posterior.shape[1]] = found.posterior
    fit.confusion.update(found.confusion)
    fit.log_posteriors.update(found.log_posteriors)
    fit.columns.update(found.columns)
    fit.scores.update(found.scores)
    fit.notes.extend(found.notes)
    return fit
