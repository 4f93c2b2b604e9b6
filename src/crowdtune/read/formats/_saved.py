"""Rows of a table wherever it is: a file, or a folder a dataset was saved into (Arrow or Parquet)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from crowdtune.read.opened import FOLDER, PEEK, ZIP, Opened
from crowdtune.read.tables import Row, rows

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
        for row in rows(opened.path / name):
            number += 1
            yield row._replace(number=number)


def parts(opened: Opened) -> list[str]:
    """Files of a saved dataset; no caches."""
    names = [name for name in opened.members if not name.split("/")[-1].startswith(("cache-", "."))]
    info = any(name.split("/")[-1] in ("dataset_info.json", "state.json") for name in names)
    return [name for name in names if name.endswith(PARQUET) or (info and name.endswith(ARROW))]
