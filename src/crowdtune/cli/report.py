"""crowdtune report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdtune.cli._flags import KeepIds, Run
from crowdtune.cli._screen import say

NAME = "report.html"  # in the run's folder


def report(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file to write.", show_default=f"RUN/{NAME}")
    ] = None,
    keep_ids: KeepIds = False,
) -> None:
    """Make one HTML file of a run or an audit, which needs nothing else and can be passed on."""
    from crowdtune.report import write_report

    path = out or run / NAME
    write_report(run, path, keep_ids=keep_ids)
    who = "annotators by name" if keep_ids else "annotators by pseudonym (--keep-ids shows names)"
    say(f"wrote {path}, {path.stat().st_size / 1000:,.0f} kB: {who}, items with their texts")
