"""The files Label Studio's tasks and annotations are in: a list, lines, one object, a folder of objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from crowdtune.errors import InputError
from crowdtune.read.opened import FOLDER, Opened

LARGEST = 1 << 24  # bytes of a storage's file looked into to tell whose it is


def known(opened: Opened) -> str:
    """By what a file or folder is known; "" where it is another tool's."""
    if opened.form == FOLDER:
        return _known_folder(opened)
    if opened.form not in (".json", ".jsonl", ".ndjson"):
        return ""
    cells = {row.key: row.cells for row in opened.sample}
    if "" not in cells:  # one object
        return _known({key: value.get("", value) for key, value in cells.items()})
    return next(filter(None, (_known(row.cells) for row in opened.sample)), "")


def _known(cells: dict[str, Any]) -> str:
    task = cells.get("task")
    if isinstance(cells.get("result"), list) and isinstance(task, dict) and isinstance(task.get("data"), dict):
        return "annotations with result and task"
    for name in ("annotations", "completions"):
        given = cells.get(name)
        if isinstance(cells.get("data"), dict) and isinstance(given, list):
            if any(isinstance(a, dict) and isinstance(a.get("result"), list) for a in given):
                return f"tasks with {name}[].result"
            if not given and {"predictions", "drafts", "total_annotations"} & cells.keys():
                return "tasks with data and annotations"
    return ""


def _known_folder(opened: Opened) -> str:
    first = next((opened.path / name for name in opened.members if _is_stored(name)), None)
    if first is None or first.stat().st_size > LARGEST:
        return ""
    try:
        cells = msgspec.json.decode(first.read_bytes())
    except (msgspec.DecodeError, UnicodeError, OSError, RecursionError):
        return ""
    why = _known(cells) if isinstance(cells, dict) else ""
    return why and f"{why}, one to a file"


def _is_stored(name: str) -> bool:
    return not name.split("/")[-1].startswith(".") and ("." not in name.split("/")[-1] or name.endswith(".json"))


def objects(opened: Opened) -> Iterator[tuple[int, str, bytes | memoryview]]:
    """Number, place and bytes of every task or stored annotation."""
    if opened.form == FOLDER:
        for number, name in enumerate(filter(_is_stored, opened.members), start=1):
            try:
                yield number, str(opened.path / name), (opened.path / name).read_bytes()
            except OSError as e:
                raise InputError(f"{opened.path / name} cannot be read ({e.strerror}). Check its permissions.") from e
        return
    unit = "entry" if opened.form == ".json" else "line"
    if opened.sample and opened.sample[0].key:  # one object, which comes value by value
        parts = [msgspec.json.encode(key) + b":" + bytes(data) for _, key, data in opened.raw()]
        yield 1, str(opened.path), b"{" + b",".join(parts) + b"}"
        return
    for number, _, data in opened.raw():
        yield number, f"{opened.path} {unit} {number}", data
