"""Memory that is freed and asked for again at every step stays with the process.

glibc gives large blocks back to the system, which hands out zeroed pages again: a third of the time of a step on a CPU.
What it is told by the environment (MALLOC_MMAP_THRESHOLD_ and the like, GLIBC_TUNABLES) is left as it is.
"""

from __future__ import annotations

import ctypes
import functools
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 2**31 - 1  # bytes; more is given back


@functools.cache
def keep() -> None:
    """Let the C library keep freed memory; nothing where it is not glibc."""
    told = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and not told:
        mallopt(MMAP_THRESHOLD, 2**30)
        mallopt(TRIM_THRESHOLD, KEPT)
