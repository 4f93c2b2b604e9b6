"""Which of several processes this is, as torchrun and accelerate tell it; of one process, the main one."""

from __future__ import annotations

import os
import socket


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def n_ranks() -> int:
    """How many processes run the same command."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that writes and speaks."""
    return rank() == 0


def rank_name() -> str:
    """This process in a message."""
    return f"rank {rank()} of {n_ranks()} on {socket.gethostname()}"
