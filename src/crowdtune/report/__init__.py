"""A Run -> one HTML file that needs nothing else: no network, no font, no framework. Reads a folder, never objects."""

from __future__ import annotations

from pathlib import Path

from crowdtune.report.names import Names
from crowdtune.report.page import render
from crowdtune.report.told import read_run
from crowdtune.write.tables import write_bytes

__all__ = ["write_report"]


def write_report(run_folder: Path, path: Path, *, keep_ids: bool = False) -> None:
    """Render a finished run, or an audit, as one HTML file.

    Args:
        run_folder: with results.json; every other file is shown where it is there.
        path: of the HTML file; an older one is replaced.
        keep_ids: show annotators by name. By default people are shown by pseudonym (`crowdtune.identity`); models,
            where a column `kind` says so, by name.
    """
    told = read_run(run_folder)
    write_bytes(path, render(told, Names.of(told, keep_ids=keep_ids)).encode())
