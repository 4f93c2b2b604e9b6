"""crowdtune bench."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdtune.cli._flags import Engine, Json
from crowdtune.cli._screen import new_table, say, share, show, show_json
from crowdtune.errors import InputError
from crowdtune.settings import from_pairs

if TYPE_CHECKING:
    from crowdtune.bench.grid import Cell, Outcome

bench = typer.Typer(help="Repeat a paper's experiments as one resumable grid.", no_args_is_help=True)


@bench.callback()
def _papers() -> None:
    pass


Out = Annotated[Path, typer.Option("--out", "-o", help="Folder; the cells that are in it are not run again.")]
Jobs = Annotated[int, typer.Option(help="Cells at a time, a process each; 0 = as many as cores here.")]
Methods = Annotated[str, typer.Option(help="Only these, with commas between; '' = the preset's.")]
Seeds = Annotated[int, typer.Option(help="Repetitions; 0 = the preset's.")]
Data = Annotated[
    list[str] | None, typer.Option("--data", help="NAME=FILE of a data set, else from the hub; may be repeated.")
]


@bench.command()
def realm(
    preset: Annotated[
        str,
        typer.Option(help="tiny, cpu, cpu-lm, ablation, flan-t5-small, flan-t5-base or flan-t5-large."),
    ] = "cpu",
    out: Out = ...,  # type: ignore[assignment]
    jobs: Jobs = 0,
    engine: Engine = "processes",
    methods: Methods = "",
    seeds: Seeds = 0,
    data: Data = None,
    json: Json = False,
) -> None:
    """REALM's tables: methods against crowds, resumable; an interrupted grid goes on with the same command."""
    from crowdtune.bench.presets import cells
    from crowdtune.bench.report import write_report

    paths = _paths(data, seeds)
    found = _run(cells(preset, paths, methods=_names(methods), seeds=seeds), paths, out, jobs, engine)
    results = write_report(out, preset, found)
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


@bench.command()
def robustft(
    preset: Annotated[
        str,
        typer.Option(help="tiny, cpu, bundled, cpu-lm, llama-3.1-8b or gemma-2-9b."),
    ] = "cpu",
    out: Out = ...,  # type: ignore[assignment]
    jobs: Jobs = 0,
    engine: Engine = "processes",
    methods: Methods = "",
    seeds: Seeds = 0,
    data: Data = None,
    json: Json = False,
) -> None:
    """RobustFT's tables: one label an item, 0 to 70 % of them wrong, several splits; resumable."""
    from crowdtune.bench.presets import cells
    from crowdtune.bench.robustft_presets import ROBUSTFT
    from crowdtune.bench.robustft_report import write_report
    from crowdtune.bench.untrained import UNTRAINED

    paths = _paths(data, seeds)
    wanted = _names(methods)
    grid = cells(preset, paths, methods=wanted, seeds=seeds, presets=ROBUSTFT, untrained=UNTRAINED)
    results = write_report(out, preset, _run(grid, paths, out, jobs, engine))
    if json:
        show_json(results)
        return
    for row in results["conditions"]:
        title = f"{row['place']}, {share(row['noise'])} of the labels wrong"
        table = new_table(title, "method", "right", "macro-F1", "noise found", "of the noise")
        for name, told in row["variants"].items():
            numbers = (
                told["accuracy"]["mean"],
                told["macro_f1"]["mean"],
                told["noise_precision"],
                told["noise_recall"],
            )
            table.add_row(name, *("-" if number is None else share(number) for number in numbers))
        show(table)
    show(f"{results['cells']} cells; tables in {out}/results.md, charts in {out}/charts")


@bench.command()
def shala(
    preset: Annotated[
        str, typer.Option(help="tiny, bundled, cpu, cpu-lm, rl, or named: the files of --data.")
    ] = "bundled",
    out: Out = ...,  # type: ignore[assignment]
    jobs: Jobs = 0,
    engine: Engine = "processes",
    methods: Methods = "",
    seeds: Seeds = 0,
    data: Data = None,
    json: Json = False,
) -> None:
    """SHALA's tables: predicted against people's label distributions, several splits; resumable."""
    from crowdtune.bench.presets import cells
    from crowdtune.bench.shala_presets import presets
    from crowdtune.bench.shala_report import write_report
    from crowdtune.bench.untrained import UNTRAINED

    paths = _paths(data, seeds)
    known, wanted = presets(paths), _names(methods)
    grid = cells(preset, paths, methods=wanted, seeds=seeds, presets=known, untrained=UNTRAINED)
    results = write_report(out, preset, _run(grid, paths, out, jobs, engine), paths)
    if json:
        show_json(results)
        return
    for row in results["conditions"]:
        table = new_table(row["place"], "method", "js_distance", "of contested third", "macro-F1")
        for name, told in row["rows"].items():
            measures = [told["measures"].get(key, {}).get("value") for key in ("js_distance", "js_distance:high")]
            f1 = told["measures"].get("macro_f1", {}).get("value")
            table.add_row(name, *(_decimal(value) for value in measures), "-" if f1 is None else share(f1))
        table.add_row(
            "floor", _decimal(row["floor"].get("js_distance")), _decimal(row["floor"].get("js_distance:high")), ""
        )
        show(table)
    show(f"{results['cells']} cells; tables in {out}/results.md, charts in {out}/charts, items in {out}/contested.html")


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _names(methods: str) -> list[str]:
    return [name.strip() for name in methods.split(",") if name.strip()]


@bench.command()
def crowd_sft(
    preset: Annotated[str, typer.Option(help="tiny, surrogate, minilm, smollm2 or cpu: all three.")] = "surrogate",
    out: Out = ...,  # type: ignore[assignment]
    jobs: Jobs = 0,
    engine: Engine = "processes",
    json: Json = False,
) -> None:
    """Crowd-SFT's experiments: more data, rounds, points against Shapley values, pools, attacks; resumable."""
    from crowdtune.bench.crowd_report import run_crowd_sft, table_of

    results = run_crowd_sft(preset, out, jobs or os.cpu_count() or 1, say, engine)
    if json:
        show_json(results)
        return
    for title, rows in results["tables"].items():
        head, body = table_of(rows)
        table = new_table(title, *head)
        for cells in body:
            table.add_row(*cells)
        show(table)
    show(f"tables in {out}/results.md, charts in {out}/charts")


def _paths(data: list[str] | None, seeds: int) -> dict[str, Path]:
    """Name -> file of each data set that was named."""
    paths = {name: Path(path) for name, path in from_pairs(data or [], plain=True).items()}
    for name, path in paths.items():
        if not path.is_file():
            raise InputError(f"data set '{name}': {path} is no file. Check the path.")
    if seeds < 0:
        raise InputError(f"seeds={seeds} must be 1 or more, or 0 for the preset's number.")
    return paths


def _run(grid: list[Cell], paths: dict[str, Path], out: Path, jobs: int, engine: str) -> dict[Cell, Outcome]:
    """Run what is missing, and all outcomes."""
    from crowdtune.bench.grid import Store
    from crowdtune.bench.run import run_cells
    from crowdtune.bench.work import work

    store = Store(out)
    run_cells(grid, store, partial(work, paths=paths), jobs=jobs or os.cpu_count() or 1, say=say, engine=engine)
    return {cell: store.load(cell) for cell in grid}
