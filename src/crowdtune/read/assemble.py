"""From raw answers to Annotations: vocabularies, abstentions, spellings, repeats, choices.

The policies of what real exports get wrong live here, each counted in the ReadReport.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Items
from crowdtune.errors import InputError, unknown_name
from crowdtune.read.labels import READINGS, abstains, clean, resolve
from crowdtune.read.report import ReadReport

REPEATS = ("last", "first", "majority", "error")


class Answer(NamedTuple):
    """One raw answer, or an item alone where `annotator` is None."""

    where: str
    item: str
    annotator: str | None = None
    label: Any = None
    prompt: str = ""
    choices: Any = None
    task: str = ""
    gold: Any = None
    split: str = ""
    time: Any = None


@dataclass(frozen=True)
class Policy:
    """What to do with what real exports get wrong."""

    choices: tuple[str, ...] = ()  # allowed answers of every item that names none; () = those that occur
    labels: str | None = None  # "text", "letter" or "code" where the data cannot decide
    repeats: str = "last"  # of one annotator's answers to one item: last (by time), first, majority or error
    abstain: tuple[str, ...] = ()  # answers that mean "no answer"
    rename: Mapping[str, str] = field(default_factory=dict)  # spelling -> choice


@dataclass
class _Item:
    where: str
    prompt: str = ""
    choices: tuple[str, ...] = ()
    task: str = ""
    gold: str = ""
    split: str = ""


class _Given(NamedTuple):
    where: str
    item: str
    annotator: str
    label: str
    time: str


def assemble(answers: Iterable[Answer], policy: Policy, report: ReadReport) -> Annotations:
    """Build Annotations from raw answers, in the order the items first appear."""
    if policy.repeats not in REPEATS:
        raise unknown_name("policy for repeated answers", policy.repeats, REPEATS)
    report.repeats_policy = policy.repeats
    items: dict[str, _Item] = {}
    given: list[_Given] = []
    names: dict[str, None] = {}
    for answer in answers:
        item = items.setdefault(answer.item, _Item(answer.where))
        _merge(item, answer)
        if answer.annotator is None:
            continue
        report.rows += 1
        names.setdefault(answer.annotator)
        label = _respell(clean(answer.label), policy, report)
        if abstains(label, item.choices or policy.choices, frozenset(policy.abstain)):
            report.abstentions[label] = report.abstentions.get(label, 0) + 1
        else:
            given.append(_Given(answer.where, answer.item, answer.annotator, label, clean(answer.time)))
    if not items:
        raise InputError(f"{report.source} has no rows. It needs at least one.")
    given = _infer_choices(items, given, policy, report)
    codes = _codes(items, given, policy, report)
    golds = _golds(items, policy, report.readings)
    return _pack(items, golds, list(names), *_without_repeats(given, codes, report))


def _merge(item: _Item, answer: Answer) -> None:
    """Add what `answer` says of its item; two different texts, choices or gold answers for one id are an error."""
    said = {
        "prompt": answer.prompt,
        "choices": _choice_list(answer),
        "task": answer.task,
        "gold": clean(answer.gold),
        "split": answer.split,
    }
    for name, value in said.items():
        known = getattr(item, name)
        if value and known and value != known:
            raise InputError(
                f"{answer.where}: item '{answer.item}' has another {name} than in {item.where} "
                f"({str(value)[:60]!r} and {str(known)[:60]!r}). Give different items different ids."
            )
        if value:
            setattr(item, name, value)


def _choice_list(answer: Answer) -> tuple[str, ...]:
    raw = answer.choices
    if raw is None or raw == "":
        return ()
    if isinstance(raw, str):
        raw = _json_list(raw) or raw.split("|")
    if not isinstance(raw, list | tuple):
        raise InputError(f"{answer.where}: choices must be a list, or texts with | between, not {str(raw)[:60]!r}.")
    choices = tuple(clean(c) for c in raw)
    if "" in choices or len(set(choices)) < 2:
        raise InputError(f"{answer.where}: choices {list(choices)} must be two texts at least, none empty. Mend them.")
    return choices


def _json_list(text: str) -> list[str]:
    """Texts of a JSON list, as tables of text are written with; [] where it is none."""
    try:
        return msgspec.json.decode(text, type=list[str]) if text.startswith("[") else []
    except msgspec.DecodeError:
        return []


def _respell(label: str, policy: Policy, report: ReadReport) -> str:
    if label in policy.rename:
        report.merged[label] = policy.rename[label]
        report.merged_rows += 1
        return policy.rename[label]
    return label


def _infer_choices(items: dict[str, _Item], given: list[_Given], policy: Policy, report: ReadReport) -> list[_Given]:
    """Give items without choices those of the policy, or those that occur in their task; unite spellings by case."""
    if policy.choices:
        for item in items.values():
            item.choices = item.choices or policy.choices
        return given
    open_tasks = {i.task for i in items.values() if not i.choices}
    if not open_tasks:
        return given
    counts: dict[str, Counter[str]] = {task: Counter() for task in open_tasks}
    for g in given:
        if not items[g.item].choices:
            counts[items[g.item].task][g.label] += 1
    for item in items.values():
        if not item.choices and item.gold:
            counts[item.task][item.gold] += 0
    spelling = {task: _spellings(count) for task, count in counts.items()}
    respelled = []
    for g in given:
        item = items[g.item]
        label = g.label if item.choices else spelling[item.task][g.label]
        if label != g.label:
            report.merged[g.label] = label
            report.merged_rows += 1
        respelled.append(g._replace(label=label))
    for item in items.values():
        if not item.choices:
            item.choices = tuple(sorted(set(spelling[item.task].values()), key=_natural))
    return respelled


def _spellings(count: Counter[str]) -> dict[str, str]:
    """Spelling -> the most frequent spelling that differs from it in case at most."""
    best: dict[str, str] = {}
    for label, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0])):
        best.setdefault(label.casefold(), label)
    return {label: best[label.casefold()] for label in count}


def _natural(text: str) -> tuple[bool, float, str]:
    """Sort numbers as numbers and before words."""
    try:
        return (False, float(text), text)
    except ValueError:
        return (True, 0.0, text)


def _codes(items: dict[str, _Item], given: list[_Given], policy: Policy, report: ReadReport) -> list[int]:
    """Code of each label, read alike within a task; a label that fits its choice but for case counts as respelled."""
    tasks: dict[str, dict[tuple[str, tuple[str, ...]], str]] = {}
    for g in given:
        item = items[g.item]
        tasks.setdefault(item.task, {}).setdefault((g.label, item.choices), g.where)
    known: dict[tuple[str, tuple[str, tuple[str, ...]]], int] = {}
    for task, pairs in tasks.items():
        codes, report.readings[task] = resolve(list(pairs), list(pairs.values()), policy.labels)
        known.update({(task, pair): code for pair, code in zip(pairs, codes, strict=True)})
    found = []
    for g in given:
        item = items[g.item]
        code = known[item.task, (g.label, item.choices)]
        if g.label != item.choices[code] and g.label.casefold() == item.choices[code].casefold():
            report.merged[g.label] = item.choices[code]
            report.merged_rows += 1
        found.append(code)
    return found


def _without_repeats(given: list[_Given], codes: Sequence[int], report: ReadReport) -> tuple[list[_Given], list[int]]:
    """Keep one answer of each annotator to each item, in the order of the file."""
    groups: dict[tuple[str, str], list[int]] = {}
    for n, g in enumerate(given):
        groups.setdefault((g.item, g.annotator), []).append(n)
    kept = []
    for pair, rows in groups.items():
        if len(rows) > 1:
            report.repeats.append(pair)
            if report.repeats_policy == "error":
                raise InputError(
                    f"{given[rows[1]].where}: annotator '{pair[1]}' answers item '{pair[0]}' again (first in "
                    f"{given[rows[0]].where}). Remove a row, or pass --repeats last, first or majority."
                )
        kept.append(_pick(rows, given, codes, report.repeats_policy))
    report.repeated_rows += len(given) - len(kept)
    return [given[n] for n in kept], [codes[n] for n in kept]


def _pick(rows: list[int], given: list[_Given], codes: Sequence[int], policy: str) -> int:
    """Row to keep: by time where it is known, else by place; `majority` falls back to the last of a tie."""
    ordered = sorted(rows, key=lambda n: _natural(given[n].time))
    if policy == "first":
        return ordered[0]
    if policy == "majority":
        most = Counter(codes[n] for n in ordered)
        return max(ordered, key=lambda n: (most[codes[n]], ordered.index(n)))
    return ordered[-1]


def _pack(
    items: dict[str, _Item], golds: list[int], names: list[str], given: list[_Given], codes: list[int]
) -> Annotations:
    sets: dict[tuple[str, ...], int] = {}
    tasks: dict[str, int] = {}
    for item in items.values():
        sets.setdefault(item.choices, len(sets))
        tasks.setdefault(item.task or "default", len(tasks))
    packed = Items(
        ids=list(items),
        prompts=[i.prompt for i in items.values()],
        choice_sets=list(sets),
        choice_set=np.array([sets[i.choices] for i in items.values()], dtype=np.int64),
        tasks=list(tasks),
        task=np.array([tasks[i.task or "default"] for i in items.values()], dtype=np.int64),
        gold=np.array(golds, dtype=np.int64),
        splits=[i.split for i in items.values()],
    )
    place = {name: n for n, name in enumerate(items)}
    who = {name: n for n, name in enumerate(names)}
    return Annotations(
        packed,
        names,
        np.array([place[g.item] for g in given], dtype=np.int64),
        np.array([who[g.annotator] for g in given], dtype=np.int64),
        np.array(codes, dtype=np.int64),
    )


def _golds(items: dict[str, _Item], policy: Policy, readings: Mapping[str, str]) -> list[int]:
    """Code of each item's gold answer, -1 where there is none; read as the labels of its task if that fits them all."""
    found = dict.fromkeys(items, UNKNOWN)
    tasks: dict[str, list[str]] = {}
    for name, item in items.items():
        if not abstains(item.gold, item.choices, frozenset()):
            tasks.setdefault(item.task, []).append(name)
    for task, names in tasks.items():
        pairs = [(items[n].gold, items[n].choices) for n in names]
        way = policy.labels or readings.get(task)
        alike = way in READINGS and all(READINGS[way](*pair) is not None for pair in pairs)
        codes, _ = resolve(pairs, [f"{items[n].where} (gold)" for n in names], way if alike else policy.labels)
        found.update(zip(names, codes, strict=True))
    return list(found.values())
