"""Rows of a table wherever it is: a file, or a folder a dataset was saved into (Arrow or Parquet)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from crowdtune.errors import InputError
from crowdtune.read.opened import FOLDER, PEEK, ZIP, Opened
from crowdtune.read.tables import CHUNK, Row, rows

ARROW, PARQUET = ".arrow", ".parquet"


def sample_of(opened: Opened) -> list[Row]:
    """The first rows; none where it is no such table."""
    if opened.form == ZIP:
        return []
    return list(islice(rows_of(opened), PEEK)) if opened.form == FOLDER else opened.sample


def rows_of(opened: Opened) -> Iterator[Row]:
    """All rows, numbered through."""
    if opened.form != FOLDER:
        yield from opened.rows()
        return
    number = 0
    for name in parts(opened):
        path = opened.path / name
        for row in _arrow(path) if name.endswith(ARROW) else rows(path):
            number += 1
            yield row._replace(number=number)


def parts(opened: Opened) -> list[str]:
    """Files of a saved dataset; no caches."""
    names = [name for name in opened.members if not name.split("/")[-1].startswith(("cache-", "."))]
    info = any(name.split("/")[-1] in ("dataset_info.json", "state.json") for name in names)
    return [name for name in names if name.endswith(PARQUET) or (info and name.endswith(ARROW))]


def _arrow(path: Path) -> Iterator[Row]:
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                for start in range(0, len(batch), CHUNK):
                    for cells in batch.slice(start, CHUNK).to_pylist():
                        yield Row(0, cells)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path} is not a readable Arrow file ({e}). Save the dataset again.") from e
