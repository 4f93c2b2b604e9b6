"""Oracle: an export written by hand beside answers written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from crowdtune import InputError, read
from crowdtune.read.formats.prolific import AGAIN, NOBODY
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, try_reading

HEAD = (
    "Submission id,Participant id,Status,Custom study tncs accepted at,Started at,Completed at,Reviewed at,"
    "Archived at,Time taken,Completion code,Total approvals,Fluent languages,Age,Sex\n"
)
DATES = "Not Applicable,2024-05-01T10:00:00.000000Z,2024-05-01T10:05:00.000000Z,,2024-05-01T10:05:00.000000Z"
EXPORT = HEAD + (
    f"s1,p1,APPROVED,{DATES},300.5,C1,12,English,34,Female\n"
    f"s2,p2,AWAITING REVIEW,{DATES},60,C1,3,\"English, French\",CONSENT_REVOKED,DATA_EXPIRED\n"
    f"s3,p3,RETURNED,{DATES},,NOCODE,1,English,51,Male\n"
)  # fmt: skip
ANSWERS = "item,PROLIFIC_PID,label\n1,p1,yes\n1,p2,no\n2,p1,no\n"
SAMPLES = {
    "prolific demographics": ("prolific_export_5f1.csv", EXPORT),
    "prolific older": ("prolific_old.csv", "session_id,participant_id,status,age\ns1,p1,APPROVED,34\n"),
}


@pytest.mark.parametrize("turned", [False, True])
def test_people_beside_their_answers(tmp_path: Path, turned: bool) -> None:
    paths = [put(tmp_path, "answers.csv", ANSWERS), put(tmp_path, "prolific_export_1.csv", EXPORT)]
    annotations, report = read(paths[::-1] if turned else paths)
    assert said(annotations) == {("1", "p1", "yes"), ("1", "p2", "no"), ("2", "p1", "no")}
    assert annotations.annotators == ["p1", "p2"]
    assert annotations.traits["Age"] == ["34", ""]
    assert annotations.traits["Sex"] == ["Female", ""]
    assert annotations.traits["Time taken"] == ["300.5", "60"]
    assert annotations.traits["Custom study tncs accepted at"] == ["", ""]
    assert annotations.traits["kind"] == ["person", "person"]
    assert annotations.seconds is None
    assert report.notes["person described who gave no answer: left out"] == 1


def test_alone_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"p\.csv tells who 3 annotators are and holds no answers\. Give the file with the answers as well",
    ):
        read(put(tmp_path, "p.csv", EXPORT))


def test_rows_again_and_without_a_participant_are_counted(tmp_path: Path) -> None:
    more = f"s4,p1,APPROVED,{DATES},1,C1,12,English,35,Female\ns5,,APPROVED,{DATES},1,C1,12,English,35,Female\n"
    annotations, report = read([put(tmp_path, "a.csv", ANSWERS), put(tmp_path, "p.csv", EXPORT + more)])
    assert annotations.traits["Age"] == ["35", ""]
    assert dict(report.beside[0].notes) == {AGAIN: 1, NOBODY: 1}
    assert f"1 x {AGAIN}" in report.lines(annotations)


def test_another_table_as_prolific(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no column 'Participant id', so this is no export of Prolific's participants"
    ):
        read(put(tmp_path, "a.csv", ANSWERS), form="prolific")


@bounded
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    assert try_reading("p.csv", shaken_csv(EXPORT, changes), "prolific") is None
