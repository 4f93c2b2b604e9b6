"""MSP-Podcast (and MSP-Face): what each worker heard in a segment of speech; the primary emotion is the label.

    labels.txt            a line per segment with the consensus, below it a line per worker, fields with ; between
    labels_detailed       a row per answer (CSV, fields by name or all in EmoDetail), or segment -> worker -> fields
    labels_consensus      a row per segment (CSV or JSON): its split, and a vote, which is not taken for gold

A segment goes by its file's name without the ending, as its transcript does.

References:
    Lotfian, Busso: Building naturalistic emotionally balanced speech corpus by retrieving emotional speech from
    existing podcast recordings, 2019, https://doi.org/10.1109/TAFFC.2017.2736999
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

EMOTIONS = {
    "A": "Angry", "S": "Sad", "H": "Happy", "U": "Surprise", "F": "Fear", "D": "Disgust", "C": "Contempt",
    "N": "Neutral", "O": "Other",
}  # fmt: skip
OTHER = "Other"
SEGMENT, WORKER = re.compile(r"\S+\.(wav|mp4)"), re.compile(r"(?i)worker\w*")
NAME, DETAIL, PRIMARY, CONSENSUS, SPLIT = "FileName", "EmoDetail", "EmoClass_Major", "EmoClass", "Split_Set"
WHO = ("WorkerID", "Workers", "Worker", "Name")
VOTE = "consensus of a segment, a vote of its workers: not taken for gold (--gold EmoClass does so)"
WORDS = "primary emotion in the worker's own words: Other"


def recognise(opened: Opened) -> str:
    """Segments with the fields of workers, or of their consensus."""
    if opened.form == ".txt":
        fields = [_fields(row.cells[""]) for row in opened.sample if row.cells[""].strip()]
        return "segments and workers, fields with ; between" if fields and _alternate(fields) else ""
    if opened.sample and all(SEGMENT.fullmatch(row.key) for row in opened.sample):
        return "segments by name with the emotions heard" if any(map(_tells, opened.sample)) else ""
    if NAME not in opened.names:
        return ""
    marks = [name for name in (DETAIL, PRIMARY) if name in opened.names] or [CONSENSUS, SPLIT]
    return f"columns {', '.join((NAME, *marks))}" if opened.has(*marks) else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """A segment and its workers' answers."""
    report.columns = {"item": NAME, "annotator": WHO[0], "label": PRIMARY, "split": SPLIT}
    form = _of_lines if opened.form == ".txt" else _of_records if any(r.key for r in opened.sample) else _of_table
    return form(opened, report)


def _of_lines(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    item = ""
    for row in opened.rows():
        fields = _fields(row.cells.get(""))
        if SEGMENT.fullmatch(fields[0]):
            item = PurePath(fields[0]).stem
            yield _segment(row.number, fields[0], {CONSENSUS: fields[1] if len(fields) > 1 else ""}, opened, report)
        elif WORKER.fullmatch(fields[0]) and len(fields) > 1 and item:
            yield Answer(row.number, item, fields[0], _emotion(fields[1], report))
        elif any(fields):
            raise InputError(
                f"{opened.where(row.number)}: a segment (NAME.wav; ...) or a worker of one (WORKER1; Angry; ...) is "
                f"expected, not {';'.join(fields)[:60]!r}. Mend the line."
            )


def _of_table(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    who = next((name for name in WHO if name in opened.names), "")
    before = ""
    for row in opened.rows():
        name, cells = clean(row.cells.get(NAME)), row.cells
        if name != before or not name:
            yield _segment(row.number, name, cells, opened, report)
        before = name
        fields = _fields(cells.get(DETAIL)) if DETAIL in cells else [clean(cells.get(who)), clean(cells.get(PRIMARY))]
        if DETAIL in cells or PRIMARY in cells:
            yield Answer(
                row.number, PurePath(name).stem, fields[0], _emotion(fields[1] if len(fields) > 1 else "", report)
            )


def _of_records(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    for row in opened.rows():
        inside = _inside(row)
        if any(name in inside for name in (SPLIT, CONSENSUS)):
            yield _segment(row.number, row.key, inside, opened, report)
            continue
        yield _segment(row.number, row.key, {}, opened, report)
        workers = inside.get("Workers", [{WHO[0]: name, **_object(said)} for name, said in inside.items()])
        for said in map(_object, workers if isinstance(workers, list) else []):
            who = next((said[name] for name in WHO if said.get(name)), "")
            yield Answer(row.number, PurePath(row.key).stem, clean(who), _emotion(clean(said.get(PRIMARY)), report))


def _segment(row: int, name: str, cells: Mapping[str, Any], opened: Opened, report: ReadReport) -> Described:
    """A segment; its consensus is gold where the user says so."""
    said = clean(cells.get(CONSENSUS)) or (clean(cells.get(PRIMARY)) if SPLIT in cells else "")
    wanted = opened.columns.get("gold") == CONSENSUS
    if said and not wanted:
        report.notes[VOTE] += 1
    gold = EMOTIONS.get(said, "") if wanted else ""  # X: no agreement
    split = clean(cells.get(SPLIT)).casefold()
    return Described(row, PurePath(name).stem if name else name, "", "", list(EMOTIONS.values()), gold, split)


def _emotion(said: str, report: ReadReport) -> str:
    if said.casefold().startswith(OTHER.casefold()):
        report.notes[WORDS] += said != OTHER
        return OTHER
    return said


def _fields(line: Any) -> list[str]:
    return [clean(field) for field in clean(line).split(";")]


def _alternate(fields: list[list[str]]) -> bool:
    """True for lines that are segments and their workers, a segment first."""
    known = all(len(own) > 1 and (SEGMENT.fullmatch(own[0]) or WORKER.fullmatch(own[0])) for own in fields)
    return known and SEGMENT.fullmatch(fields[0][0]) is not None


def _inside(row: Row) -> Mapping[str, Any]:
    """The fields of a record, also where it is the only one of a list."""
    inside = row.cells.get("", row.cells)
    return _object(inside[0] if isinstance(inside, list) and len(inside) == 1 else inside)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tells(row: Row) -> bool:
    """True for a record with a consensus, or with workers."""
    inside = _inside(row)
    return any(name in inside for name in (SPLIT, "Workers")) or any(PRIMARY in _object(v) for v in inside.values())
