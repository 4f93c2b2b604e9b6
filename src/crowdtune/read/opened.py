"""A file or folder looked at: its form, its first rows, its columns; enough to tell which tool wrote it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from crowdtune.errors import InputError
from crowdtune.read.stream import Piece
from crowdtune.read.tables import Chunk, Row, chunks, raw, rows, suffix

PEEK = 100  # rows looked at to tell a file's columns and shape
ZIP, FOLDER = ".zip", "folder"


@dataclass(frozen=True)
class Opened:
    """A source before it is read.

    Args:
        path: file or folder.
        columns: role -> column, where the user says so.
        wide: the columns that are annotators, where the user says so.
        of_one: the annotator whose answers these are, where no column says so and each has a file of their own.
    """

    path: Path
    columns: Mapping[str, str]
    wide: tuple[str, ...] = ()
    of_one: str = ""

    @cached_property
    def form(self) -> str:
        """ ".csv", ".json", ... by the name, ".zip" or "folder"."""
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist. Check the path.")
        if self.path.is_dir():
            return FOLDER
        return ZIP if zipfile.is_zipfile(self.path) and self.path.suffix.lower() == ZIP else suffix(self.path)

    @cached_property
    def sample(self) -> list[Row]:
        """The first rows; none of a zip or folder."""
        return [] if self.form in (ZIP, FOLDER) else list(islice(rows(self.path), PEEK))

    @cached_property
    def names(self) -> list[str]:
        """Columns of the sample."""
        return list(dict.fromkeys(name for row in self.sample for name in row.cells))

    @cached_property
    def members(self) -> list[str]:
        """Names of the files in a zip or folder, sorted."""
        if self.form == FOLDER:
            return sorted(p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file())
        if self.form == ZIP:
            try:
                with zipfile.ZipFile(self.path) as archive:
                    return sorted(n for n in archive.namelist() if not n.endswith("/"))
            except (zipfile.BadZipFile, OSError, UnicodeError) as e:
                raise InputError(f"{self.path} is not a whole zip file ({e}). Fetch or write it again.") from e
        return []

    def has(self, *names: str) -> bool:
        """True where every one of `names` is a column of the sample."""
        return set(names) <= set(self.names)

    def rows(self) -> Iterator[Row]:
        """All rows."""
        return rows(self.path)

    def chunks(self) -> Iterator[Chunk]:
        """All rows as columns, many at a time."""
        return chunks(self.path)

    def raw(self) -> Iterator[Piece]:
        """The undecoded values of a JSON or JSONL file."""
        return raw(self.path)

    def where(self, number: int) -> str:
        """Place of a row, for errors."""
        return f"{self.path} row {number}"
