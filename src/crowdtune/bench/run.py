"""Run the cells of a grid side by side; whatever stops it, the same call goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from crowdtune.bench.grid import Cell, Outcome, Store, keep
from crowdtune.engines import Ending, Runner, engines
from crowdtune.errors import InputError

Work = Callable[[Cell, Path], Outcome]  # a cell and a folder of its own to work in -> what came out


def run_cells(
    cells: Sequence[Cell],
    store: Store,
    work: Work,
    *,
    jobs: int,
    say: Callable[[str], None],
    engine: str = "processes",
) -> None:
    """Run every cell that has not been run.

    Args:
        cells: what to run.
        store: where to keep what comes out.
        work: runs a cell; a function of a module, so that another process finds it.
        jobs: cells at a time.
        say: told what happens, a line at a time.
        engine: "processes" of this machine, or "ray"; see `engines`.
    """
    if jobs < 1:
        raise InputError(f"jobs={jobs} must be 1 or more.")
    with store.claimed():
        waiting = {store.place(cell): cell for cell in cells if not store.done(cell)}
        say(f"{len(cells)} cells, {len(cells) - len(waiting)} of them done before, {jobs} at a time")
        if waiting:
            _run(waiting, store, engines(Keeping(work), workers=min(jobs, len(waiting)), engine=engine), say)


@dataclass(frozen=True)
class Keeping:
    """Runs a cell and keeps what comes out in its folder."""

    work: Work

    def __call__(self, cell: Cell, folder: Path) -> None:
        """Run it in an empty folder."""
        keep(cell, self.work(cell, folder), folder)


def _run(
    cells: dict[Path, Cell], store: Store, running: AbstractContextManager[Runner], say: Callable[[str], None]
) -> None:
    try:
        with running as run:
            failed = _watch(run(cells), cells, store, say)
    except KeyboardInterrupt:
        done = sum(place.exists() for place in cells)
        say(f"{done} of {len(cells)} cells are done in {store.folder}; the same command goes on from there")
        raise
    if failed:
        place, error = next(iter(failed.items()))
        raise InputError(
            f"{len(failed)} of {len(cells)} cells failed; the same command tries them again. "
            f"The first, {place.name}: {error}"
        )


def _watch(ending: Ending, cells: dict[Path, Cell], store: Store, say: Callable[[str], None]) -> dict[Path, Exception]:
    """Tell of each cell as it ends; the ones that failed."""
    clock, failed = time.monotonic(), dict[Path, Exception]()
    for count, (place, error) in enumerate(ending, start=1):
        cell = cells[place]
        if error is None:
            said = f"{store.load(cell).accuracy:.1%}"
        else:
            failed[place] = error
            said = f"failed: {error}"
        left = (time.monotonic() - clock) / count * (len(cells) - count)
        say(f"{count}/{len(cells)} {cell.condition}, {cell.variant}, seed {cell.seed}: {said} ({left:.0f} s to go)")
    return failed
