"""Argilla's records: nested, flat or as a saved dataset, and those of its version 1.

A draft or discarded response is no answer; a suggestion is an answer of its agent, a model. Users are only numbers:
their names need the server. The nested form does not say which responses were drafts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Person, Skipped
from crowdtune.read.formats._prompt import prompt_of
from crowdtune.read.formats._saved import table_of
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

RESPONSES, SUGGESTION = ".responses", ".suggestion"
FIRST = ("user_id", "value", "status")  # of a response in version 1
OLD_SUGGESTION = "-suggestion"
SUBMITTED = ("submitted", "")
RANKED = "rankings: not read"
SPANS = "spans: not read, only answers to a whole item are"
NO_STATUS = "responses without a status: drafts and discarded ones cannot be told apart (export with flatten=True)"


class _Given(NamedTuple):
    """A response, or a suggestion of a model."""

    who: str
    value: Any
    status: str = ""
    trait: str = ""  # "model" or "person" where told


class _Record(NamedTuple):
    item: str
    fields: Mapping[str, Any]
    given: dict[str, list[_Given]]  # question -> what was said


def recognise(opened: Opened) -> str:
    """By what the file is known: see formats."""
    return next(filter(None, (_known(row.cells) for row in table_of(opened).sample)), "")


def _known(cells: Mapping[str, Any]) -> str:
    flat = next((n for n in cells if n.endswith(RESPONSES) and f"{n}.users" in cells), "")
    if flat:
        return f"columns {flat} and {flat}.users"
    if "_server_id" in cells and any(n.endswith(SUGGESTION) and f"{n}.agent" in cells for n in cells):
        return "columns of suggestions"
    if all(isinstance(cells.get(name), dict) for name in ("fields", "responses", "suggestions")):
        return "records with fields, responses and suggestions"
    first = next((name for name, value in cells.items() if _is_first(value)), "")
    return f"{first}[] with user_id, value and status" if first else ""


def _is_first(value: Any) -> bool:
    """True of the responses to a question in version 1: a list of objects, or an object of lists."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(v, dict) and v.keys() == set(FIRST) for v in value)
    return isinstance(value, dict) and value.keys() == set(FIRST) and all(isinstance(v, list) for v in value.values())


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """What the records say."""
    table = table_of(opened)
    questions = _questions(table.sample)
    records = [_record(opened, row, questions) for row in table.sample]
    ranked = {name for name in questions if _is_ranking([g.value for r in records for g in r.given.get(name, ())])}
    told: set[str] = set()
    for row in table.rows():
        record = _record(opened, row, questions)
        if "fields" in row.cells and isinstance(row.cells.get("responses"), dict):
            n = sum(not given.trait and not given.status for said in record.given.values() for given in said)
            report.notes.update({NO_STATUS: n} if n else {})
        prompt = prompt_of(record.fields)
        for question in [name for name, said in record.given.items() if said] or questions or [""]:
            said = record.given.get(question, [])
            values = [given.value for given in said if given.value is not None]
            numbers = bool(values) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
            yield Described(row.number, record.item, question, prompt, kind="grade" if numbers else "")
            for given in said:
                if given.trait and given.who not in told:
                    told.add(given.who)
                    yield Person(given.who, {"kind": given.trait})
                note = _note(given.value, question in ranked)
                if note and given.status in SUBMITTED:
                    report.notes[note] += 1
                    continue
                yield Answer(row.number, record.item, given.who, _label(given), question)


def _label(given: _Given) -> Any:
    if given.status not in SUBMITTED:
        return Skipped(given.status)
    return Skipped("empty") if given.value is None or given.value == "" or given.value == [] else given.value


def _note(value: Any, ranked: bool) -> str:
    """Why a value is not read."""
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return RANKED if any(isinstance(part, dict) and "rank" in part for part in value) else SPANS
    return SPANS if isinstance(value, dict) else RANKED if ranked else ""


def _is_ranking(values: Sequence[Any]) -> bool:
    """True where all answers order the same options, and not all alike."""
    lists = [tuple(map(str, value)) for value in values if isinstance(value, list)]
    return bool(lists) and len(lists[0]) > 1 and len({frozenset(v) for v in lists}) == 1 and len(set(lists)) > 1


