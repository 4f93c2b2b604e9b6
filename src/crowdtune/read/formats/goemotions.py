"""GoEmotions as it was split for training: a text, the numbers of its emotions and its id, without a header.

The emotions are those that two raters at least gave a comment, if there is one; neither who nor how many is said. The
file with a row per rater is a plain table with a column per option.

References:
    Demszky et al.: GoEmotions: a dataset of fine-grained emotions, 2020, https://arxiv.org/abs/2005.00547
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crowdtune.errors import InputError
from crowdtune.read.entries import Described, Entry
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
NUMBERS, ID = re.compile(r"\d{1,2}(,\d{1,2})*"), re.compile(r"[a-z0-9]+")  # a comment's is a number to base 36
SPLIT = re.compile(r"(?:^|[-_.])(train|dev|test)(?=$|[-_.])")
VOTE = "item with the emotions that several raters gave it, who and how many not said: read as equal shares"


def recognise(opened: Opened) -> str:
    """Three columns without names: text, numbers of emotions, id of a comment."""
    rows = [opened.names, *([row.cells[n] for n in opened.names] for row in opened.sample)] if _tabs(opened) else []
    fits = bool(rows) and not any(map(_misfit, rows)) and any(" " in text for text, _, _ in rows)
    return "a text, numbers of emotions and an id" if fits and len({cells[2] for cells in rows}) == len(rows) else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for every line, with equal shares of its emotions; the first line is one as well."""
    if not _tabs(opened):
        raise InputError(f"{opened.path} has no three columns with tabs between: it is no split of GoEmotions.")
    report.columns = {"item": "3rd", "prompt": "1st", "shares": "2nd"}
    found = SPLIT.search(opened.path.name)
    split = found.group(1) if found else ""
    yield _item(opened, 1, opened.names, split, report)
    for row in opened.rows():
        yield _item(opened, row.number, list(row.cells.values()), split, report)


def _tabs(opened: Opened) -> bool:
    return opened.form in (".tsv", ".csv") and len(opened.names) == 3


def _misfit(cells: list[str]) -> str:
    """Which field is not what it should be, "" where all are."""
    numbers, name = cells[1].strip(), cells[2].strip()
    if not NUMBERS.fullmatch(numbers) or any(int(n) >= len(EMOTIONS) for n in numbers.split(",")):
        return f"field 2, {numbers[:30]!r}, is not numbers of emotions from 0 to {len(EMOTIONS) - 1}"
    return "" if ID.fullmatch(name) else f"field 3, {name[:30]!r}, is not a comment's id, letters a to z and digits"


def _item(opened: Opened, number: int, cells: list[str], split: str, report: ReadReport) -> Described:
    odd = _misfit(cells)
    if odd:
        raise InputError(f"{opened.where(number)}: {odd}. Mend the row.")
    report.notes[VOTE] += 1
    text, numbers, name = cells
    shares = [0.0] * len(EMOTIONS)
    for code in numbers.split(","):
        shares[int(code)] = 1.0
    return Described(number, clean(name), "", text, list(EMOTIONS), split=split, posterior=shares)
