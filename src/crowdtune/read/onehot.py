"""A question with a column per option, each saying whether it was chosen: `mood.good`, `mood.bad`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crowdtune.read.labels import clean

CHOSEN = frozenset({"true", "1", "on"})  # casefolded
NOT_CHOSEN = frozenset({"false", "0", "off", ""})


def is_flag(cell: Any) -> bool:
    """True for a cell that says yes or no, or nothing."""
    return clean(cell).casefold() in CHOSEN | NOT_CHOSEN


def flags(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those of `names` whose cells are flags in all `rows`, one of them at least not empty."""
    return [n for n in names if all(is_flag(r.get(n)) for r in rows) and any(clean(r.get(n)) for r in rows)]


def chosen(options: Mapping[str, str], cells: Mapping[str, Any]) -> list[str]:
    """The options a row chooses.

    Args:
        options: column -> option.
        cells: the row.
    """
    return [option for column, option in options.items() if clean(cells.get(column)).casefold() in CHOSEN]
