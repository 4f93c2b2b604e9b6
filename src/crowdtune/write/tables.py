"""Tables on disk, whole or not at all: written aside, then renamed."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from crowdtune.errors import InputError
from crowdtune.ragged import Texts
from crowdtune.write.room import put
from crowdtune.write.streamed import write_streamed

FORMS = (".parquet", ".csv", ".jsonl")
ASIDE = re.compile(r"\..+\.\d+")  # what is not yet, or no longer, in its place: .NAME.PROCESS


class Array(Protocol):
    """A column of arrow or numpy."""

    def tolist(self) -> list[Any]:
        """Its values as Python's own."""
        ...


Column = Sequence[Any] | Array


def check_form(path: Path) -> None:
    """Refuse a table name whose form `write_table` does not know, before any work is done."""
    if path.suffix not in FORMS:
        raise InputError(f"{path} has an unknown form. Allowed: {', '.join(FORMS)}.")


def beside(path: Path) -> Path:
    """Where the card of a table goes: labels.csv has labels.csv.md."""
    return path.with_name(f"{path.name}.md")


def occupied(folder: Path) -> bool:
    """True where something would be lost or mixed up by writing into `folder`."""
    return folder.exists() and (not folder.is_dir() or any(not ASIDE.fullmatch(path.name) for path in folder.iterdir()))


def sweep(folder: Path) -> None:
    """Remove what a kill left half written in `folder`; nobody else may be writing there."""
    for path in folder.iterdir():
        if ASIDE.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to fill, beside `folder` and renamed to it at the end; where something fails, nothing is left."""
    if occupied(folder):
        raise InputError(f"{folder} is not empty. Choose another folder or remove it.")
    folder = folder.resolve()
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)  # of a killed process with the same number
    aside.mkdir(parents=True)
    try:
        yield aside
        if folder.exists():
            sweep(folder)
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, flush it to disk and rename it into place."""
    with put(path, needs=len(data)) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_table(path: Path, columns: Mapping[str, Column]) -> None:
    """Write columns of equal length as Parquet, CSV or JSONL, by the name's ending."""
    check_form(path)
    names = list(columns)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        if any(isinstance(c, Texts) for c in columns.values()):
            return write_streamed(path, columns)
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(dict(columns)), sink)
        write_bytes(path, sink.getvalue().to_pybytes())
        return
    plain = [c if isinstance(c, Sequence) else c.tolist() for c in columns.values()]
    records = zip(*plain, strict=True)
    if path.suffix == ".jsonl":
        lines = [msgspec.json.encode(dict(zip(names, r, strict=True))) for r in records]
        write_bytes(path, b"".join(line + b"\n" for line in lines))
        return
    write_bytes(path, _csv(names, records))


def _csv(names: list[str], records: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    careful = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a lone \r is not quoted otherwise
    writer.writerow(names)
    for record in records:
        cells = [msgspec.json.encode(c).decode() if isinstance(c, list) else c for c in record]
        (careful if any(isinstance(c, str) and "\r" in c for c in cells) else writer).writerow(cells)
    return text.getvalue().encode()
