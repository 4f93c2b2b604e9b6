"""Several processes ask a model together: what is to be asked is dealt out, and each then knows all answers.

Outside `together` a process asks for itself, so that one may do so while the others do something else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.ranks import n_ranks, rank

_joined: ContextVar[bool] = ContextVar("joined", default=False)


@contextmanager
def together() -> Iterator[None]:
    """All processes do the same in here, in the same order; nothing where there is one."""
    if n_ranks() == 1 or _joined.get():
        yield
        return
    _meet()
    before = _joined.set(True)
    try:
        yield
        summed(np.zeros(1))  # nobody leaves while another still talks to it
    finally:
        _joined.reset(before)


def _meet() -> None:
    """Join the other processes: tensors on GPUs talk by NCCL, tables by gloo."""
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"  # all ask the untrained model, so all read its weights
    if dist.is_initialized():
        return
    gpu = torch.cuda.is_available()
    if gpu:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise InputError(
                f"{local + 1} processes or more on a machine of {torch.cuda.device_count()} GPUs. Start one for each."
            )
        torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")


def part() -> Any:
    """Leave the other processes, before this one ends; nothing where it never met them."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def dealt(batches: Sequence[list[int]]) -> Iterator[tuple[list[int], bool]]:
    """The batches this process asks, and whether their answers count.

    Each process has equally many, as all must call a model whose weights they share; where one has none left, it asks
    the last again, and the answer does not count.
    """
    own, every = (rank(), n_ranks()) if _joined.get() else (0, 1)
    for turn in range(own, -(-len(batches) // every) * every, every):
        yield batches[min(turn, len(batches) - 1)], turn < len(batches)


def summed(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The sum of what all processes hold, exact where all but one hold 0."""
    if _joined.get():
        dist.all_reduce(torch.from_numpy(table))
    return table


def sharded(lm: LanguageModel) -> bool:
    """Whether each process holds but a part of the weights (FSDP2)."""
    if n_ranks() == 1:
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(lm.model, FSDPModule)


def whole_weights(lm: LanguageModel) -> dict[str, Any] | None:
    """All weights of a model whose processes hold parts, on the main one; None where each has the whole model."""
    if not sharded(lm):
        return None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    held = get_model_state_dict(lm.model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    named = (lm.model.named_parameters(), lm.model.named_buffers())
    once = {name for part in named for name, _ in part}  # of weights that are tied the first
    return {name: value for name, value in held.items() if name in once}
