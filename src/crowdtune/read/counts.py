"""Tables that say how many gave each answer, or what share did, and not who: numbers for each choice of an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.read.builder import NO_COUNTS, NO_SHARES, Item
from crowdtune.read.columns import ALIASES
from crowdtune.read.labels import READINGS, Numbers, abstains, numbers, resolve
from crowdtune.read.opened import Opened
from crowdtune.read.policy import Policy
from crowdtune.read.report import ReadReport

COUNTS, SHARES = "counts", "posterior"  # roles
MOST = 10**9  # of one answer; a larger number is no count
BESIDE = "column of counts or shares beside answers with annotators: taken for sums of these, not used"


def fitting(opened: Opened, roles: Mapping[str, str]) -> dict[str, str]:
    """The roles, those of counts and shares with the first of their columns that holds a number for each choice.

    A column `posterior` is meant as one whatever it holds.
    """
    kept = {role: column for role, column in roles.items() if role not in (COUNTS, SHARES)}
    spelled = {name.casefold(): name for name in opened.names if name not in kept.values()}
    for role in (COUNTS, SHARES):
        found = (spelled[alias] for alias in ALIASES[role] if alias in spelled)
        column = next((name for name in found if name.casefold() == SHARES or _holds(opened, name)), "")
        if column:
            kept[role] = column
    return kept


def _holds(opened: Opened, name: str) -> bool:
    """True for a column of lists or objects of numbers."""
    return any(numbers(row.cells.get(name)) for row in opened.sample)


def sums(roles: Mapping[str, str]) -> list[str]:
    """Roles that repeat the answers of a table whose answers have annotators: what it counts are the same ones."""
    return [
        role for role, column in roles.items() if role == COUNTS or (role == SHARES and column.casefold() != SHARES)
    ]


def lined_up(items: Sequence[Item], policy: Policy, report: ReadReport) -> list[Item]:
    """Items whose counts and shares name their choices, or are in the order of those the source or the user names.

    What is neither is left out and noted. A count of abstentions is none, as an abstention is no label.
    """
    if not any(item.counts or item.posterior for item in items):
        return list(items)
    return [
        replace(
            item,
            counts=_lined_up(item, item.counts, NO_COUNTS, policy, report),
            posterior=_lined_up(item, item.posterior, NO_SHARES, policy, report),
        )
        for item in items
    ]


def _lined_up(item: Item, said: Numbers, otherwise: str, policy: Policy, report: ReadReport) -> Numbers:
    choices, whole = item.choices or policy.choices, otherwise == NO_COUNTS
    values = said.values() if isinstance(said, dict) else said
    if whole and not all(value.is_integer() and value <= MOST for value in values):
        report.notes[otherwise] += 1
        return ()
    if not isinstance(said, dict):
        if said and len(said) != len(choices):
            report.notes[otherwise] += 1
            return ()
        return said
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
