"""Potato: a folder with a state per annotator, its older annotated_instances.jsonl, and its exported tables.

Potato keeps the items' texts elsewhere: give its data file as the items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Person
from crowdtune.read.formats._potato_values import SPANS, told
from crowdtune.read.labels import clean
from crowdtune.read.opened import FOLDER, ZIP, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row, decode

STATE, OLD = "user_state.json", "annotated_instances.jsonl"
ANSWERS, TIMES = "instance_id_to_label_to_value", "instance_id_to_behavioral_data"
MARKS = ("instance_id", "user_id")
ORIGIN = "annotator_origin"
OWN = ("._spans", "._room", "._room_id")  # endings of exported columns that are no answers
MACHINES = ("llm", "tool", "machine")


def recognise(opened: Opened) -> str:
    """States in a folder, or columns and fields only Potato writes."""
    if opened.form == FOLDER:
        return next((f"{name} in it" for name in (STATE, OLD) if _members(opened, name)), "")
    if opened.form == ZIP:
        return ""
    if any(row.key == ANSWERS for row in opened.sample):
        return ANSWERS
    if opened.has("label_annotations") and (opened.has("displayed_text") or opened.has("id")):
        return "label_annotations of an item"
    if opened.has(*MARKS, "labels", "spans"):
        return f"{', '.join(MARKS)}, labels and spans of an item"
    dotted = [name for name in opened.names if _is_answer(name)]
    plain = {"label", "answer", "AssignmentId"} & set(opened.names)
    return f"columns {', '.join(MARKS)} and {dotted[0]}" if opened.has(*MARKS) and dotted and not plain else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """A question for every scheme; options are chosen or not, text boxes hold their text."""
    report.columns = {"item": "instance_id", "annotator": "user_id"}
    if opened.form == FOLDER:
        yield from _folder(opened, report)
    elif any(row.key == ANSWERS for row in opened.sample):
        fields = {row.key: row.cells[""] if set(row.cells) == {""} else row.cells for row in opened.rows()}
        yield from _state(fields, str(opened.path), opened.path.parent.name, 0, report)
    elif opened.has("label_annotations") or opened.has("labels", "spans"):
        yield from _old(opened, opened.path.parent.name, report)
    else:
        yield from _table(opened, report)


def _members(opened: Opened, name: str) -> list[str]:
    return [m for m in opened.members if PurePosixPath(m).name == name]


def _folder(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    row = 0
    for member in _members(opened, STATE):
        path = opened.path / member
        fields = decode(str(path), path.read_bytes())
        if not isinstance(fields, dict):
            raise InputError(f"{path}: a {type(fields).__name__}, not an annotator's state. Export it again.")
        yield from _state(fields, str(path), path.parent.name, row, report)
        row += len(fields.get(ANSWERS) or ())
    if not _members(opened, STATE):
        for member in _members(opened, OLD):
            path = opened.path / member
            yield from _old(Opened(path, {}), path.parent.name, report)


def _object(value: Any, where: str, name: str) -> Mapping[str, Any]:
    """A part that must be an object; nothing is an empty one."""
    if value is None or value == [] or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {name} is '{str(value)[:60]}', not an object. Export it again.")
    return value


def _state(fields: Mapping[str, Any], where: str, folder: str, start: int, report: ReadReport) -> Iterator[Entry]:
    """What one annotator answered."""
    who = clean(fields.get("user_id")) or folder
    kind = clean(_object(fields.get("origin"), where, "origin").get("kind"))
    if kind:
        yield _person(who, kind)
    times = _object(fields.get(TIMES), where, TIMES)
    for row, (item, given) in enumerate(_object(fields.get(ANSWERS), where, ANSWERS).items(), start=start + 1):
        told_of = times.get(item)
        spent = told_of.get("total_time_ms") if isinstance(told_of, Mapping) else None
        seconds = spent / 1000 if isinstance(spent, int | float) and not isinstance(spent, bool) and spent > 0 else None
        yield from _answers(row, item, who, _grouped(given, f"{where}, {item}"), report, seconds)
    for spans in _object(fields.get("instance_id_to_span_to_value"), where, "spans").values():
        if spans:
            report.notes[SPANS] += len(spans) if isinstance(spans, list | dict) else 1


def _grouped(given: Any, where: str) -> dict[str, Any]:
    """Scheme -> option -> value; the state holds a list of [{schema, name}, value] or such an object."""
    if isinstance(given, Mapping):
        return dict(given)
    found: dict[str, Any] = {}
    for entry in given if isinstance(given, list) else [given]:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], dict)):
            raise InputError(f"{where}: '{str(entry)[:60]}' is no label and value. Export it again.")
        found.setdefault(clean(entry[0].get("schema")), {})[clean(entry[0].get("name"))] = entry[1]
    return found


def _answers(
    row: int,
    item: str,
    who: str,
    schemes: Mapping[str, Any],
    report: ReadReport,
    seconds: float | None,
    prompt: str = "",
) -> Iterator[Entry]:
    for scheme, values in schemes.items():
        for question, label, kind in told(scheme, values, report):
            yield Described(row, item, question, prompt, kind=kind)
            yield Answer(row, item, who, label, question, seconds=seconds)


def _old(opened: Opened, folder: str, report: ReadReport) -> Iterator[Entry]:
    """A line per item; the annotator is named in it or by the folder."""
    for row in opened.rows():
        where = opened.where(row.number)
        item = clean(row.cells.get("instance_id")) or clean(row.cells.get("id"))
        who = clean(row.cells.get("user")) or clean(row.cells.get("user_id")) or folder
        name = "label_annotations" if "label_annotations" in row.cells else "labels"
        schemes, spans = _object(row.cells.get(name), where, name), row.cells.get("span_annotations")
        spans = spans or row.cells.get("spans")
        if spans:
            report.notes[SPANS] += len(spans) if isinstance(spans, list | dict) else 1
        yield from _answers(row.number, item, who, schemes, report, None, clean(row.cells.get("displayed_text")))


def _is_answer(name: str) -> bool:
    scheme, dot, option = name.partition(".")
    return bool(scheme and dot and option) and not name.endswith(OWN)


def _table(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """A row per item and annotator."""
    missing = next((name for name in MARKS if name not in opened.names), "")
    if missing:
        raise InputError(f"{opened.path}: no column '{missing}', so this is no export of Potato.")
    people = set[str]()
    for row in opened.rows():
        who, kind = clean(row.cells.get("user_id")), clean(row.cells.get(ORIGIN))
        if kind and who and who not in people:
            people.add(who)
            yield _person(who, kind)
        report.notes.update({SPANS: 1} if any(c for n, c in row.cells.items() if n.endswith("._spans")) else {})
        yield from _answers(row.number, clean(row.cells.get("instance_id")), who, _of_columns(row), report, None)


def _of_columns(row: Row) -> dict[str, dict[str, Any]]:
    """Scheme -> option -> value of one row; a column named like the scheme decides between several options."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in row.cells.items():
        scheme, _, option = name.partition(".")
        if _is_answer(name) and clean(value):
            found.setdefault(scheme, {})[option] = value
    for scheme, values in found.items():
        final = clean(row.cells.get(scheme))
        if len(values) > 1 and final in values:
            found[scheme] = {final: values[final]}
    return found


def _person(who: str, kind: str) -> Person:
    return Person(who, {"kind": "model" if kind.casefold() in MACHINES else "person"})
