"""The answers of one assignment: of the batch's columns, of JSON in `taskAnswers`, of the API's XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.formats._mturk_columns import ANSWER, Layout
from crowdtune.read.labels import clean
from crowdtune.read.onehot import chosen, is_flag
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import decode

TASK_ANSWERS = "taskAnswers"  # one field that holds all answers as JSON, as crowd-form writes it
SEVERAL = "|"  # between the values of checkboxes with one name
LONGEST = 60  # characters of a checkbox's value; a longer one is a sentence
REMARKS = re.compile(r"(?i).*\b(comments?|feedback|remarks?|suggestions?|optional.?comments?)")
DECLARED = re.compile(r"<!(?!--|\[CDATA\[)")  # a document type, which could declare entities
ODD = "answer of a form without a meaning here (regions, files): left out"


def remarks(question: str) -> bool:
    """True for a field that by its name takes remarks, not labels."""
    return bool(REMARKS.fullmatch(question.replace("_", " ")))


def given(plan: Layout, cells: Mapping[str, Any], where: str, report: ReadReport) -> dict[tuple[str, str], Any]:
    """(place, question) -> answer of one assignment."""
    found: dict[tuple[str, str], Any] = {}
    options: dict[tuple[str, str], dict[str, str]] = {}
    for column, (place, question, option) in plan.answers.items():
        if option:
            options.setdefault((place, question), {})[column] = option
        elif column == ANSWER + TASK_ANSWERS:
            for name, value in _of_json(clean(cells.get(column)), where, report).items():
                found[plan.placed(name)] = value
        else:
            found[place, question] = _cell(clean(cells.get(column)))
    for key, columns in options.items():
        odd = next((c for c in columns if not is_flag(cells.get(c))), "")
        if odd:
            raise InputError(f"{where}: {odd} is '{clean(cells[odd])[:60]}', neither true nor false. Mend the cell.")
        found[key] = chosen(columns, cells)
    for name, value in _of_xml(clean(cells.get("Answer")), where, report).items():
        found[plan.placed(name)] = value
    return found


def fields_within(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of answer fields inside JSON or XML."""
    return list(dict.fromkeys(name for cells in rows for name in _within(cells)))


def _within(cells: Mapping[str, Any]) -> list[str]:
    """None where a cell is broken, which is said when the row is read."""
    nowhere = ReadReport("")
    try:
        inner = _of_json(clean(cells.get(ANSWER + TASK_ANSWERS)), "", nowhere)
        return [*inner, *_of_xml(clean(cells.get("Answer")), "", nowhere)]
    except InputError:
        return []


def _cell(text: str) -> Any:
    """A cell as it is; values of checkboxes with one name as a list."""
    parts = text.split(SEVERAL)
    return parts if len(parts) > 1 and max(map(len, parts)) <= LONGEST else text


def _of_json(text: str, where: str, report: ReadReport) -> dict[str, Any]:
    """The answers of a list of objects."""
    if not text:
        return {}
    value = decode(f"{where}, {TASK_ANSWERS}", text.encode())
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, dict) for part in parts):
        raise InputError(f"{where}: {TASK_ANSWERS} must be a list of objects, not '{text[:60]}'.")
    found: dict[str, Any] = {}
    for part in parts:
        for name, inner in part.items():
            _take(found, name, inner, report)
    return found


def _take(found: dict[str, Any], name: str, value: Any, report: ReadReport) -> None:
    """One crowd element's value as an answer."""
    if isinstance(value, dict) and value and all(isinstance(v, bool) for v in value.values()):
        found[name] = [option for option, flag in value.items() if flag]
    elif isinstance(value, dict) and isinstance(value.get("label"), str | int | float):
        found[name] = value["label"]
    elif isinstance(value, dict) and isinstance(value.get("labels"), list):
        found[name] = [clean(label) for label in value["labels"]]
    elif isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        found[name] = value
    elif isinstance(value, dict | list) and value:
        report.notes[ODD] += 1
    else:
        found[name] = "" if isinstance(value, dict | list) else value


def _of_xml(text: str, where: str, report: ReadReport) -> dict[str, Any]:
    """The answers of a QuestionFormAnswers document."""
    if not text:
        return {}
    if DECLARED.search(text):
        raise InputError(f"{where}: Answer declares a document type, which Mechanical Turk never writes. Remove it.")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as e:
        raise InputError(f"{where}: Answer is not a whole XML document ({e}). Fetch the assignment again.") from e
    found: dict[str, Any] = {}
    for answer in root:
        parts = list(_parts(answer))
        name = next((text for tag, text in parts if tag == "QuestionIdentifier"), "")
        values = [text for tag, text in parts if tag in ("FreeText", "SelectionIdentifier", "OtherSelectionText")]
        free = all(tag != "SelectionIdentifier" for tag, _ in parts)
        if name == TASK_ANSWERS and values:
            found |= _of_json(values[0], where, report)
        elif name and (values or len(parts) == 1):
            found[name] = _cell(values[0] if values else "") if free else values
        else:
            report.notes[ODD] += 1
    return found


def _parts(answer: ET.Element) -> Iterator[tuple[str, str]]:
    for part in answer:
        yield part.tag.rpartition("}")[2], clean(part.text)
