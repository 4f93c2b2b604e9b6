"""Formats of other tools. A file here is a format: a frozen dataclass of options with `write(labelled, path)`.

No list to edit: `trl-sft` is `trl_sft.py` and its class `TrlSft`; the options are the flags of `crowdtune export`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from crowdtune.errors import InputError
from crowdtune.names import find, known
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import check_form, occupied


class Format(Protocol):
    """Writes labels and data for a tool."""

    @property
    def one_file(self) -> bool:
        """True where the path is a table (.parquet, .csv, .jsonl), False where it is a folder."""
        ...

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write to `path`, whole or not at all."""
        ...


def names() -> list[str]:
    """Names of all formats."""
    return known(__name__)


def make(name: str, options: Mapping[str, Any]) -> Format:
    """A format by name, with the options that were given; one it does not have is refused."""
    kind = find(__name__, name, "format")
    has = [field.name for field in fields(kind)]
    for option in options:
        if option not in has:
            own = ", ".join(f"--{n.replace('_', '-')}" for n in has) or "none"
            raise InputError(f"format {name} has no option --{option.replace('_', '-')}. It has: {own}.")
    at_least = options.get("min_probability", 0.0)
    if not 0 <= at_least <= 1:
        raise InputError(f"--min-probability {at_least} must be between 0 and 1.")
    made: Format = kind(**options)
    return made


def check_path(form: Format, path: Path) -> None:
    """Refuse a path before any work is done: a table of unknown form, a folder with something in it."""
    if form.one_file:
        check_form(path)
    elif occupied(path):
        raise InputError(f"{path} is not empty. Choose another folder or remove it.")
