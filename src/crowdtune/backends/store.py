"""Store: every reply on disk by what was asked, so that no question is paid for twice."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from crowdtune.backends.request import Reply, Request
from crowdtune.errors import InputError

T = TypeVar("T")
VERSION = 1  # of the file; raise it when its tables, or what a key is made of, change
APPLICATION = 0x63747270  # marks the file as ours: "ctrp"
PATIENCE = 60.0  # seconds to wait for another process that writes
HEAD = b"SQLite format 3\x00"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reply).decode


def key(name: str, request: Request) -> bytes:
    """What a reply is kept under: a hash of the backend's name and of everything in the request."""
    plain = replace(request, temperature=request.temperature + 0.0)  # 0 and -0.0 are 0.0
    return hashlib.sha256(msgspec.json.encode({"backend": name, "request": plain})).digest()


class Store:
    """Replies on disk, in one SQLite file.

    `put` returns when the reply is committed: a killed process loses none it was given. Several processes can share a
    store on a local disk (not on a network drive, where its locks don't hold). A loss of power may cost the last
    seconds, never the file.

    Args:
        path: the file; made where there is none.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        _check_kind(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as e:
            raise InputError(f"store {self.path} cannot be opened: {e}. Name a file in a folder you can write.") from e
        self._safely(self._prepare)

    def get(self, key: bytes) -> Reply | None:
        """The reply kept under a key."""
        row = self._safely(lambda: self._file.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone())
        return None if row is None else _decode(row[0])

    def put(self, key: bytes, reply: Reply) -> Reply:
        """Keep a reply. What is kept is returned: another process's, if it was first."""
        row = (key, _encode(reply))
        new = self._safely(lambda: self._file.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", row).rowcount)
        return reply if new else self.get(key) or reply

    def __len__(self) -> int:
        return int(self._safely(lambda: self._file.execute("SELECT count(*) FROM replies").fetchone())[0])

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _prepare(self) -> None:
        _patiently(self._check_ours)  # before anything is written
        _patiently(lambda: self._file.execute("PRAGMA journal_mode = WAL").fetchone())
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute("BEGIN IMMEDIATE")  # of two processes that make it at once, one waits
        try:
            self._file.execute("CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply BLOB) WITHOUT ROWID")
            self._file.execute(f"PRAGMA application_id = {APPLICATION}")
            self._file.execute(f"PRAGMA user_version = {VERSION}")
            self._file.execute("COMMIT")
        except BaseException:
            self._file.execute("ROLLBACK")
            raise

    def _check_ours(self) -> None:
        """Refuse another program's database, and a later version's; both as they are at one moment."""
        self._file.execute("BEGIN")
        try:
            mark, version = self._number("application_id"), self._number("user_version")
            tables = self._file.execute("SELECT 1 FROM sqlite_master").fetchone()
        finally:
            self._file.execute("ROLLBACK")
        if mark != APPLICATION and (mark or tables):
            raise InputError(f"{self.path} is a database of another program, not a store of replies. {_NAME_ANOTHER}")
        if version > VERSION:
            raise InputError(
                f"store {self.path} is of version {version}; this crowdtune reads up to {VERSION}. "
                f"Update crowdtune, or name another file."
            )

    def _number(self, pragma: str) -> int:
        return int(self._file.execute(f"PRAGMA {pragma}").fetchone()[0])

    def _safely(self, do: Callable[[], T]) -> T:
        """Do something with the file; where that fails, say of which and close it."""
        try:
            return do()
        except (sqlite3.Error, msgspec.DecodeError, InputError) as e:
            self.close()
            if isinstance(e, InputError):
                raise
            raise InputError(
                f"store {self.path} cannot be used: {e}. Check the disk's free space and that you may write there, "
                "or name another file."
            ) from e


_NAME_ANOTHER = "Name another file; it is made where there is none."


def _check_kind(path: Path) -> None:
    """Refuse what is no database before SQLite sees it."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a store of replies. {_NAME_ANOTHER}")
    if path.exists():
        with path.open("rb") as file:
            head = file.read(len(HEAD))
        if head and head != HEAD:
            raise InputError(f"{path} is not a store of replies. {_NAME_ANOTHER}")


def _patiently(do: Callable[[], T]) -> T:
    """Do it once nobody else holds the file; SQLite waits by itself, but not to change the kind of its journal."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return do()
        except sqlite3.OperationalError as e:
            if "locked" not in str(e) or time.monotonic() > end:
                raise
            time.sleep(0.02)
