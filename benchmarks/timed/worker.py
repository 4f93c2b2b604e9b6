"""A process of its own for each way of training, held at the end of each optimiser step until it is its turn."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any
from unittest import mock

from crowdtune.annotations import Ints

PARITY = (3, 32)  # labels and tokens of the step whose gradients are compared


@dataclass(frozen=True)
class Step:
    """One optimiser step.

    Args:
        seconds: from the end of the step before to its own.
        share: of an epoch, by the tokens of prompts.
        read: tokens the model was given, padding included.
        there: of these, tokens that are no padding.
        work: FLOPs that are needed for it.
    """

    seconds: float
    share: float
    read: int
    there: int
    work: float


@dataclass(frozen=True)
class Ready:
    """What is known before the first step: unique prompt tokens of an epoch, and FLOP/s of the body's products."""

    tokens: int
    peak: dict[str, float]


class Worker:
    """A process that trains on request."""

    def __init__(self, model: str, threads: int) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, model, threads), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, *request: Any) -> Any:
        """Send a request, wait for the answer."""
        self.pipe.send(request)
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise SystemExit("a training process died, of memory perhaps") from None
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer

    def stop(self) -> None:
        """End the process."""
        self.pipe.send(("stop",))
        self.process.join(10)
        self.process.kill()


def _serve(pipe: Connection, model: str, threads: int) -> None:
    """Answer requests; errors are sent as text."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    import torch

    torch.set_num_threads(threads)
    while (request := pipe.recv())[0] != "stop":
        try:
            pipe.send(_train(pipe, model, request[1]) if request[0] == "train" else _parity(model, request[1]))
        except Exception:
            pipe.send(traceback.format_exc())


def _train(pipe: Connection, model: str, job: Any) -> float:
    """Train, step by step; the answer to the last step is peak memory in bytes."""
    from .crowd import crowd
    from .machine import forget, most, peak
    from .models import read
    from .ways import OURS

    lm = read(model, stock=job.way != OURS)
    made, device = crowd(lm, job.items, job.labels, job.tokens), lm.device
    ready = Ready(int(made.lengths.sum()), peak(lm.model, job.batch * job.tokens))
    forget(device)
    _held(pipe, job, lm, made, ready)
    found = most(device)
    del lm, made
    forget(device)
    return found


def _held(pipe: Connection, job: Any, lm: Any, made: Any, ready: Ready) -> None:
    """Train, and at the end of each step tell of it and wait."""
    from .machine import needed, settle
    from .ways import OURS, SFT, train

    choices, ours = made.encoded.answers.shape[1], job.way == OURS
    whole = ready.tokens if ours else job.labels * (ready.tokens + (2 * job.items if job.way == SFT else 0))
    tally, released = Tally(made.lengths if ours else None), 0.0

    def hold() -> None:
        nonlocal released
        settle(lm.device)
        seconds = perf_counter() - released
        if released:
            given = tally.take()
            work = sum(needed(lm.model, g.lengths, choices, once=g.once) for g in given)
            share = sum(int(g.lengths.sum()) for g in given) / whole
            pipe.send(Step(seconds, share, sum(g.read for g in given), sum(g.there for g in given), work))
        else:
            pipe.send(ready)
        pipe.recv()
        released = perf_counter()

    with tally.counting():
        train(job, lm, made, hold)


@dataclass(frozen=True, eq=False)
class Given:
    """What a model was given in a forward pass.

    Args:
        read: tokens, padding included.
        there: of these, tokens that are no padding.
        lengths: (B,) tokens of each prompt, or row.
    """

    read: int
    there: int
    lengths: Ints

    @property
    def once(self) -> int:
        """Tokens that all rows begin with and that were read once."""
        return (int(self.lengths.sum()) - self.there) // max(len(self.lengths) - 1, 1)


class Tally:
    """Counts what a model is given in training steps; lengths are looked up where batches know their items."""

    def __init__(self, lengths: Ints | None) -> None:
        self.lengths = lengths
        self.seen: list[Any] = []

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count in every transformers Trainer."""
        from transformers import Trainer

        inner = Trainer.training_step

        def counted(trainer: Any, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
            packed = "row" in inputs  # without padding
            ids = inputs["row" if packed else "input_ids"]
            self.seen.append(
                (ids.numel(), None if packed else inputs["attention_mask"].sum(dim=1), inputs.get("index"))
            )
            return inner(trainer, model, inputs, *rest, **named)

        with mock.patch.object(Trainer, "training_step", counted):
            yield

    def take(self) -> list[Given]:
        """The forward passes since the last time."""
        found = []
        for read, mask, index in self.seen:
            rows = None if mask is None else mask.cpu().numpy()
            lengths = rows if self.lengths is None else self.lengths[index.cpu().numpy()]
            found.append(Given(read, read if rows is None else int(rows.sum()), lengths))
        self.seen = []
        return found


def _parity(model: str, job: Any) -> dict[str, float]:
    """How far apart gradients of an optimiser step are, ours from one row per label: in float32 and bfloat16."""
    from .crowd import crowd
    from .models import read, without_dropout
    from .ways import OURS, TRAINER, apart, gradients

    found = {}
    labels, tokens = PARITY
    job = replace(job, labels=labels, tokens=tokens, items=job.batch, steps=1)
    for bf16 in (False, True):
        pair = []
        for way in (OURS, TRAINER):
            lm = without_dropout(read(model, stock=way != OURS))
            pair.append(gradients(replace(job, way=way), lm, crowd(lm, job.items, labels, tokens), bf16=bf16))
        found["bfloat16" if bf16 else "float32"] = apart(*pair)
    return found
