"""Rows of a file as dictionaries with their row number, whatever the file's form: CSV, TSV, JSONL, JSON, Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from crowdtune.errors import InputError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
LONGEST_FIELD = (
    16 * 1024 * 1024
)  # characters of one CSV cell; the csv module's own limit of 128 kB is less than a document


class Row(NamedTuple):
    """One row: its number in the file (a line number where the file has lines) and its cells by column name."""

    number: int
    cells: dict[str, Any]


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of `path`; raise InputError, naming file and row, where it cannot be read."""
    if not path.exists():
        raise InputError(f"{path} does not exist. Check the path.")
    kind = suffix(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    try:
        with _open_text(path) as text:
            if kind in (".csv", ".tsv"):
                yield from _separated(path, text, "\t" if kind == ".tsv" else None)
            elif kind == ".json":
                yield from _json(path, text.read())
            else:
                yield from _json_lines(path, text)
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is not UTF-8 text. Save it as UTF-8.") from e
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise InputError(f"{path} is not a whole gzip file ({e}). Fetch or write it again.") from e


def suffix(path: Path) -> str:
    """Form of a file by its name, without a final .gz."""
    name = path.name.lower().removesuffix(".gz")
    for known in SUFFIXES:
        if name.endswith(known):
            return known
    raise InputError(f"{path} has a name of unknown form. Allowed: {', '.join(SUFFIXES)}; text also with .gz.")


def _open_text(path: Path) -> io.TextIOWrapper:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    return io.TextIOWrapper(opener(path, "rb"), encoding="utf-8-sig", newline="")


def _separated(path: Path, text: io.TextIOWrapper, separator: str | None) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    head = text.readline()
    separator = separator or max(",;\t", key=head.count)
    names = next(csv.reader([head], delimiter=separator), [])
    if not names:
        raise InputError(f"{path} is empty. It needs a header row and at least one row.")
    twice = sorted({n for n in names if names.count(n) > 1 and n})
    if twice:
        raise InputError(f"{path}: column '{twice[0]}' is there twice. Rename one of them.")
    reader = csv.reader(text, delimiter=separator)
    try:
        for cells in reader:
            number = reader.line_num + 1
            if not cells:
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{path} line {number}: {len(cells)} fields where the header has {len(names)}. "
                    f"Quote fields that hold '{separator}' or mend the row."
                )
            yield Row(number, dict(zip(names, cells, strict=True)))
    except csv.Error as e:
        raise InputError(f"{path} line {reader.line_num + 1}: {e}. Mend the row.") from e


def _json_lines(path: Path, text: io.TextIOWrapper) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield Row(number, _record(f"{path} line {number}", _decode(f"{path} line {number}", line)))


def _json(path: Path, text: str) -> Iterator[Row]:
    records = _decode(str(path), text) if text.strip() else []
    if not isinstance(records, list):
        raise InputError(f"{path} holds one JSON {type(records).__name__}, not a list of objects.")
    for number, record in enumerate(records, start=1):
        yield Row(number, _record(f"{path} entry {number}", record))


def _decode(where: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as e:
        raise InputError(f"{where}: not valid JSON ({e}). Mend it, or remove the cut-off end.") from e


def _record(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: a {type(value).__name__}, not an object with named fields.")
    return value


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        number = 0
        for batch in file.iter_batches():
            for record in batch.to_pylist():
                number += 1
                yield Row(number, record)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path} is not a readable Parquet file ({e}). Write it again.") from e
