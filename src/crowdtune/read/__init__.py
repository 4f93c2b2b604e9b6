"""Any plain annotation file in, Annotations out, with a report of everything dropped, merged or renamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import msgspec

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.read.assemble import Answer, Policy, assemble
from crowdtune.read.report import ReadReport
from crowdtune.read.shapes import answers, items, open_table

__all__ = ["Policy", "ReadReport", "read"]

FOLDER = ("items.parquet", "annotations.parquet")


class _Origin(msgspec.Struct):
    """What reading needs of origin.json."""

    labels: str | None = None


def read(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    wide: Sequence[str] = (),
    items: str | Path | None = None,
    policy: Policy | None = None,
) -> tuple[Annotations, ReadReport]:
    """Read annotations, or items alone, from a file or a folder.

    Args:
        path: CSV, TSV, JSONL, JSON or Parquet file (text forms also with .gz), or a folder with
            items.parquet and annotations.parquet.
        columns: role -> column where the names alone do not tell, e.g. {"annotator": "coder"}.
        wide: the columns that are annotators, where a wide file's own shape does not tell.
        items: a second file that describes the items (text, choices, gold), joined on the item's id.
        policy: what to do with repeats, abstentions and spellings.

    Returns:
        The annotations and what reading did to get them.
    """
    path = Path(path)
    report = ReadReport(str(path))
    policy = policy or Policy()
    if path.is_dir():
        sources = _folder(path, report)
        policy = replace(policy, labels=policy.labels or _written_labels(path))
    else:
        sources = [answers(open_table(path, columns or {}), wide, report)]
    if items is not None:
        sources.insert(0, _described(Path(items), report))
    annotations = assemble(chain.from_iterable(sources), policy, report)
    report.shape = "folder" if path.is_dir() else report.shape
    return annotations, report


def _described(path: Path, report: ReadReport) -> Iterator[Answer]:
    """A file that only says what the items are."""
    beside = ReadReport(str(path))
    described = items(open_table(path, {}), beside)
    report.beside.append(beside)
    return described


def _folder(path: Path, report: ReadReport) -> list[Iterator[Answer]]:
    missing = [name for name in FOLDER if not (path / name).exists()]
    if missing:
        raise InputError(f"{path} is a folder without {missing[0]}. Name a file, or a folder crowdtune wrote.")
    described = items(open_table(path / FOLDER[0], {}), ReadReport(str(path)))
    labels = open_table(path / FOLDER[1], {}, may_be_empty=True)
    given = answers(labels, (), report) if labels.sample else iter(())
    return [described, given]


def _written_labels(path: Path) -> str | None:
    """How `write_folder` wrote the labels, "text" or "code"; None in a folder made otherwise."""
    origin = path / "origin.json"
    try:
        return msgspec.json.decode(origin.read_bytes(), type=_Origin).labels if origin.exists() else None
    except msgspec.DecodeError as e:
        raise InputError(f"{origin} is not what crowdtune writes ({e}). Remove it or write the folder again.") from e
