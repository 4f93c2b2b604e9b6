r"""Ledger: what was contributed, scored and paid, in the order it happened. It is only ever added to.

Every entry carries a hash of itself and of the entry before it, so that whoever changes, removes, inserts or swaps
entries breaks the chain there. Whoever rewrites all that follows as well, or cuts the end off, leaves a whole chain:
only a head that others kept tells (`Ledger.check`). The time an entry was recorded stands beside the chain and is not
hashed, so that a run that was killed and resumed has the same head as one that was not.

.. math:: h_n = \mathrm{sha256}(\mathtt{[n, kind, key, content, h_{n-1}]}), \qquad h_0 = \mathtt{""}

as JSON without spaces, in ASCII; `content` is a text in it: JSON again, with sorted keys.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crowdtune.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

NEEDED = "a ledger needs SQLAlchemy. Run: pip install 'crowdtune[crowd]'"
LONGEST = 200  # characters of a kind or a key


@dataclass(frozen=True)
class Entry:
    """One entry.

    Args:
        number: 1, 2, 3, ...
        kind: what it is about: "round", "pay", ...
        key: its name among those of its kind.
        content: JSON.
        previous: hash of the entry before; "" before the first.
        hash: of all of these, in hexadecimal digits.
        recorded: when, in UTC; beside the chain.
    """

    number: int
    kind: str
    key: str
    content: dict[str, Any]
    previous: str
    hash: str
    recorded: str


@dataclass(frozen=True, eq=False)
class Ledger:
    """A ledger in a SQLite file or a Postgres database; `open` it.

    Several processes may append at once: one writes at a time, others wait. An entry that `append` returned for is on
    disk. A SQLite ledger belongs on a local disk: locks don't hold on network drives.

    Args:
        engine: SQLAlchemy's, of the database.
    """

    engine: Engine

    @classmethod
    def open(cls, where: str | Path, *, make: bool = True) -> Ledger:
        """Open a ledger.

        Args:
            where: path of a SQLite file, or an SQLAlchemy URL: postgresql://NAME:PASSWORD@HOST/DATABASE, one ledger in
                a schema.
            make: whether it is made where there is none.
        """
        return cls(_database().connect(where, make=make))

    def append(self, kind: str, key: str, content: dict[str, Any]) -> None:
        """Add an entry; the same again is nothing, other content under the same kind and key is an error.

        Args:
            kind: what it is about.
            key: its name among those of its kind.
            content: what JSON can hold; no NaN or infinity.
        """
        for name, said in {"kind": kind, "key": key}.items():
            if not said or len(said) > LONGEST or not said.isprintable():
                raise InputError(f"{name}={said[:LONGEST]!r} of an entry must be 1 to {LONGEST} printable characters.")
        text = canonical(content)
        with _database().writing(self.engine) as held:
            if self._known(held, kind, key, text):
                return
            last = self._last(held)
            if last is not None and last.hash != _hash_of(last):
                raise InputError(f"{self._of(last.number)} was changed after it was written. Nothing is added to it.")
            number, previous = (1, "") if last is None else (last.number + 1, last.hash)
            row = {"number": number, "kind": kind, "key": key, "content": text, "previous": previous}
            row |= {"hash": chained(number, kind, key, text, previous), "recorded": _now()}
            held.execute(_database().LEDGER.insert(), row)

    def entries(self, kind: str = "") -> list[Entry]:
        """Entries of a kind, or all, in order."""
        return [self._read(row) for row in self._rows() if kind in ("", row.kind)]

    def check(self, head: str = "") -> None:
        """Check that the chain is whole; the error names the first entry that is not as it was written.

        Args:
            head: a hash that somebody kept; it must be in the chain, which may have grown since.
        """
        count, previous, found = 0, "", not head
        for row in self._rows():
            if row.number != count + 1:
                raise InputError(f"{self._of(count + 1)} is missing: the next there is is {row.number}.")
            if row.previous != previous:
                raise InputError(
                    f"{self._of(row.number)} does not follow the one before: it says that its hash is "
                    f"'{_short(row.previous)}', it is '{_short(previous)}'. One of them was replaced or moved."
                )
            if row.hash != _hash_of(row):
                raise InputError(f"{self._of(row.number)} was changed after it was written: its hash is of other text.")
            count, previous = row.number, row.hash
            found |= previous == head
        if not found:
            raise InputError(
                f"the chain of ledger {self.where} is whole, but {_short(head)} is not in it: it is another ledger's, "
                "or entries from it on were cut off or written anew."
            )

    @property
    def head(self) -> str:
        """Hash of the last entry; "" of an empty ledger."""
        with _database().reading(self.engine) as held:
            last = self._last(held)
        return "" if last is None else str(last.hash)

    @property
    def where(self) -> str:
        """Path, or URL without its password."""
        return str(_database().shown(self.engine))

    def _known(self, held: Connection, kind: str, key: str, text: str) -> bool:
        """Whether an entry is there already; refuse another one of the same name."""
        table = _database().LEDGER
        there = held.execute(table.select().where(table.c.kind == kind, table.c.key == key)).one_or_none()
        if there is not None and there.content != text:
            raise InputError(
                f"{self._of(there.number)} ({kind} {key}) has other content: {_difference(there.content, text)}. A "
                "ledger is only added to: write the correction under another key."
            )
        return there is not None

    def _last(self, held: Connection) -> Row[Any] | None:
        table = _database().LEDGER
        return held.execute(table.select().order_by(table.c.number.desc()).limit(1)).one_or_none()

    def _rows(self) -> Iterator[Row[Any]]:
        table = _database().LEDGER
        with _database().reading(self.engine) as held:
            yield from held.execute(table.select().order_by(table.c.number))

    def _read(self, row: Row[Any]) -> Entry:
        try:
            content = json.loads(row.content)
        except (TypeError, ValueError, RecursionError) as e:
            raise InputError(f"{self._of(row.number)} was changed after it was written: {e}.") from e
        return Entry(row.number, row.kind, row.key, content, row.previous, row.hash, row.recorded)

    def _of(self, number: int) -> str:
        return f"entry {number} of ledger {self.where}"


def ledger_report(where: str | Path, head: str = "") -> dict[str, Any]:
    """What a ledger holds and whether it is whole.

    Args:
        where: path or URL of a ledger that is there.
        head: as for `Ledger.check`.

    Returns:
        ledger (where it is), entries (how many), kinds (how many of each), head, recorded (first and last time, "" of
        an empty one), whole (whether the chain and the head are as they should be), problem ("" or what is wrong).
    """
    ledger = Ledger.open(where, make=False)
    rows = list(ledger._rows())
    problem = ""
    try:
        ledger.check(head)
    except InputError as e:
        problem = str(e)
    return {
        "ledger": ledger.where,
        "entries": len(rows),
        "kinds": dict(Counter(str(row.kind) for row in rows)),
        "head": rows[-1].hash if rows else "",
        "recorded": [rows[0].recorded, rows[-1].recorded] if rows else ["", ""],
        "whole": not problem,
        "problem": problem,
    }


def canonical(content: dict[str, Any]) -> str:
    """The one text of a JSON object: sorted keys, no spaces, ASCII; floats as Python writes them.

    Example:
        >>> canonical({"b": [1, 0.1], "a": "é"})
        '{"a":"\\\\u00e9","b":[1,0.1]}'
    """
    try:
        _check_keys(content)
        return json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as e:
        raise InputError(f"the content of an entry must be an object of JSON: {e}.") from e


def chained(number: int, kind: str, key: str, content: str, previous: str) -> str:
    """Hash of an entry, in hexadecimal digits.

    Args:
        number: of the entry.
        kind: of the entry.
        key: of the entry.
        content: as `canonical` writes it.
        previous: hash of the entry before.
    """
    plain = json.dumps([number, kind, key, content, previous], separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _hash_of(row: Row[Any]) -> str:
    try:
        return chained(row.number, row.kind, row.key, row.content, row.previous)
    except TypeError:  # somebody wrote what is no text
        return ""


def _check_keys(value: Any) -> None:
    """Refuse keys that JSON would turn into text, so that two of them could meet."""
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise TypeError(f"key {wrong[0]!r} is not text")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            _check_keys(one)


def _difference(before: str, after: str) -> str:
    """In which fields two contents differ."""
    old, new = json.loads(before), json.loads(after)
    fields = [name for name in sorted(old.keys() | new.keys()) if old.get(name, ...) != new.get(name, ...)]
    shown = fields[:3] + (["..."] if len(fields) > 3 else [])
    return f"{', '.join(shown)} differ" if len(fields) > 1 else f"{', '.join(shown)} differs"


def _short(hash: str) -> str:
    return f"{hash[:12]}..." if len(hash) > 12 else hash


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _database() -> Any:
    try:
        from crowdtune.rounds import _database
    except ModuleNotFoundError as e:
        if not (e.name or "").startswith("sqlalchemy"):
            raise
        raise InputError(NEEDED) from e
    return _database
