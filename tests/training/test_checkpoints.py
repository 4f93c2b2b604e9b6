"""Oracle: the files on disk, looked at whatever goes wrong, and a disk that is really full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerState

from crowdtune.errors import InputError
from crowdtune.training import CrowdTrainer
from crowdtune.training.checkpoints import Room, checkpoint_size, complete, rotate
from tests.training.test_trainer import config, crowd

SAVING = dict(save_strategy="steps", save_steps=1, save_total_limit=1, optim="adamw_torch", max_steps=3)


def checkpoint(home: Path, step: int) -> Path:
    folder = home / f"checkpoint-{step}"
    folder.mkdir()
    (folder / "model").write_text("x")
    return folder


def test_checkpoints_count_in_order_of_steps(tmp_path: Path) -> None:
    made = [checkpoint(tmp_path, step) for step in (9, 10)]
    (tmp_path / "_aside" / "checkpoint-11").mkdir(parents=True)
    assert complete(tmp_path) == made


def test_rotation_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    made = [checkpoint(tmp_path, step) for step in (1, 2, 3)]
    rotate(tmp_path, None)
    assert complete(tmp_path) == made
    rotate(tmp_path, 1, best=str(made[0]))
    assert sorted(tmp_path.iterdir()) == [made[0], made[2]]


def test_one_whose_removal_was_killed_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [checkpoint(tmp_path, step) for step in (1, 2)]
    monkeypatch.setattr("shutil.rmtree", lambda *args, **kwargs: None)  # as far as a kill lets it come
    rotate(tmp_path, 1)
    assert complete(tmp_path) == [made[1]]


class Stop(BaseException):
    """A kill, as far as files are concerned."""


@pytest.mark.parametrize(
    "where",
    [
        "annotators.pt",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("model.safetensors", "optimizer.pt", "rng_state.pth")),
    ],
)
def test_a_checkpoint_never_has_its_name_before_it_is_whole(
    where: str, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever file is missing when it ends: the newest checkpoint is the one before, and resuming takes that."""
    from crowdtune.training import checkpoints

    def flushed(folder: Path) -> None:
        if folder.name == "checkpoint-2":
            (folder / where).rename(folder / "torn")
            raise Stop

    monkeypatch.setattr(checkpoints, "flush", flushed)
    monkeypatch.setattr(checkpoints.shutil, "rmtree", lambda *args, **kwargs: None)  # nobody tidies up
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, **SAVING), crowd())
    with pytest.raises(Stop):
        trainer.train()
    assert [path.name for path in complete(tmp_path)] == ["checkpoint-1"]
    monkeypatch.undo()
    again = CrowdTrainer(str(tiny_llama), config(tmp_path, **SAVING), crowd())
    again.train(resume_from_checkpoint=True)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-3"]
    names = {path.name for path in (tmp_path / "checkpoint-3").iterdir()}
    assert names >= {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "annotators.pt"}


@pytest.mark.slow
def test_the_best_checkpoint_is_known_by_its_last_name(tiny_llama: Path, tmp_path: Path) -> None:
    changes = SAVING | {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True}
    args = config(tmp_path, metric_for_best_model="loss", **changes)
    trainer = CrowdTrainer(str(tiny_llama), args, crowd(), eval_dataset=crowd())
    trainer.train()
    best = trainer.state.best_model_checkpoint
    assert best is not None
    assert Path(best) in complete(tmp_path)
    assert f'"best_model_checkpoint": "{best}"' in (complete(tmp_path)[-1] / "trainer_state.json").read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a small file system")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)  # weights on it may still be mapped


def test_on_a_full_disk_the_checkpoint_before_stays_and_training_goes_on_from_it(
    tiny_llama: Path, small_disk: Path
) -> None:
    whole = small_disk / "run"
    ballast = small_disk / "ballast"

    class Fill(Room):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 2:
                ballast.write_bytes(b"x" * 1_050_000)

    args = config(whole, **SAVING)
    trainer = CrowdTrainer(str(tiny_llama), args, crowd(), callbacks=[Fill(print)])
    with pytest.raises(InputError, match=r"t-2 cannot be written \(the disk is full: \d+ kB needed, \d+ kB") as e:
        trainer.train()
    assert str(e.value).endswith("free). checkpoint-1 is whole. Make room; then --resume goes on from there.")
    assert [path.name for path in whole.iterdir()] == ["checkpoint-1"]
    ballast.unlink()
    CrowdTrainer(str(tiny_llama), args, crowd()).train(resume_from_checkpoint=True)
    assert [path.name for path in complete(whole)] == ["checkpoint-3"]


def test_too_small_a_disk_is_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32: 4 bytes of weights, 8 of AdamW for each trained; two checkpoints, or the model where none is due."""
    told: list[str] = []
    model, state = torch.nn.Linear(10, 10, bias=False), TrainerState(max_steps=3, save_steps=1)
    for room, steps in ((2400, 1), (2399, 1), (400, 5), (399, 5)):
        monkeypatch.setattr("crowdtune.training.checkpoints.free", lambda path, room=room: room)
        state.save_steps = steps
        Room(told.append).on_train_begin(config(tmp_path, **SAVING), state, None, model=model)
    assert told == [
        f"checkpoints take about 1.2 kB each, two at a time: 2.4 kB more, and the disk of {tmp_path} has 2.4 kB free. "
        "Make room.",
        f"the model has to be kept: 400 bytes more, and the disk of {tmp_path} has 399 bytes free. Make room.",
    ]


def test_sizes_of_a_checkpoint() -> None:
    """Float32: 4 bytes of weights, 8 of AdamW for each trained."""
    model = torch.nn.Linear(10, 10, bias=False)
    assert checkpoint_size(model) == (1200, 400)
    model.weight.requires_grad = False
    assert checkpoint_size(model) == (400, 400)
