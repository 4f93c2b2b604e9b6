"""Oracle: the files on disk."""

from __future__ import annotations

from pathlib import Path

from crowdtune.training.checkpoints import complete, mark_complete, rotate


def checkpoint(home: Path, step: int, whole: bool = True) -> Path:
    folder = home / f"checkpoint-{step}"
    folder.mkdir()
    (folder / "model").write_text("x")
    if whole:
        mark_complete(folder)
    return folder


def test_only_whole_checkpoints_count_in_order_of_steps(tmp_path: Path) -> None:
    made = [checkpoint(tmp_path, step) for step in (9, 10)]
    checkpoint(tmp_path, 11, whole=False)
    assert complete(tmp_path) == made


def test_rotation_removes_torn_ones_and_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    made = [checkpoint(tmp_path, step) for step in (1, 2, 3)]
    torn = checkpoint(tmp_path, 4, whole=False)
    rotate(tmp_path, 1, best=str(made[0]))
    assert made[0].exists()
    assert not made[1].exists()
    assert made[2].exists()
    assert not torn.exists()


def test_nothing_is_removed_without_a_limit(tmp_path: Path) -> None:
    made = [checkpoint(tmp_path, step) for step in (1, 2, 3)]
    rotate(tmp_path, None)
    assert complete(tmp_path) == made
