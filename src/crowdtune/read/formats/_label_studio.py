"""What Label Studio writes, as far as it is read, and what a value says, whichever of its exports holds it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from crowdtune.read.entries import Skipped

KINDS = {"choices": "", "taxonomy": "", "rating": "grade", "number": "grade", "text": "text", "selected": "pair"}
PARTS = """
start end startOffset endOffset globalOffsets x y width height points vertices ranges sequence rle bbox item_index
labels hypertextlabels paragraphlabels timeserieslabels
"""
REGION = frozenset(PARTS.split())
PLACED = "spans, boxes or other parts of an item: not read, only answers to a whole item are"
RANKED = "rankings: not read"
UNKNOWN = "answers of a type without a meaning here: not read"
LEVELS = " > "  # between the levels of a taxonomy


class User(msgspec.Struct, gc=False):
    """Who annotated, where it is more than a number."""

    id: int | str | None = None
    email: str | None = None


class Result(msgspec.Struct, gc=False):
    """The answer to one question, or a region; its value is decoded only where it was not met before."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    from_name: str | None = None
    to_name: str | list[str] | None = None


class Annotation(msgspec.Struct):
    """What one person or model said of a task."""

    id: int | str | None = None
    completed_by: int | str | User | None = None
    created_username: str | None = None  # before version 1
    result: list[Result] | None = None
    was_cancelled: bool | None = None
    skipped: bool | None = None  # before version 1
    ground_truth: bool | None = None
    honeypot: bool | None = None  # before version 1
    lead_time: float | None = None
    created_at: str | float | None = None
    updated_at: str | float | None = None
    model_version: str | None = None  # of predictions


class Task(msgspec.Struct):
    """What is labelled, with all that was said of it."""

    id: int | str | None = None
    data: dict[str, Any] | None = None
    annotations: list[Annotation | int] | None = None
    completions: list[Annotation | int] | None = None  # before version 1
    predictions: list[Annotation | int] | None = None
    drafts: list[msgspec.Raw] | None = None


class Stored(Annotation):
    """An annotation that repeats its task, as a storage gets it."""

    task: Task = msgspec.field(default_factory=Task)


class Given(NamedTuple):
    """An answer: its kind and its label; or no label and the note that says why."""

    kind: str
    label: Any
    note: str = ""


def given(value: Any) -> Given:
    """What a result's value says.

    Example:
        >>> given({"choices": ["Positive"]}).label, given({"taxonomy": [["A", "B"], ["C"]]}).label
        ('Positive', ['A > B', 'C'])
        >>> given({"start": 0, "end": 5, "labels": ["ORG"]}).note
        'spans, boxes or other parts of an item: not read, only answers to a whole item are'
    """
    if not isinstance(value, dict):
        return Given("", None, UNKNOWN)
    if not REGION.isdisjoint(value):
        return Given("", None, PLACED)
    name = next((name for name in KINDS if name in value), "")
    if not name:
        return Given("", None, RANKED if "ranker" in value else UNKNOWN)
    said = value[name]
    if name == "taxonomy" and isinstance(said, list):
        said = [LEVELS.join(map(str, path)) if isinstance(path, list) else path for path in said]
    if name == "text" and isinstance(said, list):
        said = "\n".join(map(str, said))
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    parts = said if isinstance(said, list) else [said]
    if any(isinstance(part, dict | list) for part in parts):
        return Given("", None, UNKNOWN)
    return Given(KINDS[name], said if said or said == 0 else Skipped("empty"))


def together(first: Given, second: Given) -> Given | None:
    """Two results of one question in one annotation as one; None where they cannot be."""
    if first.kind != second.kind or first.kind not in ("", "text"):
        return None
    parts = [
        part for said in (first, second) for part in (said.label if isinstance(said.label, list) else [said.label])
    ]
    parts = [part for part in parts if not isinstance(part, Skipped)]
    if not parts:
        return first
    return Given(first.kind, "\n".join(map(str, parts)) if first.kind else parts)
