"""Tables that only count answers: how many said what, and not who."""

from __future__ import annotations

from collections.abc import Mapping

from crowdtune.errors import InputError
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

COUNTERS = ("label_counter", "label_counts", "label_count", "vote_counts", "toxicity_annotator_count")
FRACTIONS = ("toxicity", "severe_toxicity", "identity_attack")  # shares of annotators, as in Civil Comments
COUNTS = "counts"
UNNAMED = "item has counts of answers without their annotators: no label, nobody's expertise can be estimated from them"


def refuse(opened: Opened, roles: Mapping[str, str]) -> None:
    """Say what such a table cannot be used for."""
    found = next((name for name in COUNTERS if name in opened.names), "")
    found = found or (FRACTIONS[0] if opened.has(*FRACTIONS) else "")
    if found and "annotator" not in roles:
        raise InputError(
            f"{opened.path} counts answers ({found}) without saying whose they are, so nobody's expertise can be "
            "estimated. Get the table with a row per answer and an annotator column; the counts alone can only serve "
            "to compare a model with how people disagree."
        )


def note(opened: Opened, report: ReadReport) -> None:
    """Say that items with counts are read without them."""
    if COUNTS in opened.names:
        report.notes[UNNAMED] += sum(isinstance(row.cells.get(COUNTS), list | dict) for row in opened.rows())
