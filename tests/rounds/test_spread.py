"""Jobs side by side. Oracle: what one process alone does, and what the files say."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from crowdtune.errors import InputError
from crowdtune.rounds.job import Job
from crowdtune.rounds.spread import spread, spreading
from tests.rounds.toy import Toy, pulls

WHO = pulls(3, 0)


def jobs(folder: Path) -> dict[Path, Job]:
    """One for each annotator."""
    return {folder / name: Job(members=(name,)) for name in WHO}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_job_that_fails_takes_no_other_with_it_and_is_named(workers: int, tmp_path: Path) -> None:
    toy = Toy(WHO, tmp_path / "log", fails=("g1",))
    said: list[str] = []
    with pytest.raises(InputError, match=r"g1 failed in .*: InputError: g1 brings nothing.* The 2 others are kept"):
        spread(toy, jobs(tmp_path / "all"), workers=workers, say=said.append)
    assert sorted(at.name for at in (tmp_path / "all").iterdir()) == ["g0", "g2"]
    assert sum("brings nothing" in line for line in said) == 1
    done = spread(Toy(WHO, tmp_path / "log"), jobs(tmp_path / "all"), workers=0)
    assert len(done) == 3
    assert len((tmp_path / "log").read_text().splitlines()) == 3


@pytest.mark.slow
def test_a_process_has_one_thread_also_where_its_trainer_brings_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch counts its threads when it is imported, so the environment must be there before the trainer is."""
    from tests.rounds.threads import count_threads

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    done = spread(count_threads, {tmp_path / "one": Job(keep=False)}, workers=1)
    assert done[tmp_path / "one"].measured["threads"].item() == 1


@pytest.mark.parametrize("where", ["between", "while told"])
def test_an_interruption_leaves_no_process(where: str, tmp_path: Path) -> None:
    """Also where whoever asked is at work, not the pool: what still runs would go on for a minute."""
    quick = Toy(WHO, tmp_path / "log")
    before = set(multiprocessing.active_children())

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    def ask() -> None:
        if where == "while told":
            spread(_Uneven(WHO, tmp_path / "log"), jobs(tmp_path / "all"), workers=2, say=interrupt)
        with spreading(quick, workers=1) as do_all:
            do_all({tmp_path / "one": Job(members=("g0",))})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask()
    assert set(multiprocessing.active_children()) <= before


class _Uneven(Toy):
    """The first annotator's job is over at once, the others' take a minute."""

    def __call__(self, job: Job, folder: Path) -> None:
        kind: Any = Toy(self.pulls, self.log, seconds=0 if job.members == ("g0",) else 60)
        kind(job, folder)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": -1}, r"workers=-1 must be 0"),
        ({"workers": 1, "engine": "rays"}, r"unknown engine 'rays'. Did you mean 'ray'\?"),
        ({"workers": 0, "engine": "ray"}, r"engine ray needs workers=1 or more"),
    ],
)
def test_wrong_options_are_answered(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        spread(Toy(WHO, tmp_path / "log"), {}, **options)
