"""Pseudonyms: who an annotator is stays with those who hold the key; that two labels are of one annotator does not.

The same name under the same key is the same pseudonym, in every file and report. Whoever lacks the key can neither
read a name from it nor find one by trying names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path

from crowdtune.errors import InputError

VARIABLE = "CROWDTUNE_KEY"  # environment variable that holds the key, as any text
DIGITS = 10  # hexadecimal digits of a pseudonym: two of 1,000 names meet once in two million keys
PSEUDONYM = re.compile(rf"a-[0-9a-f]{{{DIGITS}}}")


def pseudonym(name: str, key: bytes) -> str:
    """A name nobody can trace without the key; one that is a pseudonym already stays as it is.

    Args:
        name: of an annotator.
        key: 1 to 64 secret bytes, as `load_key` gives them.

    Example:
        >>> pseudonym("ann@example.org", b"secret")
        'a-15a6ee7e6b'
        >>> pseudonym("a-15a6ee7e6b", b"another secret")
        'a-15a6ee7e6b'
    """
    if PSEUDONYM.fullmatch(name):
        return name
    return "a-" + hashlib.blake2b(name.encode(), key=key, digest_size=DIGITS // 2, person=b"annotator").hexdigest()


def pseudonyms(names: Iterable[str], key: bytes) -> dict[str, str]:
    """Name -> pseudonym, no two alike.

    Args:
        names: of annotators; repeats are no matter.
        key: as for `pseudonym`.
    """
    made: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        made[name] = pseudonym(name, key)
        other = taken.setdefault(made[name], name)
        if other != name:
            raise InputError(
                f"annotators '{other}' and '{name}' would both be called {made[name]}. Set {VARIABLE} to another key."
            )
    return made


def of_people(names: Iterable[str], models: Collection[str] = ()) -> dict[str, str]:
    """Name -> pseudonym of the people among `names`; models keep their names. Without people no key is asked for."""
    people = [name for name in names if name not in models]
    return pseudonyms(people, load_key()) if people else {}


def load_key() -> bytes:
    """The key: of the environment variable CROWDTUNE_KEY, else of a file only its owner can read, made once."""
    given = os.environ.get(VARIABLE, "")
    if given:
        return hashlib.blake2b(given.encode(), digest_size=32).digest()
    path = key_path()
    try:
        return _read(path) if path.exists() else _make(path)
    except OSError as error:
        raise InputError(
            f"the key of pseudonyms cannot be kept in {path} ({error.strerror}). Set {VARIABLE} to a secret text."
        ) from error


def key_path() -> Path:
    """Where the key is kept: crowdtune/key in XDG_CONFIG_HOME, by default ~/.config."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home else Path.home() / ".config") / "crowdtune" / "key"


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if not key:
        raise InputError(
            f"{path} holds no key: one line of hexadecimal digits. Restore it, or remove it for a new one."
        )
    return key[:64]


def _make(path: Path) -> bytes:
    """Write a new key beside its place and link it there: of two processes at once, one wins and both read its key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".key.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return _read(path)
