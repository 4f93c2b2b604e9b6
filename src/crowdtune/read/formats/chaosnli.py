"""ChaosNLI: a hundred answers to each of some items of SNLI, MNLI and alphaNLI, counted; nobody is named.

References:
    Nie et al.: What can we learn from collective human opinions on natural language inference data? 2020,
    https://arxiv.org/abs/2010.03532
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crowdtune.read.entries import Described, Entry
from crowdtune.read.labels import clean, numbers
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

MARKS = ("uid", "label_counter", "example")
FLAT = ("label_counter", "premise", "hypothesis")
IDS = ("uid", "id", "pairID", "pair_id")
NLI = {"e": "entailment", "n": "neutral", "c": "contradiction"}  # in the order of the data's own lists
ABDUCTIVE = ("1", "2")
VOTE = "majority_label, the vote of the hundred: not taken for gold; old_label, of the data set it comes from, is"


def recognise(opened: Opened) -> str:
    """Records with uid, label_counter and example, or with the sentences beside counts of e, n and c."""
    if opened.has(*MARKS):
        return f"records with {', '.join(MARKS)}"
    known = {*NLI, *NLI.values()}
    counted = [given for row in opened.sample if (given := numbers(row.cells.get("label_counter")))]
    fits = bool(counted) and all(isinstance(given, dict) and given.keys() <= known for given in counted)
    return f"records with {', '.join(FLAT)}" if fits and opened.has(*FLAT) else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for every record; the data set it comes from is its task."""
    name = next((name for name in IDS if opened.has(name)), "")
    text = "example" if opened.has("example") else "premise, hypothesis"
    report.columns = {"item": name or "number of the row", "prompt": text}
    report.columns |= {"counts": "label_counter", "gold": "old_label"}
    for row in opened.rows():
        cells, example = row.cells, row.cells.get("example")
        example = example if isinstance(example, Mapping) else cells
        if clean(cells.get("majority_label")):
            report.notes[VOTE] += 1
        said = _abductive(example) if "hyp1" in example else _nli(example)
        prompt, names = said
        choices = list(names.values())
        given, gold = cells.get("label_counter"), clean(cells.get("old_label"))
        if isinstance(found := numbers(given), dict):
            given = {names.get(choice, choice): count for choice, count in found.items()}
        task = clean(example.get("source")).split("_")[0]
        item = cells.get(name, "") if name else str(row.number)
        yield Described(row.number, item, task, prompt, choices, names.get(gold, gold), counts=given)


def _nli(example: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The two sentences as a question, and what the data's letters stand for."""
    premise, hypothesis = (clean(example.get(name)) for name in ("premise", "hypothesis"))
    return f"Premise: {premise}\nHypothesis: {hypothesis}\nDoes the premise entail the hypothesis?", NLI


def _abductive(example: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """What happened first and last as a question, and the two explanations; 1 and 2 where they are the same text."""
    first, last, *explanations = (clean(example.get(name)) for name in ("obs1", "obs2", "hyp1", "hyp2"))
    names = dict(zip(ABDUCTIVE, explanations, strict=True))
    if "" in explanations or len(set(explanations)) < len(explanations):
        names = dict(zip(ABDUCTIVE, ABDUCTIVE, strict=True))
    return f"First: {first}\nLast: {last}\nWhat happened in between?", names