def _questions(sample: Sequence[Row]) -> list[str]:
    found: dict[str, None] = {}
    for row in sample:
        nested = [row.cells[name] for name in ("responses", "suggestions") if isinstance(row.cells.get(name), dict)]
        found.update(dict.fromkeys(name for part in nested for name in part))
        for name, value in row.cells.items():
            for ending in (RESPONSES, SUGGESTION):
                found.update({name.removesuffix(ending): None} if name.endswith(ending) else {})
            found.update({name: None} if _is_first(value) else {})
    return list(found)


def _record(opened: Opened, row: Row, questions: Sequence[str]) -> _Record:
    cells = row.cells
    item = next((text for name in ("id", "external_id", "_server_id") if (text := clean(cells.get(name)))), "")
    item = item or row.key or str(row.number)
    where = opened.where(row.number)
    if isinstance(cells.get("fields"), dict) and isinstance(cells.get("responses"), dict):
        return _Record(item, cells["fields"], _nested(where, cells))
    own = {"id", "external_id", "_server_id", "status", "metadata", "vectors"}
    said = {name: [*_flat(where, cells, name), *_first(where, cells, name)] for name in questions}
    starts = tuple(f"{name}{ending}" for name in questions for ending in (RESPONSES, SUGGESTION, OLD_SUGGESTION))
    fields = {n: v for n, v in cells.items() if n not in own and n not in questions and not n.startswith(starts)}
    return _Record(item, fields, said)


def _nested(where: str, cells: Mapping[str, Any]) -> dict[str, list[_Given]]:
    found: dict[str, list[_Given]] = {}
    for question, responses in cells["responses"].items():
        for response in _list(where, question, responses):
            if not isinstance(response, dict):
                raise InputError(f"{where}: responses to '{question}' must be objects, not {str(response)[:60]!r}.")
            status = clean(response.get("status"))
            found.setdefault(question, []).append(_Given(clean(response.get("user_id")), response.get("value"), status))
    suggestions = cells.get("suggestions")
    for question, said in suggestions.items() if isinstance(suggestions, dict) else ():
        if isinstance(said, dict):
            found.setdefault(question, []).extend(_suggestion(said.get("value"), said.get("agent")))
    return found


def _flat(where: str, cells: Mapping[str, Any], question: str) -> list[_Given]:
    """The three lists of a question, one response after the other, and its suggestion."""
    name = question + RESPONSES
    values, users, status = (_list(where, n, cells.get(n)) for n in (name, f"{name}.users", f"{name}.status"))
    status = status or [None] * len(values)
    if not len(values) == len(users) == len(status):
        raise InputError(
            f"{where}: {name}, its users and its status have {len(values)}, {len(users)} and {len(status)} entries. "
            "They must be of one length; export the dataset again."
        )
    said = [_Given(clean(w), v, clean(s)) for v, w, s in zip(values, users, status, strict=True)]
    name = question + SUGGESTION
    return said + _suggestion(cells.get(name), cells.get(f"{name}.agent"))


def _first(where: str, cells: Mapping[str, Any], question: str) -> list[_Given]:
    """The responses of version 1."""
    found = cells.get(question)
    if isinstance(found, dict) and _is_first(found):
        columns = [_list(where, question, found[name]) for name in FIRST]
        if len({len(column) for column in columns}) > 1:
            raise InputError(f"{where}: the lists of '{question}' differ in length. Export the dataset again.")
        found = [dict(zip(FIRST, values, strict=True)) for values in zip(*columns, strict=True)]
    said = []
    for response in _list(where, question, found):
        if not isinstance(response, dict):
            raise InputError(f"{where}: responses to '{question}' must be objects, not {str(response)[:60]!r}.")
        said.append(_Given(*(clean(response.get("user_id")), response.get("value"), clean(response.get("status")))))
    name = question + OLD_SUGGESTION
    about = cells.get(f"{name}-metadata")
    about = about if isinstance(about, dict) else {}
    kind = "person" if about.get("type") == "human" else "model"
    return said + _suggestion(cells.get(name), about.get("agent"), kind)


def _suggestion(value: Any, agent: Any, kind: str = "model") -> list[_Given]:
    if value is None:
        return []
    return [_Given(f"{kind} {clean(agent)}".strip(), value, "", kind)]


def _list(where: str, name: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{where}: {name} must be a list, not {str(value)[:60]!r}. Export the dataset again.")
    return value
