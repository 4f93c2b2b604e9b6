"""Flags several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

import typer

from crowdtune.annotations import Annotations
from crowdtune.read import ReadReport

AGGREGATOR = "auto"  # that infers labels where no other is named


class Load(Protocol):
    """Reads the source a verb was given.

    Args:
        flags: the source and the reading flags that were given, by name.
    """

    flags: dict[str, str]

    def __call__(self, choices: tuple[str, ...] = (), without: str = "") -> Annotations:
        """Annotations; `choices` are for items that name none, where the user names none either.

        Tells what was read, but for the line `without`.
        """
        ...

    def typed(self) -> str:
        """The source and the reading flags that were given, to be typed again."""
        ...

    def again(self, flags: dict[str, str]) -> Annotations:
        """Annotations as an earlier command read them, by the `flags` it kept; what is typed now wins."""
        ...

    def merged(self, flags: dict[str, str]) -> dict[str, str]:
        """The flags of `again`, to be kept in their turn."""
        ...

    def silently(self, choices: tuple[str, ...] = ()) -> tuple[Annotations, ReadReport]:
        """The same without a word, with what is to be said."""
        ...


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write, new or empty.")]
Run = Annotated[Path, typer.Argument(help="Folder of a finished run.")]
Engine = Annotated[str, typer.Option(help="processes of this machine, or a cluster by ray.")]
KeepIds = Annotated[bool, typer.Option("--keep-ids", help="Annotators by name, not pseudonym, in what others see.")]
