"""Disks that are full, or will be: said in one place, whoever was writing."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from crowdtune.errors import InputError

ELSEWHERE = "Name a file in a folder you can write, on a disk with room."
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# torch.save hides what the system said behind whichever line of its own code noticed
SIGNS = re.compile(r"(?i)no space left|quota exceeded|file too large|inline_container|iostream error|write failed")


class Unwritten(InputError):
    """Something could not be written: what and why, then what to do. Pickles, as jobs fail in other processes."""

    def __str__(self) -> str:
        return " ".join(self.args)


@contextmanager
def writing(path: Path, *, needs: int = 0, then: str = ELSEWHERE) -> Iterator[None]:
    """Turn what writers raise for want of room or rights into one error; where several are nested, the outer's advice.

    Args:
        path: what is written.
        needs: about how many bytes; 0 = not known.
        then: what to do.
    """
    try:
        yield
    except Unwritten as e:
        raise Unwritten(e.args[0], then) from e
    except Exception as e:  # safetensors raises one of its own, torch.save a RuntimeError
        full = getattr(e, "errno", None) in FULL or bool(SIGNS.search(str(e)))
        if not full and not (isinstance(e, OSError) and e.strerror):
            raise
        wanted = f"{size(needs)} needed, " if needs else ""
        why = f"the disk is full: {wanted}{size(free(path))} free" if full else e.strerror  # type: ignore[attr-defined]
        raise Unwritten(f"{path} cannot be written ({why}).", then) from e


def free(path: Path) -> int:
    """Bytes that this user may still write to the disk `path` is on, or will be."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def size(n: float) -> str:
    """Bytes for people.

    Example:
        >>> size(1_600_000_000)
        '1.6 GB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 999.5:
            return f"{n:.0f} {unit}" if unit == "bytes" or n >= 9.95 else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def flush(folder: Path) -> None:
    """Have every file in a folder on the disk itself, so that a power cut after a rename finds it whole."""
    for path in [*folder.rglob("*"), folder]:
        flush_name(path)


def flush_name(path: Path) -> None:
    """The same for one file, or for the names in one folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(folder: Path) -> None:
    """Remove a folder that others may look for: renamed first, so that under its name it is whole or not there."""
    gone = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(gone, ignore_errors=True)
    if folder.exists():
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def put(path: Path, *, needs: int = 0) -> Iterator[IO[bytes]]:
    """A file to fill, beside `path`, flushed to disk and renamed into its place at the end; `needs` as of `writing`."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path, needs=needs):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with suppress(OSError):  # the folder it would be in is a file
                aside.unlink(missing_ok=True)
            raise


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill, beside `folder`, flushed to disk and put in its place at the end."""
    aside = folder.with_name(f".{folder.name}.new.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        flush(aside)
        discard(folder)
        aside.rename(folder)
        flush_name(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
