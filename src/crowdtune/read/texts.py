"""A folder of text files, one per item and named by it: the items' texts, such as transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from crowdtune.errors import InputError
from crowdtune.read.entries import Described
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

ENDING = ".txt"


def texts(opened: Opened, report: ReadReport) -> Iterator[Described]:
    """An item for every text file; its id is the file's name without the ending."""
    files = [member for member in opened.members if member.lower().endswith(ENDING)]
    if not files:
        raise InputError(f"{opened.path} holds no {ENDING} file. Name a table, or a folder with a text file per item.")
    report.shape, report.columns = "texts", {"item": "name of the file", "prompt": "its text"}
    report.ignored = [member for member in opened.members if member not in files]
    for number, member in enumerate(files, start=1):
        path = opened.path / member
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (UnicodeError, OSError) as e:
            raise InputError(f"{path} is not readable UTF-8 text. Save it as UTF-8.") from e
        yield Described(number, PurePosixPath(member).stem, prompt=" ".join(text.split()))
