"""The values of a JSON list or object one after the other, without ever holding the file: memory is that of one value.

msgspec finds where a value ends without building it, at memory speed; the caller decodes the piece into what it wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from crowdtune.errors import InputError

CHUNK = 1 << 20  # bytes read at a time; more where one value is longer
LONGEST = 16  # bytes of what cannot be told apart from an error while its end is missing: -0, true, \ud83d\ude00
BLANK = re.compile(rb"[ \t\r\n]*")
BOM = b"\xef\xbb\xbf"
_SCAN = msgspec.json.Decoder(msgspec.Raw)


class Piece(NamedTuple):
    """One value of the list or object: its number from 1, its key ("" in a list), its undecoded bytes."""

    number: int
    key: str
    data: memoryview


def pieces(path: Path, file: IO[bytes]) -> Iterator[Piece]:
    """Yield the values of the JSON list or object in `file`; raise InputError where it is none, or broken."""
    text = _Text(path, file)
    if text.data.startswith(BOM):
        text.at = len(BOM)
    opening = text.peek()
    if opening == b"":
        return
    if opening not in (b"[", b"{"):
        raise InputError(f"{path} holds neither a JSON list nor an object. It needs a list of objects.")
    text.at += 1
    closing = b"]" if opening == b"[" else b"}"
    while text.peek() != closing:
        text.number += 1
        key = ""
        if closing == b"}":
            key = str(_decode(text, text.value()))
            text.expect(b":")
        yield Piece(text.number, key, text.value())
        if text.peek() != closing:
            text.expect(b",")
    text.at += 1
    if text.peek():
        raise text.broken("more text after the end")


def _decode(text: _Text, data: memoryview) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise text.broken(str(e)) from e


class _Text:
    """A window on the file: `data` from `at` on is unread."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file, self.number, self.at = path, file, 0, 0
        self.data = file.read(CHUNK)

    def broken(self, why: str) -> InputError:
        where = f"{self.path} entry {self.number}" if self.number else str(self.path)
        return InputError(f"{where}: not valid JSON ({why}). Mend it, or remove the cut-off end.")

    def more(self) -> bool:
        """Read on; False at the end of the file."""
        rest = self.data[self.at :]
        chunk = self.file.read(max(CHUNK, len(rest)))
        self.data, self.at = rest + chunk, 0
        return bool(chunk)

    def peek(self) -> bytes:
        """The next byte that is not blank, b"" at the end."""
        byte = self.data[self.at : self.at + 1]
        if byte > b" ":
            return byte
        while True:
            blank = BLANK.match(self.data, self.at)
            self.at = blank.end() if blank else self.at
            if self.at < len(self.data) or not self.more():
                return self.data[self.at : self.at + 1]

    def expect(self, byte: bytes) -> None:
        found = self.peek()
        if found != byte:
            seen = found.decode(errors="replace") if found else "the end"
            raise self.broken(f"{byte.decode()!r} expected, {seen!r} found")
        self.at += 1

    def value(self) -> memoryview:
        """The bytes of the next value, which may be followed by anything."""
        self.peek()
        while True:
            rest = memoryview(self.data)[self.at :]
            try:
                _SCAN.decode(rest)
            except RecursionError as e:
                raise self.broken("nested too deeply") from e
            except msgspec.DecodeError as e:
                end = _end(str(e))
                if end:
                    self.at += end
                    return rest[:end]
                if not (_at_end(str(e), len(rest)) and self.more()):
                    raise self.broken(str(e)) from e
                continue
            if not self.more():
                self.at = len(self.data)
                return memoryview(self.data)


def _end(message: str) -> int:
    """Bytes of a whole value (and blanks) that msgspec says is followed by something; 0 where it says otherwise."""
    return _place(message) - 1 if "trailing characters" in message else 0


def _at_end(message: str, size: int) -> bool:
    """True where msgspec's trouble may only be that `size` bytes end within a number, a word or an escape."""
    return "truncated" in message or _place(message) > size - LONGEST


def _place(message: str) -> int:
    """The byte msgspec names, 0 where it names none."""
    found = re.search(r"\(byte (\d+)\)", message)
    return int(found.group(1)) if found else 0
