"""A data set saved into a folder: several files of Arrow, Parquet or text read as one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from crowdtune.read.opened import FOLDER, PEEK, Opened
from crowdtune.read.tables import Chunk, Row, chunks, rows

ARROW, PARQUET = ".arrow", ".parquet"


@dataclass(frozen=True)
class Whole(Opened):
    """Several files as one table, each row with the split of its file."""

    files: tuple[tuple[str, Path], ...] = ()

    @cached_property
    def form(self) -> str:
        """A table, not a folder."""
        return self.files[0][1].suffix

    @cached_property
    def sample(self) -> list[Row]:
        """The first rows."""
        return list(islice(self.rows(), PEEK))

    def rows(self) -> Iterator[Row]:
        """All rows, numbered through."""
        start = 0
        for split, path in self.files:
            number = 0
            for number, row in enumerate(rows(path), start=1):
                yield Row(start + number, {"split": split} | row.cells if split else row.cells, row.key)
            start += number

    def chunks(self) -> Iterator[Chunk]:
        """All rows as columns, numbered through."""
        start = 0
        for split, path in self.files:
            for chunk in chunks(path):
                n = len(chunk.numbers)
                cells = {"split": [split] * n} | chunk.cells if split else chunk.cells
                yield Chunk(list(range(start + 1, start + n + 1)), cells)
                start += n


def table_of(opened: Opened) -> Opened:
    """The same where it is a file; a folder's saved data set as one table, without rows where it holds none."""
    if opened.form != FOLDER:
        return opened
    return Whole(
        opened.path, opened.columns, opened.wide, files=tuple(("", opened.path / name) for name in _parts(opened))
    )


def _parts(opened: Opened) -> list[str]:
    """Files of a saved dataset; no caches."""
    names = [name for name in opened.members if not name.split("/")[-1].startswith(("cache-", ".", "_"))]
    info = any(name.split("/")[-1] in ("dataset_info.json", "state.json") for name in names)
    return [name for name in names if name.endswith(PARQUET) or (info and name.endswith(ARROW))]
