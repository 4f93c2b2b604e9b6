"""Any annotation export in, Annotations out, with a report of everything dropped, merged or renamed.

    hub        an address on the hub -> a folder of files
    opened     a file or folder looked at: form, first rows, columns. Rows come from tables (with stream for JSON, and
               label_names where numbers stand for labels)
    formats/   who wrote it, by its content -> entries: what is said of items, answers and annotators
    shapes     a plain table -> the same entries; columns tells what each column is, and nested, pairs, onehot and
               people know one kind of table each, texts a folder of them
    builder    entries -> columns of codes; labels cleans texts, times reads dates
    assemble   codes -> Annotations, a policy a step: joining (items of several files), questions (which are read, lists
               of options), choices (abstentions, spellings, codes), counts (what is said of nobody), then repeats

What the user decides is in policy, what was done is in report. A new tool is a file in formats/ and nothing else.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.read import shapes
from crowdtune.read.assemble import assemble
from crowdtune.read.entries import Entry, Person, Source
from crowdtune.read.formats import detect, format_of, names
from crowdtune.read.formats._saved import PARQUET, table_of
from crowdtune.read.hub import local
from crowdtune.read.labels import clean
from crowdtune.read.opened import FOLDER, Opened
from crowdtune.read.policy import Policy
from crowdtune.read.report import ReadReport

__all__ = ["Policy", "ReadReport", "names", "read"]

WRITTEN = ("items.parquet", "annotations.parquet")  # in a folder crowdtune wrote
PEOPLE = "annotators.parquet"  # there too, where more than names is known


class _Origin(msgspec.Struct):
    """What reading needs of origin.json."""

    labels: str | None = None


def read(
    path: str | Path | Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    wide: Sequence[str] = (),
    items: str | Path | None = None,
    policy: Policy | None = None,
    form: str = "auto",
) -> tuple[Annotations, ReadReport]:
    """Read annotations, or items alone, from exports of annotation tools, plain tables or folders.

    Args:
        path: a file or folder, or a data set on the hub (hub:owner/name), or several that belong together: every
            annotator's own file, or answers and what is known of the annotators.
        columns: role -> column where the names alone do not tell, e.g. {"annotator": "coder"}; for plain tables.
        wide: the columns that are annotators, where a wide file's own shape does not tell.
        items: a second file that describes the items (text, choices, gold), joined on the item's id.
        policy: what to do with repeats, abstentions, spellings, several questions and several files.
        form: name of the format; "auto" tells by the content, "table" reads as a plain table.

    Returns:
        The annotations and what reading did to get them.
    """
    paths = [local(p) for p in ([path] if isinstance(path, str | Path) else path)]
    if not paths:
        raise InputError("no file to read. Name one.")
    opened = [Opened(p, columns or {}, tuple(wide)) for p in paths]
    reports = [ReadReport(str(p)) for p in paths]
    policy = policy or Policy()
    report = reports[0]
    report.beside = reports[1:]
    if len(opened) > 1 and all(map(_names_nobody, opened)):
        opened = [replace(one, of_one=one.path.name.split(".")[0]) for one in opened]
    sources = [source for pair in zip(opened, reports, strict=True) for source in _sources(*pair, form)]
    if items is not None:
        report.beside.append(ReadReport(str(items)))
        described = shapes.items(Opened(Path(items), {}), report.beside[-1])
        sources.insert(0, Source(Path(items), described, own_ids=False))
    policy = replace(policy, labels=policy.labels or next(filter(None, map(_written_labels, opened)), None))
    with _no_collecting():
        return assemble(sources, policy, report), report


def _names_nobody(opened: Opened) -> bool:
    """True for a plain table of labels that does not say whose they are."""
    return not detect(opened)[0] and shapes.names_nobody(opened)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Reading makes no cycles, and looking for some among millions of items takes as long as reading them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _sources(opened: Opened, report: ReadReport, form: str) -> list[Source]:
    """The sources of one file or folder; how it is read is said in `report`."""
    if opened.form == FOLDER and WRITTEN[1] in opened.members and form == "auto":
        return _folder(opened, report)
    name, report.known_by = detect(opened) if form == "auto" else ("" if form == "table" else form, "asked for")
    if name:
        report.shape = name
        return [Source(opened.path, format_of(name).entries(opened, report))]
    if opened.form == FOLDER:
        opened = _in_parts(opened)
    return [Source(opened.path, shapes.entries(opened, report))]


def _in_parts(opened: Opened) -> Opened:
    """The Parquet files of a folder that holds nothing else, as one table."""
    names = [name for name in opened.members if not name.split("/")[-1].startswith((".", "_"))]
    if not names or not all(name.endswith(PARQUET) for name in names):
        raise InputError(
            f"{opened.path} is a folder without {WRITTEN[0]}. Name a file, a folder crowdtune wrote, or one that holds "
            "Parquet files of one table alone."
        )
    return table_of(opened)


def _folder(opened: Opened, report: ReadReport) -> list[Source]:
    if WRITTEN[0] not in opened.members:
        raise InputError(f"{opened.path} is a folder without {WRITTEN[0]}. Name a file, or a folder crowdtune wrote.")
    described, answered, people = (Opened(opened.path / name, {}) for name in (*WRITTEN, PEOPLE))
    sources = [Source(described.path, shapes.items(described, ReadReport(str(described.path))), own_ids=False)]
    if PEOPLE in opened.members:
        sources.append(Source(people.path, _people(people), own_ids=False))
    if answered.sample:
        sources.append(Source(answered.path, shapes.entries(answered, report)))
    report.shape = FOLDER
    return sources


def _people(opened: Opened) -> Iterator[Entry]:
    for row in opened.rows():
        traits = {name: clean(value) for name, value in row.cells.items() if name != "annotator"}
        yield Person(clean(row.cells.get("annotator")), traits)


def _written_labels(opened: Opened) -> str | None:
    """How `write_folder` wrote the labels, "text" or "code"; None in a folder made otherwise."""
    origin = opened.path / "origin.json"
    if opened.form != FOLDER or not origin.exists():
        return None
    try:
        return msgspec.json.decode(origin.read_bytes(), type=_Origin).labels
    except msgspec.DecodeError as e:
        raise InputError(f"{origin} is not what crowdtune writes ({e}). Remove it or write the folder again.") from e
