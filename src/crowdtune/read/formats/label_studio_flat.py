"""Label Studio's flat exports, JSON_MIN and CSV: a row per annotation, a column per field of the data and per question.

Nothing in the file says which columns are questions. JSON_MIN writes them between id and annotator; a column is one too
where its cells hold results, where one item has several values of it, or where `_data_` before its name keeps the data.
Nor does it say which annotation is the ground truth; cancelled ones are not in it. The JSON export says both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Skipped
from crowdtune.read.formats._label_studio import KINDS, REGION, Given, given, together
from crowdtune.read.formats._prompt import pair_of, prompt_of, shown
from crowdtune.read.labels import clean
from crowdtune.read.opened import FOLDER, ZIP, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

FIXED = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")  # in every file
OWN = {*FIXED, "id", "agreement", "history"}
DATA = "_data_"  # before the name of a field that a question has too
FEW, SHORT = 20, 100  # answers a question has where nobody disagrees, and characters of one, at most


def recognise(opened: Opened) -> str:
    """By what the file is known: see formats."""
    if opened.form in (ZIP, FOLDER) or not opened.has("id", *FIXED):
        return ""
    return "columns annotator, annotation_id and lead_time"


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """What the rows say."""
    questions = _questions(opened)
    data = [name for name in opened.names if name not in OWN and name not in questions and not _transcript(name)]
    report.columns = {"item": "id", "annotator": "annotator", "label": ", ".join(questions)}
    met: set[tuple[str, str]] = set()
    read = False
    for row in opened.rows():
        item = clean(row.cells.get("id"))
        said = {name: _cell(row.cells.get(name)) for name in questions}
        report.notes.update(one.note for one in said.values() if one and one.note)
        found = {name: one for name, one in said.items() if one and not one.note}
        for name in found or ({} if any(said.values()) else questions):
            if (item, name) not in met:
                met.add((item, name))
                yield _described(row, item, name, data, found)
        read |= bool(found)
        if not any(said.values()) and not any(clean(row.cells.get(name)) for name in ("annotator", "annotation_id")):
            continue  # a task nobody annotated
        if not any(said.values()):
            found = {questions[0]: Given("", Skipped("empty"))}
        for name, one in found.items():
            yield _answer(row, item, name, one, data)
    if not read and report.notes:
        raise InputError(
            f"{opened.path} holds no answer to a whole item ({'; '.join(report.notes)}). "
            "Export annotations of choices, taxonomy, ratings, numbers, texts or pairs."
        )


def _described(row: Row, item: str, question: str, data: Sequence[str], said: dict[str, Given]) -> Described:
    fields = {name.removeprefix(DATA): row.cells.get(name) for name in data}
    kind = said[question].kind if question in said else ""
    names = pair_of(fields) if kind == "pair" else []
    choices = _sides(fields) if kind == "pair" else {}
    prompt = prompt_of(fields, (), names)
    return Described(row.number, item, question, prompt, [*choices.values()] or None, None, "", kind)


def _answer(row: Row, item: str, question: str, said: Given, data: Sequence[str]) -> Answer:
    label = said.label
    if said.kind == "pair" and type(label) is str:
        label = _sides({name.removeprefix(DATA): row.cells.get(name) for name in data}).get(label, label)
    cells = row.cells
    time = cells.get("updated_at") or cells.get("created_at")
    return Answer(row.number, item, clean(cells.get("annotator")), label, question, time, cells.get("lead_time"))


def _sides(fields: dict[str, Any]) -> dict[str, str]:
    """Left and right as the texts they are, where those differ."""
    texts = [shown(fields[name]) for name in pair_of(fields)]
    differ = len({clean(text) for text in texts} - {""}) == 2
    return dict(zip(("left", "right"), texts if differ else ("left", "right"), strict=True))


def _cell(cell: Any) -> Given | None:
    """What a cell says; None where it is empty."""
    values = _results(cell)
    if values is None:
        return None if clean(cell) == "" else Given("", cell) if not isinstance(cell, dict | list) else given(None)
    found = None
    for value in values:
        said = given(value)
        both = said if found is None or found.note else found if said.note else together(found, said)
        found = both or found
    return found


def _results(cell: Any) -> list[dict[str, Any]] | None:
    """The results in a cell, written as JSON or not; None where it holds something else."""
    if isinstance(cell, str) and cell[:1] in ("[", "{"):
        try:
            cell = msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError):
            return None
    values = [cell] if isinstance(cell, dict) else cell
    if not isinstance(values, list):
        return None
    known = KINDS.keys() | REGION | {"ranker", "rotation"}
    return values if all(isinstance(v, dict) and v and v.keys() <= known for v in values) else None


@dataclass
class _Column:
    """What is seen of a column: its first value for each item, whether others follow, whether results are in it."""

    first: dict[str, int] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    varies: bool = False
    results: bool = False


def _questions(opened: Opened) -> list[str]:
    """The columns that are questions."""
    if "label" in opened.columns:
        return [opened.columns["label"]]
    seen = {name: _Column() for name in opened.names if name not in OWN and not name.startswith(DATA)}
    between: dict[str, None] = {}
    for row in opened.rows():
        if opened.form not in (".csv", ".tsv"):
            between.update(dict.fromkeys(_between(list(row.cells))))
        for name, column in seen.items():
            _look(column, clean(row.cells.get("id")), row.cells.get(name))
    found = [n for n, c in seen.items() if n in between or c.results or c.varies or DATA + n in opened.names]
    found = found or [n for n, c in seen.items() if 0 < len(c.values) <= FEW and max(map(len, c.values)) <= SHORT]
    found = [name for name in found if not _transcript(name) or name.removesuffix("_transcript") not in found]
    if not found:
        raise InputError(f"{opened.path}: no column tells that it is a question. Say which: --label COLUMN.")
    return found


def _between(names: list[str]) -> list[str]:
    """Columns after id, which follows the data, and before the annotator."""
    if names[:1] == ["id"] or not {"id", "annotator"} <= set(names):
        return []
    return names[names.index("id") + 1 : names.index("annotator")]


def _look(column: _Column, item: str, cell: Any) -> None:
    text = clean(cell)
    if text and len(column.values) <= FEW:
        column.values.add(text)
    if not column.varies:  # the data of an item are the same in all its rows
        column.varies = column.first.setdefault(item, hash(text)) != hash(text)
    column.results = column.results or bool(_results(cell))


def _transcript(name: str) -> bool:
    return name.endswith("_transcript")
