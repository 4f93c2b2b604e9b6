"""Grids that are stopped go on. Oracle: an uninterrupted run of the same cells, and who was run how often."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from crowdtune.bench.grid import Cell, Store
from crowdtune.bench.report import write_report
from crowdtune.bench.run import run_cells
from crowdtune.errors import InputError
from tests.bench.stub import CELLS, RAN, quick, slow

OPEN = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
ROOT = Path(__file__).parents[2]


def quiet(line: str) -> None:
    pass


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stub", str(folder), *words], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip


def wait_for(store: Store, cells: int) -> None:
    end = time.monotonic() + 30
    while sum(map(store.done, CELLS)) < cells:
        assert time.monotonic() < end, "the grid does not get on"
        time.sleep(0.02)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_grid_goes_on_and_runs_no_finished_cell_again(tmp_path: Path, blow: signal.Signals) -> None:
    store = Store(tmp_path / "grid")
    stopped = start(store.folder)
    wait_for(store, 3)
    stopped.send_signal(blow)
    said = stopped.communicate(timeout=30)[0]
    finished = [cell for cell in CELLS if store.done(cell)]
    assert 3 <= len(finished) < len(CELLS)
    if blow == signal.SIGINT:
        assert "the same command goes on from there" in said
    time.sleep(0.3)  # orphans notice that their parent is gone
    written = {cell: (store.place(cell) / "results.json").stat().st_mtime_ns for cell in finished}
    run_cells(CELLS, store, slow, jobs=2, say=quiet)
    assert all(map(store.done, CELLS))
    assert written == {cell: (store.place(cell) / "results.json").stat().st_mtime_ns for cell in finished}
    ran = (tmp_path / RAN).read_text().split()
    assert all(ran.count(cell.name) == 1 for cell in finished)
    assert not list(store.folder.glob("cells/.*"))
    whole = Store(tmp_path / "whole")
    run_cells(CELLS, whole, quick, jobs=1, say=quiet)
    reports = [write_report(s.folder, "stub", {cell: s.load(cell) for cell in CELLS}) for s in (store, whole)]
    assert reports[0] == reports[1]
    assert (store.folder / "results.json").read_bytes() == (whole.folder / "results.json").read_bytes()


def test_a_failing_cell_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    store, told = Store(tmp_path), list[str]()
    cells = [Cell("broken", "minilm-head", "noisy", seed=seed) for seed in range(5)]
    with pytest.raises(InputError, match=r"^1 of 5 cells failed; .*: no such luck$"):
        run_cells(cells, store, quick, jobs=2, say=told.append)
    assert [store.done(cell) for cell in cells] == [True, True, True, False, True]
    with pytest.raises(InputError, match="1 of 1 cells failed"):
        run_cells(cells, store, quick, jobs=2, say=told.append)
    assert "5 cells, 4 of them done before, 2 at a time" in told


def test_a_folder_is_for_one_grid_at_a_time_and_for_grids_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "grid")
    with store.claimed(), pytest.raises(InputError, match="another bench works in"):
        run_cells(CELLS, store, quick, jobs=1, say=quiet)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds something that is no bench"):
        run_cells(CELLS, Store(tmp_path / "mine"), quick, jobs=1, say=quiet)
    with pytest.raises(InputError, match="jobs=-1 must be 1 or more"):
        run_cells(CELLS, store, quick, jobs=-1, say=quiet)


@contextmanager
def cluster(port: int) -> Iterator[str]:
    """A head of Ray of its own, as `ray start --head` makes one on a cluster; where it can be joined."""
    place = Path(sys.executable).with_name("ray")
    words = ["start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    head = subprocess.Popen(
        [str(place), *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | OPEN
    )
    try:
        assert head.stdout is not None
        assert any("Ray runtime started" in line for line in head.stdout)
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()
        head.communicate(timeout=30)


@pytest.mark.parity
@pytest.mark.parametrize("joined", [False, True])
def test_cells_on_ray_are_those_of_processes(tmp_path: Path, joined: bool) -> None:
    """Started here, and on a cluster that RAY_ADDRESS names."""
    pytest.importorskip("ray")
    run_cells(CELLS, Store(tmp_path / "whole"), quick, jobs=1, say=quiet)
    with cluster(6391) if joined else nullcontext("") as address:
        told, errors = start(tmp_path / "ray", "ray", RAY_ADDRESS=address, **OPEN).communicate(timeout=120)
    assert "12/12" in told, errors
    folders = (tmp_path / "whole/cells", tmp_path / "ray/cells")
    kept = [{at.relative_to(f): at.read_bytes() for at in f.rglob("*") if at.is_file()} for f in folders]
    assert kept[0] == kept[1]
