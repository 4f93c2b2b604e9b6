"""Learning with Disagreements (Le-Wi-Di): an object with a record per item, annotators and annotations side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry
from crowdtune.read.formats._prompt import prompt_of
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

MARKS = ("annotators", "annotations", "soft_label")
VOTE = "hard_label, the vote of these annotators: not taken for gold"


def recognise(opened: Opened) -> str:
    """A record per key with annotators, annotations and soft_label."""
    keyed = opened.sample and all(row.key for row in opened.sample)
    return f"an object of records with {', '.join(MARKS)}" if keyed and opened.has(*MARKS) else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for every key, an answer for every annotator."""
    report.columns = {"item": "key", "prompt": "text", "annotator": "annotators", "label": "annotations"}
    for row in opened.rows():
        where, cells = opened.where(row.number), row.cells
        if clean(cells.get("hard_label")):
            report.notes[VOTE] += 1
        task = clean(cells.get("annotation task"))
        yield Described(row.number, _key(row), task, _prompt(cells.get("text")), split=clean(cells.get("split")))
        for who, label in _given(cells, where):
            yield Answer(row.number, _key(row), who, label, task)


def _key(row: Row) -> str:
    return row.key or str(row.number)


def _prompt(text: Any) -> str:
    """A text as it is; several, as of a conversation, one under the other."""
    if isinstance(text, Mapping):
        return prompt_of({name: clean(part) for name, part in text.items()}, text)
    return clean(text)


def _given(cells: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    """Annotator and label of every answer."""
    given = cells.get("annotations")
    if isinstance(given, Mapping):
        return [(who, _label(label)) for who, label in given.items()]
    people, labels = _list(cells.get("annotators"), where, "annotators"), _list(given, where, "annotations")
    if len(people) != len(labels):
        raise InputError(f"{where}: {len(people)} annotators and {len(labels)} annotations. Mend the record.")
    return list(zip(people, labels, strict=True))


def _list(value: Any, where: str, name: str) -> list[str]:
    """Texts with commas between, or a list."""
    if isinstance(value, list):
        return [clean(part) for part in value]
    if isinstance(value, Mapping):
        raise InputError(f"{where}: {name} is an object, not names with commas between. Mend the record.")
    text = clean(value)
    return [part.strip() for part in text.split(",")] if text else []


def _label(label: Any) -> Any:
    """A label; several with commas between are a list."""
    text = clean(label) if not isinstance(label, list) else label
    return [part.strip() for part in text.split(",")] if isinstance(text, str) and "," in text else text
