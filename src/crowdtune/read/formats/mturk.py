"""Batch results of Mechanical Turk: a row per assignment, `Input.*` what was shown and `Answer.*` what was answered.

The API's assignments, whose `Answer` is a QuestionFormAnswers document, are read as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Skipped
from crowdtune.read.formats._mturk_answers import fields_within, given, remarks
from crowdtune.read.formats._mturk_columns import Layout, layout
from crowdtune.read.formats._prompt import prompt_of
from crowdtune.read.labels import clean
from crowdtune.read.opened import FOLDER, PEEK, ZIP, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row
from crowdtune.read.times import number

MARKS = ("HITId", "AssignmentId", "WorkerId")
WRAPPED = "Assignments"  # the API's answer to ListAssignmentsForHIT has them in a list of that name
UNITED = "HIT asked about the same content as an earlier one: taken as one item"
REJECTED = "assignment was rejected by the requester: kept"
EMPTY = "place of a HIT had no content and no answer: left out"
SHARED_TIME = "assignment holds several items: its time is divided among them"


def recognise(opened: Opened) -> str:
    """HITId, AssignmentId and WorkerId, and answers."""
    if opened.form in (FOLDER, ZIP):
        return ""
    if any(row.key == WRAPPED for row in opened.sample):
        return f"{WRAPPED} in one object"
    answers = any(name == "Answer" or name.startswith("Answer.") for name in opened.names)
    return f"columns {', '.join(MARKS)} and answers" if opened.has(*MARKS) and answers else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for every content, a question for every answer field."""
    missing = [name for name in MARKS if name not in opened.names and not recognise(opened)]
    if missing:
        raise InputError(f"{opened.path}: no column '{missing[0]}', so these are no batch results of Mechanical Turk.")
    first = [row.cells for row in islice(_rows(opened), PEEK)]
    plan = layout(list(dict.fromkeys(name for cells in first for name in cells)), first, fields_within(first))
    report.columns = {"item": "HITId", "annotator": "WorkerId", "questions": ", ".join(plan.questions)}
    report.columns = {role: name for role, name in report.columns.items() if name}
    report.ignored = plan.ignored
    reading = _Reading(opened, report, plan)
    for row in _rows(opened):
        yield from reading.assignment(row)


def _rows(opened: Opened) -> Iterator[Row]:
    """A row per assignment, also where the API wrapped them."""
    for row in opened.rows():
        wrapped = row.cells.get("") if row.key else None
        if row.key == WRAPPED and isinstance(wrapped, list):
            for n, cells in enumerate(wrapped, start=1):
                if not isinstance(cells, dict):
                    raise InputError(f"{opened.path} {WRAPPED} {n}: not an object. Fetch the assignments again.")
                yield Row(n, cells)
        elif not row.key:
            yield row


@dataclass
class _Reading:
    """One pass over the file: which content is which item."""

    opened: Opened
    report: ReadReport
    plan: Layout
    items: dict[tuple[str, ...], str] = field(default_factory=dict)  # content -> item
    contents: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)  # HIT and place -> contents met
    kinds: dict[str, str] = field(default_factory=dict)
    described: set[tuple[str, str]] = field(default_factory=set)

    def assignment(self, row: Row) -> Iterator[Entry]:
        """The answers of one assignment; those of each place of the HIT go to the item shown there."""
        cells, where = row.cells, self.opened.where(row.number)
        hit, who = clean(cells.get("HITId")), clean(cells.get("WorkerId"))
        if not hit:
            raise InputError(f"{where}: HITId is empty. Download the results again.")
        answers = given(self.plan, cells, where, self.report)
        places = self.places(hit, cells, answers)
        if clean(cells.get("AssignmentStatus")).casefold() == "rejected":
            self.report.notes[REJECTED] += 1
        seconds = self.seconds(cells, len({place for place in places if place}))
        for place, asked in places.items():
            item = self.item(row, hit, place, asked)
            for question, label in asked.items():
                yield from self.describe(row, item, place, question, label)
                yield Answer(row.number, item, who, label, question, cells.get("SubmitTime"), seconds)

    def places(self, hit: str, cells: dict[str, Any], answers: dict[tuple[str, str], Any]) -> dict[str, dict[str, Any]]:
        """Place of the HIT -> question -> answer; "" is the HIT as a whole."""
        found: dict[str, dict[str, Any]] = {}
        for (place, question), label in answers.items():
            found.setdefault(place, {})[question] = label
        for place, asked in list(found.items()):
            shown = any(clean(cells.get(column)) for column in self.plan.inputs.get(place, {}))
            if place and not shown and all(not label or label == [] for label in asked.values()):
                self.report.notes[EMPTY] += 1
                del found[place]
        return found

    def content(self, cells: dict[str, Any], place: str) -> dict[str, str]:
        """What was shown at a place: its own inputs and those of the whole HIT."""
        columns = self.plan.inputs.get("", {}) | (self.plan.inputs.get(place, {}) if place else {})
        if not place:
            columns = {c: n for inputs in self.plan.inputs.values() for c, n in inputs.items()}
            if len(self.plan.inputs) > 1:
                columns = {c: c.removeprefix("Input.") for c in columns}
        return {name: text for column, name in columns.items() if (text := clean(cells.get(column)))}

    def item(self, row: Row, hit: str, place: str, asked: dict[str, Any]) -> str:
        """The HIT that showed this content first, and the place where it did."""
        shown, name = self.content(row.cells, place), f"{hit}/{place}" if place else hit
        if not shown:
            return name
        known = tuple(f"{key}\n{text}" for key, text in shown.items()) + (("whole",) if not place else ())
        item = self.items.setdefault(known, name)
        met = self.contents.setdefault(name, set())
        if item != name and known not in met:
            self.report.notes[UNITED] += 1
        met.add(known)
        return item

    def describe(self, row: Row, item: str, place: str, question: str, label: Any) -> Iterator[Described]:
        if (item, question) in self.described or isinstance(label, Skipped):
            return
        self.described.add((item, question))
        shown = self.content(row.cells, place)
        prompt = prompt_of(shown, shown)
        gold = clean(row.cells.get(self.plan.gold)) if self.plan.gold and len(self.plan.questions) == 1 else ""
        kind = self.plan.kinds.get(question) or ("text" if remarks(question) else "")
        yield Described(row.number, item, question, prompt, gold=gold, kind=kind)

    def seconds(self, cells: dict[str, Any], places: int) -> float | None:
        """Of one item of the assignment."""
        seconds = number(cells.get("WorkTimeInSeconds"))
        if math.isnan(seconds):
            return None
        if places > 1:
            self.report.notes[SHARED_TIME] += 1
        return seconds / max(places, 1)
