"""The formats annotation tools write, one file each, found by name.

A format is a module with two functions. `recognise(opened) -> str` says by what it knows its files, "" where they are
not its own; no two formats recognise the same file. `entries(opened, report) -> Iterator[Entry]` translates them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Protocol, cast

from crowdtune.errors import unknown_name
from crowdtune.names import known
from crowdtune.read.entries import Entry
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport


class Format(Protocol):
    """What a module here offers."""

    def recognise(self, opened: Opened) -> str:
        """By what the file is known, e.g. "tasks with annotations[].result"; "" where it is another's."""
        ...

    def entries(self, opened: Opened, report: ReadReport) -> Iterator[Entry]:
        """What the file says."""
        ...


def names() -> list[str]:
    """Names of all formats."""
    return known(__name__)


def detect(opened: Opened) -> tuple[str, str]:
    """Name of the format of a file and by what it is known; two empty texts where no tool's format fits."""
    for name in names():
        why = _module(name).recognise(opened)
        if why:
            return name, why
    return "", ""


def format_of(name: str) -> Format:
    """The format of that name."""
    if name not in names():
        raise unknown_name("format", name, names())
    return _module(name)


def _module(name: str) -> Format:
    return cast(Format, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
