"""What became of the labels of each choice, as rows for a screen or a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crowdtune.annotations import Items
from crowdtune.denoise.decision import OUTCOMES, RULES, Decision

WORDS = dict(zip(OUTCOMES, ("kept", "relabelled", "softened", "dropped"), strict=True))
COLUMNS = ("given", "items", *WORDS.values(), "after", "rules")
ALL, NOBODY = "all", "(no label)"
SHOWN = 12  # choices of a task with a row of their own: the others share one
TOP = 3  # rules named in a row

Key = tuple[str, str]  # task, given choice


def outcome_rows(items: Items, decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """A row per given choice, and one for all.

    Args:
        items: I items.
        decisions: one for each of them.

    Returns:
        Rows of task (where there are several), given, items (count), kept, relabelled, softened and dropped (counts),
        the same with _share, after (items with that choice as their label now; None where choices differ between
        items) and rules (rule -> count, the most frequent first). Choices of a task in their order; a task whose items
        have different choices has one row, as have the rarest of more than `SHOWN` choices together.
    """
    before = [_key(items, d, d.given) for d in decisions]
    now = [_key(items, d, d.label) for d in decisions if d.label >= 0]
    rare = _rare(before + now)
    after = Counter(rare.get(key, key) for key in now)
    found: dict[Key, list[Decision]] = {key: [] for key in after}
    for key, d in zip(before, decisions, strict=True):
        found.setdefault(rare.get(key, key), []).append(d)
    order = sorted(found, key=lambda key: _place(items, key))
    rows = [{"task": task} | _row(given, found[task, given], after[task, given]) for task, given in order]
    for row in rows:
        row["after"] = None if row["given"] in (ALL, NOBODY) else row["after"]
    if len(rows) != 1 or rows[0]["given"] != ALL:
        rows.append({"task": ALL} | _row(ALL, decisions, None))
    if len({task for task, _ in order}) > 1:
        return rows
    return [{name: value for name, value in row.items() if name != "task"} for row in rows]


def cells(row: dict[str, Any]) -> list[str]:
    """A row as texts, in the order of `COLUMNS`, before them the task where the row has one."""
    counts = [f"{row[word]} ({row[word + '_share']:.1%})" for word in WORDS.values()]
    rules = ", ".join(f"{name} {count}" for name, count in list(row["rules"].items())[:TOP])
    after = "-" if row["after"] is None else str(row["after"])
    own = [row["given"], str(row["items"]), *counts, after, rules]
    return [row["task"], *own] if "task" in row else own


def rule_counts(decisions: Sequence[Decision]) -> dict[str, int]:
    """Rule -> how many items it decided, the most frequent first."""
    count = Counter(d.rule for d in decisions)
    places = list(RULES)
    return {rule: count[rule] for rule in sorted(count, key=lambda rule: (-count[rule], places.index(rule)))}


def outcome_counts(decisions: Sequence[Decision]) -> dict[str, int]:
    """Kept, relabelled, softened and dropped -> how many items."""
    count = Counter(d.outcome for d in decisions)
    return {word: count[outcome] for outcome, word in WORDS.items()}


def _key(items: Items, decision: Decision, code: int) -> Key:
    """Task and choice as a row names them."""
    m = int(items.task[decision.item])
    if not items.shared_choices[m] or items.kinds[m] == "text":
        return items.tasks[m], ALL
    return items.tasks[m], items.text(decision.item, code) or NOBODY


def _rare(keys: Sequence[Key]) -> dict[Key, Key]:
    """Choices beyond the most frequent of their task -> what they are called together."""
    merged: dict[Key, Key] = {}
    count = Counter(keys)
    for task in dict.fromkeys(task for task, _ in keys):
        own = sorted((k for k in count if k[0] == task and k[1] != NOBODY), key=lambda k: (-count[k], k))
        rest = own[SHOWN:] if len(own) > SHOWN + 1 else []
        merged |= {k: (task, f"{len(rest)} others") for k in rest}
    return merged


def _place(items: Items, key: Key) -> tuple[int, int]:
    """Order of rows: tasks as they are, choices as they are, then what is no choice."""
    m = list(items.tasks).index(key[0])
    first = next((i for i, task in enumerate(items.task.tolist()) if task == m), None)
    choices = () if first is None else items.choices(first)
    return m, choices.index(key[1]) if key[1] in choices else len(choices)


def _row(given: str, decisions: Sequence[Decision], after: int | None) -> dict[str, Any]:
    count, n = outcome_counts(decisions), max(len(decisions), 1)
    shares = {f"{word}_share": number / n for word, number in count.items()}
    return (
        {"given": given, "items": len(decisions)} | count | shares | {"after": after, "rules": rule_counts(decisions)}
    )
