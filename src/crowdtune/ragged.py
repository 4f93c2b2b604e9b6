"""Rows of different lengths end to end: in memory while they are few, else in a file that is mapped, not read.

What a training looks at row by row, texts and token ids, may be larger than memory: the system's page cache keeps what
is in use and forgets it first. The file has no name, so that nothing is left behind whatever ends the process; it lies
where TMPDIR says.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, overload

import numpy as np
import numpy.typing as npt

from crowdtune.errors import InputError

SPILL = 32 << 20  # bytes from which rows go to a file
LARGE = 512 << 20  # the same of a table, of which less is read
PIECE = 1 << 20  # bytes written at a time

Index = npt.NDArray[np.int64]
Row = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[Row]):
    """I rows of whole numbers.

    Args:
        values: the rows, in any order; may be mapped from a file.
        begin: (I,) where each row begins in `values`.
        end: (I,) where it ends.
    """

    values: Row
    begin: Index
    end: Index

    def __len__(self) -> int:
        return len(self.begin)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return Ragged(self.values, self.begin[i], self.end[i])
        return self.values[self.begin[i] : self.end[i]]

    def __iter__(self) -> Iterator[Row]:
        return (self.values[a:b] for a, b in zip(self.begin.tolist(), self.end.tolist(), strict=True))

    def take(self, index: Index) -> Ragged:
        """The rows at `index`, in that order; no values are copied."""
        return Ragged(self.values, self.begin[index], self.end[index])

    def lengths(self) -> Index:
        """(I,) how long each row is."""
        return self.end - self.begin

    def padded(self) -> Row:
        """(I, A) rows padded with -1 to the longest."""
        length = self.lengths()
        table = np.full((len(self), int(length.max(initial=0))), -1, dtype=self.values.dtype)
        table[np.arange(table.shape[1]) < length[:, None]] = self.flat()
        return table

    def flat(self) -> Row:
        """The values of all rows, one row after the other."""
        length = self.lengths()
        first = np.repeat(self.begin - (np.cumsum(length) - length), length)
        return np.asarray(self.values[first + np.arange(len(first))])


def ragged(rows: Iterable[Any], dtype: Any = np.int64) -> Ragged:
    """Rows as they come, one after the other."""
    made = Growing(dtype)
    for row in rows:
        made.add(row)
    return made.done()


def grouped(values: Row, group: Index, groups: int) -> Ragged:
    """(N,) values as rows, those of a `group` (N,) in one row, in the order they come."""
    count = np.bincount(group, minlength=groups)
    end = np.cumsum(count)
    return Ragged(values[np.argsort(group, kind="stable")], end - count, end)


def padded(rows: Sequence[Any], dtype: Any) -> Row:
    """(B, A) rows padded with -1 to the longest."""
    table = np.full((len(rows), max(map(len, rows), default=0)), -1, dtype=dtype)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table


@dataclass(eq=False)
class Growing:
    """Rows added one by one.

    Args:
        dtype: of their numbers.
        spill: bytes from which they go to a file.
    """

    dtype: Any
    spill: int = field(default_factory=lambda: SPILL)
    ends: array[int] = field(default_factory=lambda: array("q"))
    held: bytearray = field(default_factory=bytearray)  # what is not in the file yet
    written: int = 0  # bytes in the file
    file: IO[bytes] | None = None

    def add(self, row: Any) -> int:
        """Keep a row, a sequence of numbers or bytes; returns its place."""
        self.held += row if isinstance(row, bytes) else np.asarray(row, dtype=self.dtype).tobytes()
        self.ends.append(self.written + len(self.held))
        if len(self.held) >= (PIECE if self.file else self.spill):
            self._write()
        return len(self.ends) - 1

    def bytes_of(self, place: int) -> bytes:
        """A row already added."""
        begin, end = self.ends[place - 1] if place else 0, self.ends[place]
        if begin >= self.written:
            return bytes(self.held[begin - self.written : end - self.written])
        assert self.file is not None
        self.file.seek(begin)
        found = self.file.read(end - begin)
        self.file.seek(self.written)
        return found

    def done(self) -> Ragged:
        """The rows; nothing is added afterwards."""
        if self.file is None:
            values = np.frombuffer(self.held, dtype=self.dtype)
        else:
            self._write()
            mapped = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
            values = np.frombuffer(mapped, dtype=self.dtype)
            self.file.close()
        ends = np.frombuffer(self.ends, dtype=np.int64) // values.itemsize
        return Ragged(values, np.concatenate([np.zeros(min(len(ends), 1), np.int64), ends[:-1]]), ends)

    def _write(self) -> None:
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="crowdtune-", buffering=0)  # noqa: SIM115 it outlives this
        try:
            left = memoryview(self.held)
            while left:
                left = left[self.file.write(left) :]
        except OSError as e:
            raise _no_room(e, self.written + len(self.held)) from e
        self.written += len(self.held)
        self.held = bytearray()


def scratch(shape: tuple[int, ...], dtype: Any, large: int = LARGE) -> Row:
    """A table of zeros; in a mapped file where it is `large` bytes or more."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size < large:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="crowdtune-") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)  # a disk found full later would end the process without a word
        except OSError as e:
            raise _no_room(e, size) from e
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype).reshape(shape)


