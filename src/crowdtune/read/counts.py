"""Tables that say how many gave each answer, or what share did, and not who: numbers for each choice of an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.errors import InputError
from crowdtune.read.builder import NO_SHARES, Item
from crowdtune.read.columns import ALIASES
from crowdtune.read.labels import READINGS, Numbers, abstains, clean, is_number, no_counts, numbers, resolve
from crowdtune.read.opened import Opened
from crowdtune.read.policy import Policy
from crowdtune.read.report import ReadReport

COUNTS, SHARES = "counts", "posterior"  # roles
BESIDE = "column of counts or shares beside answers with annotators: taken for sums of these, not used"


def fitting(opened: Opened, roles: Mapping[str, str]) -> dict[str, str]:
    """The roles, those of counts and shares with the first of their columns that holds a number for each choice.

    A column `posterior` is meant as one whatever it holds, one of counts unless it holds single numbers alone.
    """
    kept = {role: column for role, column in roles.items() if role not in (COUNTS, SHARES)}
    spelled = {name.casefold(): name for name in opened.names if name not in kept.values()}
    for role in (COUNTS, SHARES):
        found = [spelled[alias] for alias in ALIASES[role] if alias in spelled]
        column = next((name for name in found if name.casefold() == SHARES or _holds(opened, name)), "")
        column = column or next((name for name in found if role == COUNTS and _is_meant(opened, name)), "")
        if column:
            kept[role] = column
    return kept


def _holds(opened: Opened, name: str) -> bool:
    """True for a column of lists or objects of numbers."""
    return any(numbers(row.cells.get(name)) for row in opened.sample)


def _is_meant(opened: Opened, name: str) -> bool:
    """True for a column that says something but single numbers: malformed counts, rather than how many labels."""
    return any(not is_number(text) for row in opened.sample if (text := clean(row.cells.get(name))))


def passed_over(opened: Opened, ignored: Sequence[str]) -> dict[str, int]:
    """Notes on columns that have the name of counts and hold single numbers, with the first."""
    notes: dict[str, int] = {}
    for name in ignored:
        given = [(row.number, text) for row in opened.sample if (text := clean(row.cells.get(name)))]
        if name.casefold() in ALIASES[COUNTS] and given:
            number, text = given[0]
            notes[f"column '{name}' without a number for each choice (row {number}: {text[:60]!r}): not used"] = 1
    return notes


def sums(roles: Mapping[str, str]) -> list[str]:
    """Roles that repeat the answers of a table whose answers have annotators: what it counts are the same ones."""
    return [
        role for role, column in roles.items() if role == COUNTS or (role == SHARES and column.casefold() != SHARES)
    ]


def lined_up(items: Sequence[Item], policy: Policy, report: ReadReport, where: Callable[[Item], str]) -> list[Item]:
    """Items whose counts and shares name their choices, or are in the order of those the source or the user names.

    Counts that are neither are an error, shares are left out and noted. A count of abstentions is none, as an
    abstention is no label. `where` tells the place an item was met, for errors.
    """
    if not any(item.counts or item.posterior for item in items):
        return list(items)
    return [
        replace(
            item,
            counts=_named(item, _each(item, policy, where), policy, report, whole=True),
            posterior=_named(item, _shares(item, policy, report), policy, report, whole=False),
        )
        for item in items
    ]


def _each(item: Item, policy: Policy, where: Callable[[Item], str]) -> Numbers:
    """Counts; a list of them has one for each choice."""
    choices = item.choices or policy.choices
    if isinstance(item.counts, dict) or not item.counts or len(item.counts) == len(choices):
        return item.counts
    said = [int(number) for number in item.counts]
    if choices:
        raise no_counts(said, choices, f"{where(item)}: item '{item.id}'")
    raise InputError(
        f"{where(item)}: item '{item.id}' has counts {str(said)[:60]!r} and no choices they are of. "
        "Add a column choices, or pass --choices."
    )


def _shares(item: Item, policy: Policy, report: ReadReport) -> Numbers:
    """Shares; none, noted, where a list of them has not one for each choice."""
    said = item.posterior
    if said and not isinstance(said, dict) and len(said) != len(item.choices or policy.choices):
        report.notes[NO_SHARES] += 1
        return ()
    return said


def _named(item: Item, said: Numbers, policy: Policy, report: ReadReport, *, whole: bool) -> Numbers:
    """Numbers by name, spelled as the user says and without abstentions; those in order as they are."""
    if not isinstance(said, dict):
        return said
    choices = item.choices or policy.choices
    named: dict[str, float] = {}
    for given, number in said.items():
        text = policy.rename.get(given, given)
        if not abstains(text, choices, frozenset(policy.abstain)):
            named[text] = named.get(text, 0.0) + number
        elif whole and number:
            report.abstentions[text] = report.abstentions.get(text, 0) + int(number)
    return named


def named_numbers(item: Item) -> dict[str, int]:
    """Choice -> how many gave it, of an item whose counts or shares name their choices; 0 for shares."""
    said = {text: 0 for text in item.posterior} if isinstance(item.posterior, dict) else {}
    counted = item.counts if isinstance(item.counts, dict) else {}
    return said | {text: int(number) for text, number in counted.items()}


def tables(
    said: Sequence[Item], items: Items, where: Callable[[int], str], policy: Policy
) -> tuple[Floats | None, Ints | None]:
    """(I, K) shares, rows sum to 1 or are 0, and (I, K) counts; None of what no item has.

    Args:
        said: the items, lined up and with their choices.
        items: the same items.
        where: place where an item was met, for errors.
        policy: how names of choices are read, if the user says so.
    """
    shares = _table([item.posterior for item in said], items, where, policy)
    counted = _table([item.counts for item in said], items, where, policy)
    if shares is not None:
        shares = shares / np.where(shares.sum(axis=1, keepdims=True) > 0, shares.sum(axis=1, keepdims=True), 1)
    return shares, None if counted is None else counted.astype(np.int64)


def _table(said: Sequence[Numbers], items: Items, where: Callable[[int], str], policy: Policy) -> Floats | None:
    """(I, K) numbers; None where all are 0."""
    table = np.zeros(items.choice_mask.shape)
    named: dict[int, list[tuple[int, dict[str, float]]]] = {}
    for i, own in enumerate(said):
        if isinstance(own, dict):
            named.setdefault(int(items.task[i]), []).append((i, own))
        else:
            table[i, : len(own)] = own
    for task in named.values():
        cells = [(i, text) for i, own in task for text in own]
        codes = _codes(cells, items, where, policy)
        numbers = [number for _, own in task for number in own.values()]
        np.add.at(table, ([i for i, _ in cells], codes), numbers)
    return table if table.any() else None


def _codes(cells: Sequence[tuple[int, str]], items: Items, where: Callable[[int], str], policy: Policy) -> list[int]:
    """Code of each (item, name of a choice) of a task; names are texts where all fit."""
    first: dict[tuple[str, int], int] = {}
    keys = [(text, int(items.choice_set[i])) for i, text in cells]
    for key, (i, _) in zip(keys, cells, strict=True):
        first.setdefault(key, i)
    pairs = [(text, items.choice_sets[s]) for text, s in first]
    texts = all(READINGS["text"](*pair) is not None for pair in pairs)
    found, _ = resolve(pairs, [where(i) for i in first.values()], policy.labels or ("text" if texts else None))
    code = dict(zip(first, found, strict=True))
    return [code[key] for key in keys]
