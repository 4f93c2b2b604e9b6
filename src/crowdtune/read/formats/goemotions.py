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
NUMBERS, ID = re.compile(r"\d{1,2}(,\d{1,2})*"), re.compile(r"e[a-z0-9]{6}")
SPLIT = re.compile(r"(?:^|[-_.])(train|dev|test)(?=$|[-_.])")
VOTE = "item with the emotions that several raters gave it, who and how many not said: read as equal shares"


def recognise(opened: Opened) -> str:
    """Three columns without names: text, numbers of emotions, id of a comment."""
    rows = [opened.names, *([row.cells[n] for n in opened.names] for row in opened.sample)] if _tabs(opened) else []
    return "a text, numbers of emotions and an id" if rows and all(map(_fits, rows)) else ""


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


def _fits(cells: list[str]) -> bool:
    numbers, name = cells[1].strip(), cells[2].strip()
    known = NUMBERS.fullmatch(numbers) and all(int(n) < len(EMOTIONS) for n in numbers.split(","))
    return bool(known and ID.fullmatch(name))


def _item(opened: Opened, number: int, cells: list[str], split: str, report: ReadReport) -> Described:
    if len(cells) < 3 or not _fits(cells):
        raise InputError(
            f"{opened.where(number)}: a text, numbers of emotions from 0 to {len(EMOTIONS) - 1} and a comment's id are "
            f"expected, not {[clean(cell)[:30] for cell in cells]}. Mend the row."
        )
    report.notes[VOTE] += 1
    text, numbers, name = cells
    shares = [0.0] * len(EMOTIONS)
    for code in numbers.split(","):
        shares[int(code)] = 1.0
    return Described(number, clean(name), "", text, list(EMOTIONS), split=split, posterior=shares)
