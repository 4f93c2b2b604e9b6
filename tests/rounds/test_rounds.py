"""Rounds. Oracle: a toy model whose best group is known by arithmetic, and a run that was never killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdtune.errors import InputError
from crowdtune.rounds.ledger import Ledger
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.record import Contribution, Round, enter, load_rounds
from crowdtune.rounds.rounds import Play
from crowdtune.rounds.spread import spreading
from crowdtune.rounds.summary import annotator_rows, attribution, summary
from tests.rounds.toy import Toy, pulls, targets

WHO = pulls(6, 3)


def play(
    folder: Path, who: dict[str, Any] = WHO, veto: bool = False, fails: tuple[str, ...] = (), **options: Any
) -> list[Round]:
    """Rounds in this process, by the distance alone or with a veto."""
    chosen = targets()[: 2 if veto else 1]
    with spreading(Toy(who, folder.with_suffix(".log"), fails=fails), workers=0) as spread:
        return list(Play(chosen, Rounds(**options), folder, spread).rounds({name: "data" for name in who}))


def trained(folder: Path) -> int:
    """How many trainings there were."""
    log = folder.with_suffix(".log")
    return len(log.read_text().splitlines()) if log.exists() else 0


def files(folder: Path) -> dict[str, bytes]:
    """All that is kept of rounds."""
    return {at.relative_to(folder).as_posix(): at.read_bytes() for at in sorted(folder.rglob("*")) if at.is_file()}


def test_the_group_with_the_best_contributions_wins_and_moves_the_base(tmp_path: Path) -> None:
    done = play(tmp_path / "a", rounds=4)
    moved = np.zeros(2)
    for one in done:
        mean = [np.mean([WHO[name][0] for name in members]) for members in one.groups]
        assert one.winner == f"group-{int(np.argmax(mean)) + 1}"
        assert one.accepted
        moved[0] += max(mean)
    score = -abs(1 - moved[0])
    assert done[-1].reached["distance"] == pytest.approx(score, abs=5 * 0.05 / np.sqrt(50) + 5 * 4 * 0.001)
    assert [one.base for one in done[1:]] == [one.then for one in done[:-1]]


def test_points_share_a_groups_gain_and_losers_get_none(tmp_path: Path) -> None:
    (one,) = play(tmp_path / "a", rounds=1)
    for g, members in enumerate(one.groups, start=1):
        gain = max(0.0, one.gains[f"group-{g}"]["distance"].value)
        assert [one.points[name] for name in members] == pytest.approx([gain / len(members)] * len(members))


def test_only_models_on_the_winning_path_are_kept(tmp_path: Path) -> None:
    done = play(tmp_path / "a", rounds=3, merge="average")
    kept = {at.relative_to(tmp_path / "a").as_posix() for at in (tmp_path / "a").glob("rounds/*/*/model")}
    assert kept == {one.then for one in done if one.accepted}
    play(tmp_path / "b", rounds=3, keep_all=True)
    assert len(list((tmp_path / "b").glob("rounds/*/group-*/model"))) == 9


def test_a_gain_that_is_not_sure_is_not_accepted_and_patience_ends_it(tmp_path: Path) -> None:
    done = play(tmp_path / "a", {f"n{i}": (0.0, 0.0) for i in range(4)}, rounds=9, patience=2, groups=2)
    assert len(done) == 2
    assert not any(one.accepted for one in done)
    assert {one.then for one in done} == {""}
    assert sum(one.points[name] for one in done for name in one.players) < 0.1


def test_a_second_target_vetoes(tmp_path: Path) -> None:
    """All pull to the goal and far up; upwards is what the second target is against."""
    up = {f"u{i}": (0.1, 0.2) for i in range(4)}
    assert play(tmp_path / "a", up, rounds=1, groups=2)[0].accepted
    vetoed = play(tmp_path / "b", up, veto=True, rounds=1, groups=2)[0]
    assert not vetoed.accepted
    assert "low vetoes" in vetoed.why


def test_enough_is_enough(tmp_path: Path) -> None:
    done = play(tmp_path / "a", rounds=9, enough=-0.8)
    assert done[-1].reached["distance"] >= -0.8
    assert all(one.reached["distance"] < -0.8 for one in done[:-1])


def test_the_average_of_two_is_a_candidate(tmp_path: Path) -> None:
    """Two groups that go past the goal on both sides: only between them is it nearer."""
    who = {"l": (1.0, 0.6), "r": (1.0, -0.6)}
    (one,) = play(tmp_path / "a", who, groups=2, rounds=1, merge="average")
    assert one.winner == "average"
    assert one.accepted
    assert one.steps["average"] == 2


def test_one_group_of_all_is_plain_training_in_rounds(tmp_path: Path) -> None:
    done = play(tmp_path / "a", pulls(3, 0), groups=1, rounds=3, probe=False)
    assert [one.winner for one in done] == ["group-1"] * 3
    assert summary(done)["steps"] == summary(done)["steps_on_path"] == 9


def test_attribution_from_the_untrained_model_tells_good_from_bad(tmp_path: Path) -> None:
    done = play(tmp_path / "a", rounds=8, patience=8)
    credit = attribution(done, list(WHO))
    assert credit is not None
    assert credit.values[:6].min() > credit.values[6:].max()
    rows = annotator_rows(done, {name: Contribution(2, "data") for name in WHO})
    assert {row["annotator"] for row in rows[-3:]} == {"b0", "b1", "b2"}
    found = [row["attribution"] for row in rows]
    assert found == sorted(found, reverse=True)
    assert all(row["attribution_low"] < row["attribution"] < row["attribution_high"] for row in rows)
    assert attribution(play(tmp_path / "b", rounds=1, probe=False), list(WHO)) is None


def check_stopped(at: int, tmp_path: Path) -> None:
    """A run stopped at its `at`-th job ends as one that was not, and trains nothing twice."""
    options: dict[str, Any] = {"rounds": 2, "merge": "average", "seed": 3}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    play(whole, **options)

    class Stops(Toy):
        def __call__(self, job: Any, folder: Path) -> None:
            jobs.append(job)
            if len(jobs) == at:
                raise KeyboardInterrupt
            super().__call__(job, folder)

    jobs: list[Any] = []
    with pytest.raises(KeyboardInterrupt), spreading(Stops(WHO, cut.with_suffix(".log")), workers=0) as spread:
        list(Play(targets()[:1], Rounds(**options), cut, spread).rounds({name: "data" for name in WHO}))
    play(cut, **options)
    assert files(cut) == files(whole)
    assert trained(cut) == trained(whole)


@pytest.mark.parametrize("at", [3, 7])
def test_stopped_in_the_middle_it_ends_the_same(at: int, tmp_path: Path) -> None:
    check_stopped(at, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14])
def test_stopped_at_any_job_it_ends_the_same(at: int, tmp_path: Path) -> None:
    check_stopped(at, tmp_path)


def test_whoever_joins_late_takes_part_from_the_next_round_and_moves_no_earlier_one(tmp_path: Path) -> None:
    first = play(tmp_path / "a", rounds=2)
    more = play(tmp_path / "a", WHO | {"late": (0.3, 0.0)}, rounds=3)
    assert more[:2] == first
    assert more[2].players == (*WHO, "late")
    rows = annotator_rows(more, {name: Contribution(2, "data") for name in (*WHO, "late")})
    assert {row["annotator"]: row["appearances"] for row in rows}["late"] == 1


def test_patience_that_ran_out_begins_anew_with_newcomers(tmp_path: Path) -> None:
    nobody = {f"n{i}": (-0.1, 0.0) for i in range(4)}
    assert len(play(tmp_path / "a", nobody, rounds=9, patience=2, groups=2)) == 2
    assert len(play(tmp_path / "a", nobody | {"late": (0.0, 0.0)}, rounds=9, patience=2, groups=2)) == 4


def test_a_round_that_was_begun_with_other_contributions_is_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="brings nothing"):
        play(tmp_path / "a", rounds=1, fails=("g0",))
    assert trained(tmp_path / "a") == 2  # the other groups' are kept
    with spreading(Toy(WHO, tmp_path / "log"), workers=0) as spread:
        list(Play(targets()[:1], Rounds(rounds=1), tmp_path / "a", spread).rounds({name: "changed" for name in WHO}))
    assert len((tmp_path / "log").read_text().splitlines()) == 3


def test_the_ledger_is_the_same_however_often_it_is_entered(tmp_path: Path) -> None:
    done = play(tmp_path / "a", pulls(2, 0), rounds=2, groups=2)
    brought = {name: Contribution(2, "data") for name in pulls(2, 0)}
    heads = set()
    for name, steps in {"one": [0, 1, 2], "other": [0, 1, 1, 0, 2]}.items():
        book = Ledger.open(tmp_path / f"{name}.sqlite")
        for count in steps:
            enter(book, done[:count], brought)
        book.check()
        heads.add(book.head)
        kinds = [entry.kind for entry in book.entries()]
        assert kinds == ["contribution"] * 2 + (["round"] + ["points"] * 2 + ["probes"]) * 2
    assert len(heads) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": 0}, "groups=0 must be 1 or more"),
        ({"steps": -1}, "steps=-1 must be 0 or more"),
        ({"epsilon": 1.5}, "epsilon=1.5 must be a share"),
    ],
)
def test_wrong_options_are_answered(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Rounds(**options)


def test_a_broken_record_is_told_with_its_path(tmp_path: Path) -> None:
    play(tmp_path / "a", rounds=1)
    record = tmp_path / "a" / "rounds" / "001" / "round.json"
    record.write_bytes(record.read_bytes()[:50])
    with pytest.raises(InputError, match=r"round.json is not as it was written"):
        load_rounds(tmp_path / "a")


RUN = """
import sys
from pathlib import Path
from crowdtune.rounds.ledger import Ledger
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.record import Contribution, enter, load_rounds
from crowdtune.rounds.rounds import Play
from crowdtune.rounds.spread import spreading
from tests.rounds.toy import Toy, pulls, targets

