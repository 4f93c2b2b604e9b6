"""Checkpoints that are whole or not there.

transformers writes a checkpoint file by file under its last name and resumes from the newest folder, torn or not. Here
it is written aside, flushed to disk and renamed, and only then old ones go, each renamed before it is removed: what is
called checkpoint-N is whole at any moment, for other tools as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from crowdtune.write.room import discard, flush, flush_name, free, size, writing

PREFIX = "checkpoint-"
ASIDE = "_aside"  # names with _ are left out of what transformers uploads
STATE = "trainer_state.json"


def complete(folder: Path) -> list[Path]:
    """Checkpoints in `folder`, oldest first by step."""
    found = [p for p in folder.glob(f"{PREFIX}*") if p.name[len(PREFIX) :].isdigit()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """Optimiser steps done when it was written."""
    return int(checkpoint.name[len(PREFIX) :])


def rotate(folder: Path, keep: int | None, best: str | None = None) -> None:
    """Remove all but the newest `keep` checkpoints; the best one stays."""
    whole = complete(folder)
    kept = set(whole if keep is None else whole[-keep:]) | ({Path(best)} if best else set())
    for path in whole:
        if path not in kept:
            discard(path)


def save_whole(
    trainer: Any, trial: Any, write: Callable[[], None], also: Callable[[Path], None] = lambda folder: None
) -> None:
    """Write a checkpoint aside, on every rank, and rename it into place.

    Args:
        trainer: of transformers, or one of its kin.
        trial: of a hyperparameter search, or None.
        write: writes the checkpoint, as the trainer does of itself.
        also: writes further files into the folder, on the first rank alone.
    """
    home, args = Path(trainer._get_output_dir(trial)), trainer.args
    place = home / f"{PREFIX}{trainer.state.global_step}"
    aside, keep = home / ASIDE, args.save_total_limit
    if args.should_save:
        shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
    trainer.accelerator.wait_for_everyone()
    vars(trainer)["_get_output_dir"] = lambda trial: str(aside)
    args.save_total_limit = None  # old ones go after the new one is whole
    try:
        needs = max(checkpoint_size(trainer.model)[0], _newest_size(home))
        with writing(place, needs=needs, then=_advice(home)), _tidied(aside):
            write()
            trainer.accelerator.wait_for_everyone()  # each rank writes the state of its own generator
            _settle(trainer, aside / place.name, place, also)
    finally:
        del vars(trainer)["_get_output_dir"]
        args.save_total_limit = keep
    if args.should_save:
        rotate(home, keep, trainer.state.best_model_checkpoint)


def _settle(trainer: Any, folder: Path, place: Path, also: Callable[[Path], None]) -> None:
    """Complete a checkpoint that all ranks have written, and move it to its place."""
    state = trainer.state
    moved = state.best_model_checkpoint == str(folder)
    if moved:
        state.best_model_checkpoint = str(place)
    if trainer.args.should_save:
        if moved:
            state.save_to_json(str(folder / STATE))
        also(folder)
        flush(folder)
        trainer._finish_current_push()  # where it is being uploaded
        discard(place)
        folder.rename(place)
        flush_name(place.parent)
        shutil.rmtree(folder.parent)


@contextmanager
def _tidied(aside: Path) -> Iterator[None]:
    """Give back the room of a checkpoint that failed."""
    try:
        yield
    except Exception:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _advice(home: Path) -> str:
    whole = complete(home)
    kept = f"{whole[-1].name} is whole" if whole else "There is no checkpoint before it"
    return f"{kept}. Make room; then --resume goes on{' from there' if whole else ', from the start'}."


def checkpoint_size(model: nn.Module) -> tuple[int, int]:
    """About how many bytes a checkpoint takes, weights and AdamW's two moments, and how many of them are weights."""
    parameters = [(p.numel() * p.element_size(), p.requires_grad) for p in model.parameters()]
    trained = sum(count for count, moves in parameters if moves)
    weights = trained if hasattr(model, "peft_config") else sum(count for count, _ in parameters)
    return weights + 2 * trained, weights


def _newest_size(home: Path) -> int:
    """Bytes of the newest checkpoint, 0 where there is none."""
    return sum(file.stat().st_size for path in complete(home)[-1:] for file in path.rglob("*"))


class Room(TrainerCallback):
    """Warns before training where checkpoints and the model will not fit the disk."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Compare what will be written with what is free."""
        if not args.should_save or args.save_strategy == "no":
            return
        whole, weights = checkpoint_size(kwargs["model"])
        some = args.save_strategy != "steps" or state.save_steps < state.max_steps
        home = Path(args.output_dir)
        needed, room = (2 * whole if some else weights) - _newest_size(home), free(home)
        if room < needed:
            what = f"checkpoints take about {size(whole)} each, two at a time" if some else "the model has to be kept"
            self.warn(f"{what}: {size(needed)} more, and the disk of {home} has {size(room)} free. Make room.")


class LossSoFar(TrainerCallback, ExportableState):
    """Keeps in a checkpoint what was summed since the last line of the log, which is then as of an unbroken run."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self.kept: dict[str, float] = {}

    def keep(self) -> None:
        """Take the mean over ranks; called on all of them before a checkpoint is written."""
        total = self.trainer.accelerator.reduce(self.trainer._tr_loss.clone(), "mean")
        self.kept = {"sum": float(total), "since": self.trainer._globalstep_last_logged}

    def state(self) -> dict[str, Any]:
        """What the checkpoint's trainer_state.json keeps."""
        return {"args": {}, "attributes": self.kept}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on with what a checkpoint had."""
        found = state.stateful_callbacks.get(type(self).__name__, {}).get("attributes")
        if state.global_step and found:
            self.trainer._tr_loss = torch.tensor(found["sum"], device=args.device)
            self.trainer._globalstep_last_logged = found["since"]
