"""From entries to Annotations, step by step; every policy is a step of its own, counted in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Ints, Items
from crowdtune.errors import InputError
from crowdtune.read.builder import Gathered, gather
from crowdtune.read.choices import gold_codes, label_codes, with_choices, without_abstentions
from crowdtune.read.counts import lined_up, tables
from crowdtune.read.entries import Source
from crowdtune.read.joining import named, united
from crowdtune.read.policy import Policy
from crowdtune.read.questions import Labels, asked, spread
from crowdtune.read.report import ReadReport


def assemble(sources: Iterable[Source], policy: Policy, report: ReadReport) -> Annotations:
    """Build Annotations from what the sources say, in the order the items first appear."""
    report.repeats_policy = policy.repeats
    got = gather(sources, report)
    items, place = united(got, policy.join, report)
    if not items and got.traits:
        raise InputError(
            f"{report.source} tells who {len(got.traits)} annotators are and holds no answers. "
            "Give the file with the answers as well, before this one."
        )
    silent = sum(name not in got.annotators for name in got.traits)
    if silent:
        report.notes["person described who gave no answer: left out"] += silent
    if not items:
        raise InputError(f"{report.source} has no rows. It needs at least one.")
    codes = np.arange(len(got.label))
    texts = list(got.labels) or [""]
    labels = Labels(items, np.array(place)[_ints(got.item)], _ints(got.label), texts, codes)
    labels = asked(labels, policy.questions, report)
    labels = replace(labels, items=named(labels.items, [source.path for source in got.sources]))
    labels = spread(labels, policy.several, report)
    labels = replace(labels, items=lined_up(labels.items, policy, report, got.where_met))
    labels = without_abstentions(labels, policy, report)
    labels = replace(labels, items=with_choices(labels, policy, report))
    label = label_codes(labels, got.where, policy, report)
    gold = gold_codes(labels, lambda i: got.where_met(labels.items[i]), policy, report)
    kept, marks = _kept(labels, label, got, report)
    packed = _pack(labels, label, gold, kept, got)
    soft, counts = tables(labels.items, packed.items, lambda i: got.where_met(labels.items[i]), policy)
    if len(marks):
        counts = np.zeros(packed.items.choice_mask.shape, dtype=np.int64) if counts is None else counts
        np.add.at(counts, (labels.item[marks], label[marks]), 1)
    return replace(packed, soft=soft, counts=counts)


def _ints(codes: Sequence[int]) -> Ints:
    return np.array(codes, dtype=np.int64)


def _kept(labels: Labels, label: Ints, got: Gathered, report: ReadReport) -> tuple[Ints, Ints]:
    """Rows that are labels of their annotators, and those that are counted as they were given several at once."""
    none: Ints = np.zeros(0, dtype=np.int64)
    if not report.counted:
        return _without_repeats(labels, label, got, report), none
    key = labels.item * max(len(got.label), 1) + labels.answer
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    answers = replace(labels, item=labels.item[first], text=labels.text[first], answer=labels.answer[first])
    wanted = np.zeros(len(first), dtype=bool)
    wanted[_without_repeats(answers, label[first], got, report)] = True
    rows = np.flatnonzero(wanted[group])
    pair = group[rows] * (label.max(initial=0) + 1) + label[rows]
    rows = np.sort(rows[np.unique(pair, return_index=True)[1]])
    alone = np.bincount(group[rows], minlength=len(first))[group[rows]] == 1
    marks = rows[~alone]
    for i in labels.item[marks[np.unique(group[marks], return_index=True)[1]]].tolist():
        report.counted[labels.items[i].task] += 1
    return rows[alone], marks


def _without_repeats(labels: Labels, label: Ints, got: Gathered, report: ReadReport) -> Ints:
    """Rows kept, in the order of the file: one answer of each annotator to each item."""
    who, time = _ints(got.annotator)[labels.answer], np.array(got.time)[labels.answer]
    pair = labels.item * max(len(got.annotators), 1) + who
    order = np.lexsort((np.nan_to_num(time, nan=-np.inf), pair))
    edges = np.flatnonzero(np.diff(pair[order], prepend=UNKNOWN, append=UNKNOWN))
    starts, ends = edges[:-1], edges[1:]
    repeated = np.flatnonzero(ends - starts > 1)
    names = list(got.annotators)
    for g in repeated:
        rows = order[starts[g] : ends[g]]
        item, annotator = labels.items[labels.item[rows[0]]].id, names[who[rows[0]]]
        report.repeats.append((item, annotator))
        if report.repeats_policy == "error":
            first, second = sorted(rows)[:2]
            raise InputError(
                f"{got.where(labels.answer[second])}: annotator '{annotator}' answers item '{item}' again (first in "
                f"{got.where(labels.answer[first])}). Remove a row, or pass --repeats last, first or majority."
            )
    picked = (starts if report.repeats_policy == "first" else ends - 1).copy()
    if report.repeats_policy == "majority":
        picked[repeated] = [_most_given(label[order], starts[g], ends[g]) for g in repeated]
    report.repeated_rows += len(order) - len(picked)
    return np.sort(order[picked])


def _most_given(label: Ints, start: int, end: int) -> int:
    """Place of the label given most often between two places, the last of them where several are."""
    count = Counter(label[start:end].tolist())
    return max(range(start, end), key=lambda n: (count[int(label[n])], n))


def _pack(labels: Labels, label: Ints, gold: Ints, kept: Ints, got: Gathered) -> Annotations:
    sets: dict[tuple[str, ...], int] = {}
    tasks: dict[str, str] = {}
    for item in labels.items:
        sets.setdefault(item.choices, len(sets))
        tasks.setdefault(item.task or "default", item.kind)
    number = {task: m for m, task in enumerate(tasks)}
    items = Items(
        ids=[i.id for i in labels.items],
        prompts=got.texts.at([i.prompt for i in labels.items]),
        choice_sets=list(sets),
        choice_set=_ints([sets[i.choices] for i in labels.items]),
        tasks=list(tasks),
        task=_ints([number[i.task or "default"] for i in labels.items]),
        gold=gold,
        splits=[i.split for i in labels.items],
        kinds=list(tasks.values()),
    )
    answer = labels.answer[kept]
    who = _ints(got.annotator)[answer]
    return Annotations(
        items,
        list(got.annotators),
        labels.item[kept],
        who,
        label[kept],
        seconds=_seconds(got, answer),
        traits=_traits(got),
    )


def _seconds(got: Gathered, answer: Ints) -> Floats | None:
    seconds = np.array(got.seconds)[answer]
    return None if np.isnan(seconds).all() else seconds


def _traits(got: Gathered) -> dict[str, list[str]]:
    names = dict.fromkeys(name for said in got.traits.values() for name in said)
    return {name: [got.traits.get(who, {}).get(name, "") for who in got.annotators] for name in names}
