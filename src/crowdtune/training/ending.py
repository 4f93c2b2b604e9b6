"""How a training goes on after it was stopped, and how it stops when the system asks for that."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from crowdtune.runs import Run
from crowdtune.training.checkpoints import complete, step_of

logger = logging.getLogger(__name__)
TERMINATED = 128 + signal.SIGTERM  # exit code


def newest(run: Run, resume: bool) -> str | None:
    """The checkpoint to go on from, None to start; with `resume` the log forgets what comes after it."""
    if not resume:
        return None
    whole = complete(run.checkpoints)
    logger.info(f"going on from {whole[-1].name}" if whole else "no checkpoint yet: starting over")
    run.rewind(step_of(whole[-1]) if whole else -1)
    return str(whole[-1]) if whole else None


@contextmanager
def ending_on_request(trainer: Any) -> Iterator[None]:
    """Answer SIGTERM, as of a queue that takes the machine back, with a checkpoint after the step and an end.

    Not for one of several ranks, which would stop at different steps, nor for workers of another process.
    """
    own = multiprocessing.parent_process() is None and threading.current_thread() is threading.main_thread()
    if not own or trainer.args.world_size > 1:
        yield
        return
    ending = _Ending()
    trainer.add_callback(ending)
    before = signal.signal(signal.SIGTERM, ending.hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if ending.asked:
        whole = complete(Path(trainer.args.output_dir))
        kept = f"{whole[-1].name} is written" if whole else "there is no checkpoint yet"
        logger.warning(f"stopped as the system asked (SIGTERM); {kept}. The same command with --resume goes on.")
        raise SystemExit(TERMINATED)


class _Ending(TrainerCallback):
    def __init__(self) -> None:
        self.asked = False

    def hear(self, signum: int, frame: Any) -> None:
        """Note that an end is asked for."""
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save and stop; after the last step training ends of itself."""
        if self.asked and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True
