"""Run the cells of a grid in parallel processes; whatever stops it, the same call goes on where it was.

A cell is run by one process with one thread, so that a result does not depend on how many run beside it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from crowdtune.bench.grid import Cell, Outcome, Store
from crowdtune.errors import InputError
from crowdtune.rounds.spread import set_up

Work = Callable[[Cell, Path], Outcome]  # a cell and a folder of its own to work in -> what came out


def run_cells(cells: Sequence[Cell], store: Store, work: Work, *, jobs: int, say: Callable[[str], None]) -> None:
    """Run every cell that has not been run.

    Args:
        cells: what to run.
        store: where to keep what comes out.
        work: runs a cell; a function of a module, so that another process finds it.
        jobs: processes at a time.
        say: told what happens, a line at a time.
    """
    if jobs < 1:
        raise InputError(f"jobs={jobs} must be 1 or more.")
    with store.claimed():
        waiting = [cell for cell in dict.fromkeys(cells) if not store.done(cell)]
        say(f"{len(cells)} cells, {len(cells) - len(waiting)} of them done before, {jobs} at a time")
        if waiting:
            _run(waiting, store, work, jobs, say)


def _run(cells: Sequence[Cell], store: Store, work: Work, jobs: int, say: Callable[[str], None]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(cells)), spawn, initializer=set_up) as pool:
        futures = {pool.submit(_one, cell, store, work): cell for cell in cells}
        try:
            failed = _watch(futures, say)
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()
            done = sum(map(store.done, cells))
            say(f"{done} of {len(cells)} cells are done in {store.folder}; the same command goes on from there")
            raise
    if failed:
        raise InputError(
            f"{len(failed)} of {len(cells)} cells failed; the same command tries them again. "
            f"The first, {futures[failed[0]].name}: {failed[0].exception()}"
        )


def _watch(futures: dict[Future[float], Cell], say: Callable[[str], None]) -> list[Future[float]]:
    """Tell of each cell as it ends; the ones that failed."""
    clock, failed = time.monotonic(), []
    for count, future in enumerate(as_completed(futures), start=1):
        cell = futures[future]
        if future.exception() is not None:
            failed.append(future)
            said = f"failed: {future.exception()}"
        else:
            said = f"{future.result():.1%}"
        left = (time.monotonic() - clock) / count * (len(futures) - count)
        say(f"{count}/{len(futures)} {cell.condition}, {cell.variant}, seed {cell.seed}: {said} ({left:.0f} s to go)")
    return failed


def _one(cell: Cell, store: Store, work: Work) -> float:
    """Run a cell in this process and keep what comes out; its accuracy."""
    aside = store.aside(cell)
    outcome = work(cell, aside)
    store.keep(cell, outcome, aside)
    return outcome.accuracy
