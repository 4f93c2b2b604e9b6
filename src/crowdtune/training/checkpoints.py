"""Checkpoints that are whole or do not count.

transformers writes a checkpoint file by file and resumes from the newest folder, torn or not. Here the last file
written is a mark; only folders with the mark are resumed from, and old ones go only after the new one has it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MARK = "complete"
PREFIX = "checkpoint-"


def mark_complete(folder: Path) -> None:
    """Flush every file of a checkpoint to disk, then write its mark."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _flush(path)
    _flush(folder)
    (folder / MARK).touch()
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def complete(folder: Path) -> list[Path]:
    """Whole checkpoints in `folder`, oldest first by step."""
    found = [p for p in folder.glob(f"{PREFIX}*") if (p / MARK).exists() and p.name[len(PREFIX) :].isdigit()]
    return sorted(found, key=lambda p: int(p.name[len(PREFIX) :]))


def rotate(folder: Path, keep: int | None, best: str | None = None) -> None:
    """Remove torn checkpoints and all but the newest `keep` whole ones; the best one stays."""
    whole = complete(folder)
    kept = set(whole if keep is None else whole[-keep:]) | ({Path(best)} if best else set())
    for path in folder.glob(f"{PREFIX}*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)
