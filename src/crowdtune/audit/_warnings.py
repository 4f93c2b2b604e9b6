"""Warnings: what limits a crowd, with the items and annotators concerned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.audit._items import ItemError
from crowdtune.audit._people import BAD, CONSTANT, COPIES, FAST, LIAR, RANDOM, THIN, Part, flagged
from crowdtune.metrics.crowd import SKEWED, ties
from crowdtune.metrics.crowd import THIN as FEW
from crowdtune.metrics.guard import Verdict

NAMED = 100  # most ids a warning carries; its sentence has the count
FEW_GOLD = 20  # items; on fewer nothing is checked
MOVED = 0.08  # between the share of a choice among labels and among truths
AGREED, LOW = 0.75, 0.4  # raw agreement and alpha between which skew is what makes alpha low

ADVICE = {
    LIAR: "below chance: the task is misread, or they lie; what they say still informs, the other way round",
    RANDOM: "near random: as if they guessed",
    CONSTANT: "with one answer nearly always, where others vary",
    FAST: "too fast: a third of the typical time or less",
    COPIES: "sharing mistakes with another: count the two as one voice",
}


@dataclass(frozen=True)
class Warning:
    """Something to know before trusting a number.

    Args:
        what: a sentence with counts.
        items: ids concerned, at most 100.
        annotators: names concerned, at most 100.
    """

    what: str
    items: list[str] = field(default_factory=list)
    annotators: list[str] = field(default_factory=list)


def warnings(
    annotations: Annotations,
    verdict: Verdict,
    rows: list[dict[str, Any]],
    errors: Sequence[ItemError],
    tasks: list[tuple[Part, dict[str, Any]]],
) -> list[Warning]:
    """All that apply, the gravest first: the verdict, annotators, overlap, items, skew, gold."""
    found = []
    if verdict.status != "resolved":
        found.append(Warning(verdict.words, annotators=_some(name for camp in verdict.camps[1:] for name in camp)))
    found += _about_people(rows) + _about_overlap(annotations, rows)
    for task, table in tasks:
        found += _about_balance(task, table)
    return found + _about_items(annotations, errors)


def _some(names: Iterable[str]) -> list[str]:
    return [name for name, _ in zip(names, range(NAMED), strict=False)]


def _ids(annotations: Annotations, marked: Any) -> list[str]:
    return [annotations.items.ids[i] for i in np.flatnonzero(marked)[:NAMED].tolist()]


def count(n: int, thing: str) -> str:
    """A number and its noun.

    Example:
        >>> count(1, "item"), count(2, "item")
        ('1 item', '2 items')
    """
    return f"{n} {thing}{'' if n == 1 else 's'}"


def _about_people(rows: list[dict[str, Any]]) -> list[Warning]:
    found = []
    for flag in BAD:
        names = flagged(rows, flag)
        if names:
            found.append(Warning(f"{count(len(names), 'annotator')} {ADVICE[flag]}", annotators=names[:NAMED]))
    thin = flagged(rows, THIN)
    if thin:
        why = f"fewer than {FEW} labels, or a 95 % interval wider than a half"
        found.append(
            Warning(f"too few to judge, ranked last: {count(len(thin), 'annotator')} ({why})", annotators=thin[:NAMED])
        )
    return found


def _about_overlap(annotations: Annotations, rows: list[dict[str, Any]]) -> list[Warning]:
    per_item = annotations.labels_per_item
    if len(rows) == 1:
        return [
            Warning(
                "there is one annotator: nobody to compare with. Have a second one label 50 of the items",
                annotators=[rows[0]["annotator"]],
            )
        ]
    if per_item.max(initial=0) == 1:
        said = "every item has one label: agreement cannot be measured. Let a second annotator label some of them, or "
        return [Warning(said + "let a model that reads the items tell who is right (crowdtune train)")]
    alone = [row["annotator"] for row in rows if row["agreement"] is None]
    single, found = per_item == 1, list[Warning]()
    if per_item.max() == 2:
        said = "no item has more than two labels: where two annotators differ, little tells who is right"
        found.append(Warning(said + ". A third label on those items would"))
    if alone:
        said = f"no item in common with others: {count(len(alone), 'annotator')}, of whom nothing can be said"
        found.append(Warning(said, annotators=alone[:NAMED]))
    if single.any():
        said = f"one label, taken at its word: {int(single.sum())} of {count(len(per_item), 'item')}"
        found.append(Warning(said, items=_ids(annotations, single)))
    return found


def _about_balance(task: Part, table: dict[str, Any]) -> list[Warning]:
    where, found = f"task {task.name}: " if task.name else "", []
    value = {row["key"]: row["value"] for row in table["agreement"]}
    if not task.choices and task.kind != "text":
        found.append(Warning(f"{where}items have different choices: of agreement beyond chance nothing can be said"))
    for row in table["balance"]:
        if abs(row["expected"] - row["share"]) >= MOVED:
            said = f"{where}{row['share']:.0%} of the labels say '{row['choice']}', the truth is believed to be it on "
            found.append(Warning(said + f"{row['expected']:.0%} of the items: check some by hand, who leans decides"))
            break
    top = max(table["balance"], key=lambda row: row["share"], default=None)
    if top is None or top["share"] <= SKEWED:
        return found
    said = f"{where}{top['share']:.0%} of the labels say '{top['choice']}'"
    alpha, ac1 = value.get("alpha"), value.get("ac1")
    if alpha is not None and ac1 is not None and alpha < LOW and value["raw"] >= AGREED:
        said += (
            f", so alpha ({alpha:.2f}) is low though {value['raw']:.0%} of pairs agree: chance agreement is large. "
            f"Read AC1 ({ac1:.2f}) beside it, and how often the rare choices are recognised"
        )
    else:
        said += ": look at how often the rare choices are recognised, not at accuracy alone"
    found.append(Warning(said))
    return found


def _about_items(annotations: Annotations, errors: Sequence[ItemError]) -> list[Warning]:
    items, n = annotations.items, len(annotations.items)
    none, tied, gold = annotations.labels_per_item == 0, ties(annotations), items.gold >= 0
    found = []
    wrong = [error.item for error in errors if error.gold]
    if wrong:
        said = f"on {len(wrong)} of {count(int(gold.sum()), 'item')} with gold the labels contradict it with 90 % or "
        found.append(Warning(said + "more: gold may be wrong there, or they err together", items=wrong[:NAMED]))
    overruled = [error.item for error in errors if not error.gold]
    if overruled:
        said = f"{count(len(overruled), 'item')}: the majority says one thing, the more reliable annotators another"
        found.append(Warning(said, items=overruled[:NAMED]))
    if none.any():
        found.append(
            Warning(
                f"no label: {int(none.sum())} of {count(n, 'item')}; they keep their place, without an answer",
                items=_ids(annotations, none),
            )
        )
    if tied.any():
        said = f"tied vote: {int(tied.sum())} of {count(n, 'item')}; no choice wins by its place in a list"
        found.append(Warning(said, items=_ids(annotations, tied)))
    if gold.sum() < FEW_GOLD:
        said = f"{count(int(gold.sum()), 'item')} with gold" if gold.any() else "no item has gold"
        found.append(
            Warning(f"{said}: nothing here is checked against the truth. The right answers of 50 items would do that")
        )
    return found
