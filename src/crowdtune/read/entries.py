"""What a source of annotations says, entry by entry: the language between formats or shapes and the builder.

A format is a generator of these. Formats translate a tool's words and decide nothing: repeats, spellings, choices and
abstentions are decided in `assemble`, alike for all formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Described(NamedTuple):
    """What a source says of one item. An item is its id and its task together."""

    row: int  # of the file, or entry of a list; for errors
    item: str
    task: str = ""
    prompt: str = ""
    choices: Any = None  # a list of texts, or texts with | between, or nothing
    gold: Any = None
    split: str = ""
    kind: str = ""  # one of annotations.KINDS, "" where the format does not say
    posterior: Any = None  # a soft label: a probability for each of `choices`, or an object choice -> probability
    counts: Any = None  # of answers whose annotators are not named: likewise


class Answer(NamedTuple):
    """One answer. A label that is a list is a choice of several: each possible one becomes a yes-or-no task."""

    row: int
    item: str
    annotator: str
    label: Any
    task: str = ""
    time: Any = None  # when: a number, or text as tools write it
    seconds: float | None = None  # how long it took


class Batch(NamedTuple):
    """Answers as columns of equal length, for sources that have columns."""

    rows: Sequence[int]
    items: Sequence[str]
    annotators: Sequence[str]
    labels: Sequence[Any]
    tasks: Sequence[str]
    times: Sequence[Any]
    seconds: Sequence[float | None]


class Person(NamedTuple):
    """What a source says of an annotator."""

    annotator: str
    traits: dict[str, str]


class Skipped(str):
    """In place of a label: no answer was given, and how the tool says so ("cancelled", "draft", ...)."""


Entry = Described | Answer | Batch | Person


@dataclass(frozen=True)
class Source:
    """A file's entries.

    Args:
        path: the file, for errors.
        entries: what it says.
        unit: what rows are called in errors: "row", "line" or "entry".
        own_ids: True where its item ids may mean other items in another file of the same run; False for files that
            describe the items of another.
    """

    path: Path
    entries: Iterable[Entry]
    unit: str = "row"
    own_ids: bool = True

    def where(self, row: int) -> str:
        """Place of a row, for errors."""
        return f"{self.path} {self.unit} {row}"
