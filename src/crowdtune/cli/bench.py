"""crowdtune bench."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from crowdtune.cli._flags import Json
from crowdtune.cli._screen import new_table, say, share, show, show_json
from crowdtune.errors import InputError
from crowdtune.settings import from_pairs

bench = typer.Typer(help="Repeat a paper's experiments as one resumable grid.", no_args_is_help=True)


@bench.callback()
def _papers() -> None:
    pass


@bench.command()
def realm(
    preset: Annotated[
        str,
        typer.Option(help="tiny, cpu, cpu-lm, ablation, flan-t5-small, flan-t5-base or flan-t5-large."),
    ] = "cpu",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; the cells that are in it are not run again.")] = ...,  # type: ignore[assignment]
    jobs: Annotated[int, typer.Option(help="Cells at a time, a process each; 0 = as many as cores.")] = 0,
    methods: Annotated[str, typer.Option(help="Only these, with commas between; '' = the preset's.")] = "",
    seeds: Annotated[int, typer.Option(help="Repetitions; 0 = the preset's.")] = 0,
    data: Annotated[
        list[str] | None, typer.Option("--data", help="NAME=FILE of a data set, else from the hub; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """REALM's tables: methods against crowds, resumable; an interrupted grid goes on with the same command."""
    from crowdtune.bench.grid import Store
    from crowdtune.bench.presets import cells
    from crowdtune.bench.report import write_report
    from crowdtune.bench.run import run_cells
    from crowdtune.bench.work import work

    paths = {name: Path(path) for name, path in from_pairs(data or [], plain=True).items()}
    for name, path in paths.items():
        if not path.is_file():
            raise InputError(f"data set '{name}': {path} is no file. Check the path.")
    if seeds < 0:
        raise InputError(f"seeds={seeds} must be 1 or more, or 0 for the preset's number.")
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    grid, store = cells(preset, paths, methods=wanted, seeds=seeds), Store(out)
    run_cells(grid, store, partial(work, paths=paths), jobs=jobs or os.cpu_count() or 1, say=say)
    results = write_report(out, preset, {cell: store.load(cell) for cell in grid})
    if json:
        show_json(results)
        return
    table = new_table("gap between noisy and oracle recovered", "method", "recovered", "cells")
    for name, gap in sorted(results["gap_recovered"].items(), key=lambda pair: -pair[1]["share"]):
        table.add_row(name, share(gap["share"]), str(gap["cells"]))
    show(table)
    show(
        f"{results['cells']} cells; {len(results['apart'])} crowds apart, "
        f"{len(results['wrong_verdicts'])} wrong verdicts; tables in {out}/results.md, charts in {out}/charts"
    )
