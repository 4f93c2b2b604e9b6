"""A data set of Hugging Face's library: a folder from save_to_disk, or data files named by their split.

Its rows are a plain table of whatever shape; only the folder and the names of labels are this format's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from crowdtune.errors import InputError
from crowdtune.read import shapes
from crowdtune.read.entries import Entry
from crowdtune.read.formats import argilla
from crowdtune.read.formats._saved import Whole
from crowdtune.read.opened import FOLDER, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import decode

PARTS, STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"
DATA = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".gz")
SPLIT = re.compile(r"(?:^|[-_.])(train|test|validation|valid|val|dev)(?=$|[-_.])")


def recognise(opened: Opened) -> str:
    """What save_to_disk writes, or data files that are all named by a split."""
    if opened.form != FOLDER or argilla.recognise(opened):  # Argilla saves its own as such a data set
        return ""
    names = [PurePosixPath(m).name for m in opened.members]
    marks = [n for n in (PARTS, STATE, INFO) if n in names]
    if marks and any(n.endswith(".arrow") for n in names):
        return f"{marks[0]} and Arrow files"
    data = _data(opened)
    named = data and all(SPLIT.search(PurePosixPath(m).name) for m in data)
    return "data files named by their split" if named else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """The rows of all splits, read as a plain table."""
    files = _files(opened)
    if not files:
        raise InputError(f"{opened.path} holds no data file ({', '.join(DATA)}). Name the folder of a data set.")
    whole = Whole(opened.path, opened.columns, opened.wide, files=files)
    found = shapes.entries(whole, report)
    report.shape = f"hf-dataset, {report.shape}"
    return found


def _data(opened: Opened) -> list[str]:
    return [
        m for m in opened.members if m.lower().endswith(DATA) and not PurePosixPath(m).name.startswith(("cache-", "."))
    ]


def _files(opened: Opened) -> tuple[tuple[str, Path], ...]:
    """Split and path of the data files; one data set of one form."""
    data = _data(opened)
    folders = {str(PurePosixPath(m).parent) for m in data}
    saved = any(PurePosixPath(m).name in (PARTS, STATE, INFO) for m in opened.members)
    if len(folders) > 1 and not saved:
        raise InputError(
            f"{opened.path} holds several data sets ({', '.join(sorted(folders))}). Name one of these folders."
        )
    known = _splits(opened)
    files = [(_split(member, known), opened.path / member) for member in data]
    return tuple(sorted(files, key=lambda file: file[0] != "train"))  # a test split may lack the answers


def _splits(opened: Opened) -> list[str]:
    """The splits a data set says it has."""
    for name in (PARTS, INFO):
        path = opened.path / name
        said = decode(str(path), path.read_bytes()) if name in opened.members else {}
        splits = said.get("splits") if isinstance(said, dict) else None
        if splits:
            return [str(split) for split in splits]
    return []


def _split(member: str, known: list[str]) -> str:
    path = PurePosixPath(member)
    if path.parent.name in known:
        return path.parent.name
    name = next((s for s in known if re.search(rf"(^|-){re.escape(s)}(-|\.)", path.name)), "")
    found = SPLIT.search(path.name)
    return name or (found.group(1) if found else "")