if __name__ == "__main__":
    folder, engine, seconds, workers = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    who = pulls(6, 3)
    book = Ledger.open(folder.with_suffix(".sqlite"))
    enter(book, load_rounds(folder), {name: Contribution(2, "data") for name in who})
    toy = Toy(who, folder.with_suffix(".log"), seconds=seconds)
    with spreading(toy, workers=workers, engine=engine) as spread:
        for one in Play(targets()[:1], Rounds(rounds=2), folder, spread).rounds({name: "data" for name in who}):
            enter(book, [one], {})
    print(book.head)
"""


def start(folder: Path, engine: str = "processes", seconds: float = 0.0, workers: int = 2) -> subprocess.Popen[str]:
    """A process that plays two rounds."""
    root = Path(__file__).parents[2]
    there = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    script = folder.with_name(f"play_{folder.name}.py")  # no name that shadows a library
    script.write_text(RUN)
    words = [sys.executable, str(script), str(folder), engine, str(seconds), str(workers)]
    return subprocess.Popen(words, env=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(happened: Callable[[], bool]) -> None:
    """Look until something is so, a minute at most."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process is no more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_of_a_round_it_goes_on_to_the_same_ledger(how: int, tmp_path: Path) -> None:
    """A real kill of real processes: same winners, same head, nothing trained twice, no process left behind."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    head = start(whole).communicate()[0].strip()
    victim = start(cut, seconds=0.4)
    wait_for(lambda: len(list(cut.glob("rounds/002/group-*"))) >= 1)
    victim.send_signal(how)
    victim.communicate()
    log = cut.with_suffix(".log").read_text().split()
    wait_for(lambda: all(gone(int(pid)) for pid in log[1::2]))
    whole_jobs = [at for at in cut.rglob("measured.npz") if not at.parent.name.startswith(".")]
    before = {at: at.stat().st_mtime_ns for at in whole_jobs}
    assert 0 < len(before) < len(list(whole.rglob("measured.npz")))
    told, errors = start(cut).communicate()
    assert told.strip() == head, errors
    assert {at: at.stat().st_mtime_ns for at in before} == before
    assert files(cut) == files(whole)
    done = [line.split()[0] for line in cut.with_suffix(".log").read_text().splitlines()]
    assert len(set(done)) == len(whole.with_suffix(".log").read_text().splitlines())


@pytest.mark.parity
def test_a_cluster_by_ray_gives_what_processes_give(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    heads = []
    for engine in ("processes", "ray"):
        told, errors = start(tmp_path / engine, engine).communicate()
        assert told, errors
        heads.append(told.split()[-1])
    assert heads[0] == heads[1]
    assert files(tmp_path / "processes") == files(tmp_path / "ray")
