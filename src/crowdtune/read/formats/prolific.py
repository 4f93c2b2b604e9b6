"""Prolific's export of a study's participants: who they are, not what they answered. It comes beside answers."""

from __future__ import annotations

from collections.abc import Iterator

from crowdtune.errors import InputError
from crowdtune.read.entries import Entry, Person
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

PARTICIPANT = ("Participant id", "participant_id")  # newer exports, older ones
MARKS = (("Participant id", "Submission id", "Status"), ("participant_id", "session_id", "status"))
MISSING = frozenset({"consent_revoked", "data_expired", "not applicable", "prefer not to say"})  # casefolded
AGAIN = "participant is there several times: the last row counts"
NOBODY = "row names no participant: left out"


def recognise(opened: Opened) -> str:
    """The columns all its exports share."""
    return next((f"columns {', '.join(names)}" for names in MARKS if opened.has(*names)), "")


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """A person for every row; words for a missing answer become nothing."""
    named = next((name for name in PARTICIPANT if name in opened.names), "")
    if not named:
        raise InputError(
            f"{opened.path}: no column '{PARTICIPANT[0]}', so this is no export of Prolific's participants."
        )
    report.columns = {"annotator": named}
    seen = set[str]()
    for row in opened.rows():
        name = clean(row.cells.get(named))
        if not name:
            report.notes[NOBODY] += 1
            continue
        if name in seen:
            report.notes[AGAIN] += 1
        seen.add(name)
        traits = {key: clean(value) for key, value in row.cells.items() if key not in (named, "")}
        traits = {key: "" if text.casefold() in MISSING else text for key, text in traits.items()}
        yield Person(name, traits | {"kind": "person"})
