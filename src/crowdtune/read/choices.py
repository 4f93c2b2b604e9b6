"""What the answers of each task are: abstentions, spellings, the choices of its items, the code of each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crowdtune.annotations import UNKNOWN, Ints
from crowdtune.read.builder import Item
from crowdtune.read.counts import named_numbers
from crowdtune.read.labels import READINGS, abstains, natural, resolve
from crowdtune.read.policy import Policy
from crowdtune.read.questions import Labels
from crowdtune.read.report import ReadReport

FREE, SHARE = 50, 0.2  # a task with more distinct answers, and more of them per label, is answered freely


def without_abstentions(labels: Labels, policy: Policy, report: ReadReport) -> Labels:
    """Leave out answers that are none, each counted by its words; respell as the user says."""
    extra, t = frozenset(policy.abstain), len(labels.texts)
    texts = [policy.rename.get(str(text), str(text)) for text in labels.texts]
    sets, group = _choice_sets(labels, policy)
    kept = labels.text >= 0
    pair = group[labels.item] * t + labels.text
    for code, n in zip(*np.unique(pair[kept], return_counts=True), strict=True):
        text = texts[code % t]
        if abstains(text, sets[code // t], extra):
            kept &= pair != code
            report.abstentions[text] = report.abstentions.get(text, 0) + int(n)
        elif text != labels.texts[code % t]:
            report.respelled(str(labels.texts[code % t]), text, int(n))
    rows = np.flatnonzero(kept)
    return replace(labels, item=labels.item[rows], text=labels.text[rows], texts=texts, answer=labels.answer[rows])


def _choice_sets(labels: Labels, policy: Policy) -> tuple[list[tuple[str, ...]], Ints]:
    """The distinct lists of choices, and which of them each item has."""
    found: dict[tuple[str, ...], int] = {}
    group = [found.setdefault(item.choices or policy.choices, len(found)) for item in labels.items]
    return list(found), np.array(group, dtype=np.int64)


def with_choices(labels: Labels, policy: Policy, report: ReadReport) -> list[Item]:
    """Give items their kind and, where they name none, their choices: the policy's, or the answers that occur."""
    items = list(labels.items)
    for task, index in labels.tasks().items():
        rows = labels.of(index)
        kind = next((items[i].kind for i in index if items[i].kind), "") or policy.kind
        if kind == "grade" and policy.kind:  # grades are often guessed from a column's name
            kind = policy.kind
        unnamed = [i for i in index if not (items[i].choices or policy.choices)]
        count = _counted(labels, rows, unnamed)
        if not kind and len(count) > max(FREE, SHARE * sum(count.values())):
            kind = "text"
            report.free.append(task)
        own = _own_answers(labels, index, rows) if kind == "text" else {}
        shared = tuple(sorted(_spellings(count), key=natural))
        for i in index:
            item = items[i]
            item.choices = item.choices or policy.choices or own.get(i, shared if kind != "text" else ())
            item.kind = kind or "choice"
    return items


def _counted(labels: Labels, rows: Ints, unnamed: Sequence[int]) -> Counter[str]:
    """How often each text answers the items without choices, counted ones too; gold answers count as no label."""
    among = np.zeros(len(labels.items), dtype=bool)
    among[unnamed] = True
    codes, n = np.unique(labels.text[rows[among[labels.item[rows]]]], return_counts=True)
    count = Counter({str(labels.items[i].gold): 0 for i in unnamed if labels.items[i].gold})
    for i in unnamed:
        count.update(named_numbers(labels.items[i]))
    for code, times in zip(codes, n, strict=True):
        count[str(labels.texts[code])] += int(times)
    return count


def _own_answers(labels: Labels, index: Ints, rows: Ints) -> dict[int, tuple[str, ...]]:
    """Free texts: the choices of an item are the answers it got, in the order given, then those counted, then gold."""
    given: dict[int, dict[str, None]] = {}
    for i, t in zip(labels.item[rows].tolist(), labels.text[rows].tolist(), strict=True):
        given.setdefault(i, {}).setdefault(str(labels.texts[t]))
    for i in index.tolist():
        gold = [str(labels.items[i].gold)] if labels.items[i].gold else []
        for text in [*named_numbers(labels.items[i]), *gold]:
            given.setdefault(i, {}).setdefault(text)
    return {i: tuple(texts) for i, texts in given.items()}


def _spellings(count: Counter[str]) -> list[str]:
    """Of spellings that differ in case at most, the most frequent."""
    best: dict[str, str] = {}
    for text, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0])):
        best.setdefault(text.casefold(), text)
    return list(best.values())


def label_codes(labels: Labels, where: Callable[[int], str], policy: Policy, report: ReadReport) -> Ints:
    """(N,) code of each label, read alike within a task; a spelling that fits its choice but for case is counted.

    Args:
        labels: with choices on every item.
        where: place of an answer of the source, for errors.
        policy: how labels are read, if the user says so.
        report: told how.
    """
    t = len(labels.texts)
    sets, group = _choice_sets(labels, policy)
    codes = np.full(len(labels.text), UNKNOWN)
    for task, index in labels.tasks().items():
        rows = labels.of(index)
        if not len(rows):
            continue
        pair, first, place, n = np.unique(
            group[labels.item[rows]] * t + labels.text[rows], return_index=True, return_inverse=True, return_counts=True
        )
        pairs = [(str(labels.texts[p % t]), sets[p // t]) for p in pair.tolist()]
        places = [where(int(labels.answer[rows[at]])) for at in first]
        found, report.readings[task] = resolve(pairs, places, policy.labels)
        for (text, choices), code, times in zip(pairs, found, n, strict=True):
            if text != choices[code] and text.casefold() == choices[code].casefold():
                report.respelled(text, choices[code], int(times))
        codes[rows] = np.array(found)[place]
    return codes


def gold_codes(labels: Labels, where: Callable[[int], str], policy: Policy, report: ReadReport) -> Ints:
    """(I,) code of each item's gold answer, -1 without; read as the labels of its task if that fits them all."""
    codes = np.full(len(labels.items), UNKNOWN)
    for task, index in labels.tasks().items():
        given = [i for i in index if not abstains(str(labels.items[i].gold), labels.items[i].choices, frozenset())]
        pairs = [(str(labels.items[i].gold), labels.items[i].choices) for i in given]
        way = policy.labels or report.readings.get(task)
        alike = way in READINGS and all(READINGS[way](*pair) is not None for pair in pairs)
        places = [f"{where(int(i))} (gold)" for i in given]
        codes[given], _ = resolve(pairs, places, way if alike else policy.labels)
    return codes
