"""doccano's exports: a zip or folder with a file for each member, one such file, and the annotations of version 1.0.

The annotator is the name of the file. A collaborative project is exported as `all`, which names nobody: refused. An
empty label in a member's file is an example the member did not touch.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Skipped
from crowdtune.read.formats._prompt import prompt_of
from crowdtune.read.labels import clean
from crowdtune.read.opened import FOLDER, PEEK, ZIP, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

SHOWN = ("text", "data", "filename")  # what is labelled
LABELS = ("label", "labels", "cats")
SPANS = ("entities", "relations", "bbox", "segmentation")
COMMENTS = ("Comments", "comments")
FORMS = (".jsonl", ".json", ".csv")
EVERYBODY = "all"  # the file of a collaborative project
FAST = "__label__"  # before a label in fastText
JOINED = "#"  # between the labels in a CSV cell
LONG, MANY, SHARE = 80, 50, 0.5  # answers are free texts where they are longer, or are so many and seldom alike
NOTED = "spans, boxes or relations: not read, only answers to a whole item are"
NUMBERED = "labels of version 1.0, which are numbers: their names are in the project alone"


def recognise(opened: Opened) -> str:
    """By what the file is known: see formats."""
    if opened.form in (ZIP, FOLDER):
        names = _members(opened)
        if not names:
            return ""
        with _files(opened, names[:1]) as files:
            if names[0].endswith(".txt"):
                return "fastText lines" if files[0].read_bytes()[: len(FAST)] == FAST.encode() else ""
            rows = Opened(files[0], {}).sample
        return "a file for each member" if any(_is_line(row.cells, alone=False) for row in rows) else ""
    if opened.form not in FORMS:
        return ""
    if any(_is_old(row.cells) for row in opened.sample):
        return "annotations[] with label and user"
    return "label and Comments" if any(_is_line(row.cells, alone=True) for row in opened.sample) else ""


def _members(opened: Opened) -> list[str]:
    """The members' files; none where other files lie beside them."""
    names = [name for name in opened.members if not name.startswith((".", "__MACOSX"))]
    whole = all("/" not in name and name.endswith((*FORMS, ".txt")) for name in names)
    return names if whole and len({Path(name).suffix for name in names}) == 1 else []


def _is_line(cells: Mapping[str, Any], alone: bool) -> bool:
    """True of a line of an export; without a zip around it, only its comments tell it from a plain table."""
    labelled = [name for name in (*LABELS, *SPANS) if name in cells]
    listed = isinstance(cells.get(labelled[0]), list | str) if labelled else False
    commented = any(name in cells for name in COMMENTS)
    return "id" in cells and any(n in cells for n in SHOWN) and listed and (commented or not alone)


def _is_old(cells: Mapping[str, Any]) -> bool:
    given = cells.get("annotations")
    return isinstance(given, list) and bool(given) and all(isinstance(a, dict) and "user" in a for a in given)


@contextmanager
def _files(opened: Opened, names: Sequence[str]) -> Iterator[list[Path]]:
    """Files of a folder, or of a zip unpacked for a while."""
    if opened.form == FOLDER:
        yield [opened.path / name for name in names]
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{n}{Path(name).suffix}" for n, name in enumerate(names)]
        try:
            with zipfile.ZipFile(opened.path) as archive:
                for name, path in zip(names, paths, strict=True):
                    path.write_bytes(archive.read(name))
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error) as e:
            raise InputError(f"{opened.path} is not a whole zip file ({e}). Export the project again.") from e
        yield paths


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """What the files say."""
    answers = 0
    names = _members(opened) if opened.form in (ZIP, FOLDER) else [opened.path.name]
    for name in names:
        if name.endswith(".txt"):
            raise InputError(f"{opened.path} holds fastText lines, without ids of examples. Export JSONL instead.")
        if name.split(".")[0] == EVERYBODY and not any(_is_old(row.cells) for row in opened.sample):
            raise InputError(
                f"{opened.path}: {name} is the export of a collaborative project, which names no annotator. Export a "
                "project that does not share its annotations, which gives a file for each member."
            )
    if opened.form not in (ZIP, FOLDER):
        for entry in _file(opened, names[0], report):
            answers += isinstance(entry, Answer)
            yield entry
    else:
        for name in names:
            with _files(opened, [name]) as (path,):
                for entry in _file(Opened(path, {}), name, report):
                    answers += isinstance(entry, Answer)
                    yield entry
    if not answers and report.notes:
        raise InputError(f"{opened.path} holds no answer to a whole item ({'; '.join(report.notes)}).")


def _file(opened: Opened, name: str, report: ReadReport) -> Iterator[Entry]:
    """One member's file, or all members' of version 1.0."""
    who = name.removesuffix(".gz").rsplit(".", 1)[0]
    kind = "text" if _is_free([part for row in islice(opened.rows(), PEEK) for part in _labels(row.cells)]) else ""
    for row in opened.rows():
        item = clean(row.cells.get("id"))
        fields = {name: row.cells[name] for name in SHOWN if name in row.cells}
        if "annotations" in row.cells and not any(name in row.cells for name in LABELS):
            yield Described(row.number, item, "", prompt_of(fields))
            yield from _old(opened, row, item, report)
            continue
        labels = _labels(row.cells)
        placed = [part for part in labels if isinstance(part, list | dict)]
        if placed or any(row.cells.get(name) for name in SPANS):
            report.notes[NOTED] += 1
        yield Described(row.number, item, "", prompt_of(fields), None, None, "", kind)
        if placed or not any(name in row.cells for name in LABELS):
            continue
        yield Answer(row.number, item, who, _one(labels, kind), "")


def _one(labels: list[Any], kind: str) -> Any:
    if not labels:
        return Skipped("untouched")
    if kind == "text":
        return "\n".join(map(str, labels))
    return labels[0] if len(labels) == 1 else labels


def _labels(cells: Mapping[str, Any]) -> list[Any]:
    """The labels of a line: a list, or one text with # between."""
    given = next((cells[name] for name in LABELS if name in cells), None)
    if isinstance(given, str):
        given = given.split(JOINED)
    parts = given if isinstance(given, list) else [given]
    return [part for part in parts if isinstance(part, list | dict) or clean(part)]


def _is_free(labels: Sequence[Any]) -> bool:
    texts = [label for label in labels if isinstance(label, str)]
    return any(len(t) > LONG for t in texts) or len(set(texts)) > max(MANY, SHARE * len(texts))


def _old(opened: Opened, row: Row, item: str, report: ReadReport) -> Iterator[Entry]:
    """The annotations of version 1.0, several labels of one user together."""
    given = row.cells["annotations"]
    said: dict[str, list[Any]] = {}
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, dict):
            raise InputError(f"{opened.where(row.number)}: annotations must be objects, not {str(one)[:60]!r}.")
        if "start_offset" in one or "points" in one:
            report.notes[NOTED] += 1
            continue
        label = one.get("label", one.get("text"))
        if isinstance(label, int):
            report.notes[NUMBERED] += 1
        said.setdefault(clean(one.get("user")), []).append(label)
    for who, labels in said.items():
        yield Answer(row.number, item, who, labels[0] if len(labels) == 1 else labels)
