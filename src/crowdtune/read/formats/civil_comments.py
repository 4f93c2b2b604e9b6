"""Civil Comments: which share of a comment's annotators found it toxic, insulting and so on; nobody is named.

Each attribute is a yes-or-no task. Where the number of annotators is there the shares become counts again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crowdtune.read.columns import assign
from crowdtune.read.entries import Described, Entry
from crowdtune.read.labels import MOST, clean
from crowdtune.read.opened import Opened
from crowdtune.read.questions import NO, YES
from crowdtune.read.report import ReadReport
from crowdtune.read.times import number

TOXICITY, NAMED_SO, ANNOTATORS = "toxicity", "target", "toxicity_annotator_count"  # `target` in the competition's file
OTHERS = ("severe_toxicity", "obscene", "threat", "insult", "identity_attack", "sexual_explicit")
MARKS = ("severe_toxicity", "identity_attack")
UNEVEN = "share that is no whole number of its annotators: rounded to one"
ODD = "share outside 0 to 1, or none: not used"
NEAR = 0.02  # annotators that a product of rounded numbers may be off a whole one


def recognise(opened: Opened) -> str:
    """Columns of shares, with or without the number of annotators, and no annotator."""
    share = next((name for name in (TOXICITY, NAMED_SO) if name in opened.names), "")
    if not share or "annotator" in assign(opened.names, {}, ""):
        return ""
    known = (ANNOTATORS,) if ANNOTATORS in opened.names else MARKS if opened.has(*MARKS) else ()
    return f"columns {', '.join((share, *known))}" if known else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for each comment and attribute."""
    share = TOXICITY if TOXICITY in opened.names else NAMED_SO
    attributes = {TOXICITY: share} | {name: name for name in OTHERS if name in opened.names}
    item = next((name for name in ("id", "comment_id") if name in opened.names), "")
    text = next((name for name in ("comment_text", "text") if name in opened.names), "")
    split = "split" if "split" in opened.names else ""
    used = {"item": item, "prompt": text, "split": split, "shares": ", ".join(attributes.values())}
    used |= {"annotators": ANNOTATORS} if ANNOTATORS in opened.names else {}
    report.columns = {role: column for role, column in used.items() if column}
    report.ignored = [n for n in opened.names if n not in (item, text, split, ANNOTATORS, *attributes.values())]
    for row in opened.rows():
        name = clean(row.cells.get(item)) or str(row.number)
        told = clean(row.cells.get(text)), clean(row.cells.get(split))
        for task, column in attributes.items():
            yield _asked(row.number, name, task, told, _said(row.cells, column, report))


def _asked(row: int, name: str, task: str, told: tuple[str, str], said: Mapping[str, Any]) -> Described:
    prompt, split = told
    return Described(row, name, task, prompt, [NO, YES], split=split, **said)


def _said(cells: Mapping[str, Any], column: str, report: ReadReport) -> dict[str, Any]:
    """The answers to one attribute as counts, or as shares where nobody says of how many."""
    share, among = number(cells.get(column)), number(cells.get(ANNOTATORS))
    if not 0 <= share <= 1:
        report.notes[ODD] += 1
        return {}
    if not 1 <= among <= MOST:
        return {"posterior": [1 - share, share]}
    yes = round(share * among)
    if abs(yes - share * among) > NEAR:
        report.notes[UNEVEN] += 1
    return {"counts": [round(among) - yes, yes]}
