"""Flags several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from crowdtune.annotations import Annotations

Load = Callable[[], Annotations]  # reads the source a verb was given
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write, new or empty.")]
Run = Annotated[Path, typer.Argument(help="Folder of a finished run.")]
