"""A file as rows with their row number: CSV, TSV, JSONL, JSON, Parquet, Arrow. Each row is read once."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import msgspec

from crowdtune.errors import InputError
from crowdtune.read.label_names import decoders
from crowdtune.read.stream import Piece, pieces

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow")
LINES = ".txt"  # text of a form that only a tool's own format knows
COLUMNAR = (".parquet", ".arrow")
LONGEST_FIELD = 16 << 20  # characters of one CSV cell; the csv module's own limit of 128 kB is less than a document
CHUNK = 8192  # most rows of a chunk of columns
LARGE, BUFFER = 8 << 20, 1 << 20  # bytes of such a chunk, as far as a file tells; bytes of a column read at a time


class Row(NamedTuple):
    """One row: its number in the file (a line number where the file has lines), its cells, and its key in an object."""

    number: int
    cells: dict[str, Any]
    key: str = ""


class Chunk(NamedTuple):
    """Some rows as columns: their numbers, and a list of cells per column."""

    numbers: list[int]
    cells: dict[str, list[Any]]


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of `path`; raise InputError, naming file and row, where it cannot be read."""
    kind = suffix(path)
    if kind in COLUMNAR:
        for chunk in _columnar(path):
            names = list(chunk.cells)
            for number, *cells in zip(chunk.numbers, *chunk.cells.values(), strict=True):
                yield Row(number, dict(zip(names, cells, strict=True)))
    elif kind in (".csv", ".tsv"):
        yield from _separated(path, "\t" if kind == ".tsv" else None)
    elif kind == LINES:
        with _readable(path), _open(path) as file, _text(file) as text:
            for number, line in enumerate(text, start=1):
                yield Row(number, {"": line.rstrip("\r\n")})
    else:
        unit = "line" if kind != ".json" else "entry"
        for number, key, data in raw(path):
            where = f"{path} {unit} {number}"
            value = decode(where, data)
            if not isinstance(value, dict) and not key:
                raise InputError(f"{where}: a {type(value).__name__}, not an object with named fields.")
            yield Row(number, value if isinstance(value, dict) else {"": value}, key)


def chunks(path: Path) -> Iterator[Chunk]:
    """The same rows as columns, many at a time; a cell that a row lacks is None."""
    if suffix(path) in COLUMNAR:
        yield from _columnar(path)
        return
    stream = rows(path)
    while some := list(islice(stream, CHUNK)):
        names = dict.fromkeys(name for row in some for name in row.cells)
        yield Chunk([row.number for row in some], {n: [row.cells.get(n) for row in some] for n in names})


def raw(path: Path) -> Iterator[Piece]:
    """The undecoded values of a JSON or JSONL file; a line's number is its line."""
    with _readable(path), _open(path) as file:
        if suffix(path) == ".json":
            yield from pieces(path, file)
            return
        with _text(file) as text:
            for number, line in enumerate(text, start=1):
                if line.strip():
                    yield Piece(number, "", memoryview(line.encode()))


def decode(where: str, data: bytes | memoryview, kind: Any = Any) -> Any:
    """Decode JSON into `kind`; say where it is broken."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise InputError(f"{where}: not valid JSON ({e}). Mend it, or remove the cut-off end.") from e


def suffix(path: Path) -> str:
    """Form of a file by its name, without a final .gz."""
    name = path.name.lower().removesuffix(".gz")
    for known in (*SUFFIXES, LINES):
        if name.endswith(known):
            return known
    raise unknown_form(path)


def unknown_form(path: Path) -> InputError:
    """What to say of a file that is no table, by its name."""
    return InputError(f"{path} has a name of unknown form. Allowed: {', '.join(SUFFIXES)}; text also with .gz.")


def _open(path: Path) -> IO[bytes]:
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    return cast(IO[bytes], opener(path, "rb"))


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    """UTF-8 with or without a mark, or UTF-16 with one, as Excel writes it."""
    head = file.read(2)
    file.seek(0)
    encoding = "utf-16" if head in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(file, encoding=encoding, newline="")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in one sentence why a file cannot be read."""
    try:
        yield
    except UnicodeError as e:
        raise InputError(f"{path} is not UTF-8 text. Save it as UTF-8.") from e
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise InputError(f"{path} is not a whole gzip file ({e}). Fetch or write it again.") from e
    except FileNotFoundError as e:
        raise InputError(f"{path} does not exist. Check the path.") from e
    except OSError as e:
        raise InputError(f"{path} cannot be read ({e.strerror}). Check the path and its permissions.") from e


def _separated(path: Path, separator: str | None) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    with _readable(path), _open(path) as file, _text(file) as text:
        head = text.readline()
        separator = separator or max(",;\t", key=head.count)
        reader = csv.reader(_from(head, text), delimiter=separator)
        try:
            names = _header(path, next(reader, []))
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise InputError(
                        f"{path} line {reader.line_num}: {len(cells)} fields where the header has {len(names)}. "
                        f"Quote fields that hold '{separator}' or mend the row."
                    )
                yield Row(reader.line_num, dict(zip(names, cells, strict=True)))
        except csv.Error as e:
            raise InputError(f"{path} line {reader.line_num}: {e}. Mend the row.") from e


def _from(head: str, rest: Iterator[str]) -> Iterator[str]:
    yield head
    yield from rest


def _header(path: Path, names: list[str]) -> list[str]:
    if not names:
        raise InputError(f"{path} is empty. It needs a header row and at least one row.")
    twice = sorted({n for n in names if names.count(n) > 1 and n})
    if twice:
        raise InputError(f"{path}: column '{twice[0]}' is there twice. Rename one of them.")
    return names


def _columnar(path: Path) -> Iterator[Chunk]:
    """Rows of Parquet, or of Arrow as a stream or a file."""
    import pyarrow as pa

    with _readable(path):
        path.stat()
    form = "Parquet" if suffix(path) == ".parquet" else "Arrow"
    try:
        number = 1
        for batch in _batches(path):
            batch.validate(full=True)  # Arrow trusts what it maps: offsets of a broken file lead out of it
            names = decoders(batch.schema.metadata)
            cells = batch.to_pydict()
            cells = {n: [names[n](v) for v in column] if n in names else column for n, column in cells.items()}
            yield Chunk(list(range(number, number + len(batch))), cells)
            number += len(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path} is not a readable {form} file ({e}). Write it again.") from e


def _batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if suffix(path) == ".parquet":
        with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
            told = file.metadata
            size = sum(told.row_group(n).total_byte_size for n in range(told.num_row_groups)) / max(told.num_rows, 1)
            yield from file.iter_batches(max(min(CHUNK, int(LARGE / max(size, 1))), 1))
        return
    with pa.memory_map(str(path)) as file:
        try:
            batches: Any = pa.ipc.open_stream(file)
        except pa.ArrowInvalid:
            file.seek(0)
            opened = pa.ipc.open_file(file)
            batches = (opened.get_batch(n) for n in range(opened.num_record_batches))
        for batch in batches:
            yield from (batch.slice(start, CHUNK) for start in range(0, len(batch), CHUNK))