def _no_room(e: OSError, size: int) -> InputError:
    return InputError(
        f"{tempfile.gettempdir()} cannot take {size / 2**30:.1f} GiB of what is too large for memory ({e.strerror}). "
        "Make room there, or name another folder in TMPDIR."
    )


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """I texts, decoded when they are asked for.

    Args:
        rows: their UTF-8.
    """

    rows: Ragged

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> Texts: ...
    def __getitem__(self, i: int | slice) -> str | Texts:
        if isinstance(i, slice):
            return Texts(self.rows[i])
        return bytes(self.rows[i]).decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (bytes(row).decode(errors="surrogatepass") for row in self.rows)

    def take(self, index: Index) -> Texts:
        """The texts at `index`, in that order."""
        return Texts(self.rows.take(index))


def take_texts(texts: Sequence[str], index: Index) -> Sequence[str]:
    """The texts at `index`, in that order: mapped where they were."""
    return texts.take(index) if isinstance(texts, Texts) else [texts[i] for i in index]


def text_lengths(texts: Sequence[str]) -> Index:
    """(I,) characters of each; of mapped ones bytes, for which they need not be read."""
    if isinstance(texts, Texts):
        return texts.rows.lengths()
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


@dataclass(eq=False)
class Kept:
    """Texts gathered while a source is read, told by a number; 0 is the empty text.

    Args:
        spill: bytes from which they go to a file.
    """

    spill: int = field(default_factory=lambda: SPILL)
    near: list[str] = field(default_factory=lambda: [""])
    size: int = 0
    far: Growing | None = None

    def add(self, text: str) -> int:
        """Keep a text; returns its number."""
        if not text:
            return 0
        if self.far is not None:
            return self.far.add(_bytes(text))
        self.near.append(text)
        self.size += len(text)
        if self.size >= self.spill:
            self.far = Growing(np.uint8)
            for known in self.near:
                self.far.add(_bytes(known))
            self.near = []
            return len(self.far.ends) - 1
        return len(self.near) - 1

    def __getitem__(self, number: int) -> str:
        if self.far is None:
            return self.near[number]
        return self.far.bytes_of(number).decode(errors="surrogatepass")

    def at(self, numbers: Sequence[int]) -> Sequence[str]:
        """The texts of these numbers: a list, or where they are many, mapped. Nothing is added afterwards."""
        if self.far is None:
            return [self.near[number] for number in numbers]
        return Texts(self.far.done().take(np.array(numbers, dtype=np.int64)))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
