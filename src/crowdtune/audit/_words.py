"""An audit in sentences, the most important first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.audit._people import BAD, Part, doubted, flagged
from crowdtune.audit._warnings import count
from crowdtune.metrics.accuracy import accuracy
from crowdtune.metrics.guard import Verdict
from crowdtune.metrics.words import SHOWN

SOME, MANY = 0.2, 0.5  # of the labels: by annotators who are doubted
WEAK, ENOUGH = 0.2, 2 / 3  # alpha or AC1: below they hardly agree; from here single labels tell (Krippendorff's bound)
CERTAIN = 0.9  # posterior of an answer to rely on


def agree(tables: list[dict[str, Any]]) -> bool:
    """True where the alpha of every task is above chance with its whole interval."""
    ends = [row["low"] for table in tables for row in table["agreement"] if row["key"] == "alpha"]
    return bool(ends) and all(low is not None and low > 0 for low in ends)


def without_model(found: Verdict, items: int, tables: list[dict[str, Any]]) -> Verdict:
    """The verdict in words for somebody who has no model at hand."""
    if found.status == "resolved":
        return found
    which = f"{found.gold_needed} items drawn at random" if 0 < found.gold_needed < items else "all items"
    ask = f"To decide, give the right answer of {which} in a gold column, or let a model read them (crowdtune train)."
    camps = found.camps[:SHOWN]
    named = "; ".join(", ".join(c[:SHOWN]) + (f" and {len(c) - SHOWN} more" if len(c) > SHOWN else "") for c in camps)
    part = found.words.split(". ")[0]
    where = f"{part}. " if " tasks are resolved" in part else ""
    if found.status == "unresolvable" and agree(tables):
        said = "Unresolved: annotators agree by more than chance, but the labels are too few to tell who is right."
        return replace(found, words=f"{where}{said} {ask}")
    if found.status == "unresolvable":
        said = "Unresolvable: annotators do not agree with each other by more than chance, as far as the labels tell."
        return replace(found, words=f"{where}{said} Let several annotators label the same items. {ask}")
    said = "the labels can be read in ways that exclude each other"
    if len(found.camps) == 1:
        said = f"one camp agrees ({named}), too many others may be against it"
    elif found.camps:
        said = f"{len(found.camps)} camps contradict each other ({named})"
    return replace(found, words=f"{where}Ambiguous: {said}, and labels alone do not tell who is right. {ask}")


def in_words(
    annotations: Annotations,
    posterior: Floats,
    verdict: Verdict,
    rows: list[dict[str, Any]],
    tasks: list[tuple[Part, dict[str, Any]]],
) -> list[str]:
    """What an audit found: whom to trust, what is expected right, what decides, what gold says."""
    labelled = annotations.labels_per_item > 0
    top = posterior[labelled].max(axis=1)
    right = accuracy(posterior, annotations.items.gold)
    known = count(int((annotations.items.gold >= 0).sum()), "item")
    checked = "" if np.isnan(right) else f" Against gold: right on {right:.1%} of {known}."
    return [
        f"{_trust(annotations, verdict, rows, tasks)}: {_agreement(tasks)}; {_people(rows, len(annotations))}.",
        f"If annotators err independently, the answers are right on {top.mean():.0%} of the items, and "
        f"{(top >= CERTAIN).mean():.0%} have an answer with a probability of {CERTAIN:.0%} or more.{checked}",
        verdict.words,
    ]


def _trust(
    annotations: Annotations, verdict: Verdict, rows: list[dict[str, Any]], tasks: list[tuple[Part, dict[str, Any]]]
) -> str:
    bad = sum(row["labels"] for row in doubted(rows)) / len(annotations)
    level = _level([table for _, table in tasks])
    if verdict.status == "unresolvable" and agree([table for _, table in tasks]):
        return "Trust these labels with care, they are few"
    if verdict.status != "resolved":
        return "Do not trust these labels yet"
    if level < WEAK:
        return "Trust these labels with care, annotators hardly agree"
    if bad > MANY:
        return "Trust few of these labels"
    if bad > SOME:
        return "Trust only some of these labels"
    return ("Trust the labels of most" if bad else "Trust these labels") + (
        ", though none by itself" if level < ENOUGH else ""
    )


def _level(tables: list[dict[str, Any]]) -> float:
    """Alpha or AC1, whichever is higher: mean over tasks, weighted by labels; 1 where neither is defined."""
    found = [({row["key"]: row["value"] for row in table["agreement"]}, table["labels"]) for table in tables]
    known = [(max(value["alpha"], value["ac1"]), n) for value, n in found if value.get("alpha") is not None]
    return float(np.average([v for v, _ in known], weights=[n for _, n in known])) if known else 1.0


def _agreement(tasks: list[tuple[Part, dict[str, Any]]]) -> str:
    """Alpha with its interval; of several tasks its range; raw agreement where there is no alpha."""
    for key, name in (("alpha", "alpha"), ("raw", "raw agreement")):
        found = [
            row for _, table in tasks for row in table["agreement"] if row["key"] == key and row["value"] is not None
        ]
        if len(found) == 1 and found[0]["low"] is not None:
            return f"{name} {found[0]['value']:.2f} ({found[0]['low']:.2f} to {found[0]['high']:.2f})"
        if found:
            values = [row["value"] for row in found]
            return f"{name} {min(values):.2f} to {max(values):.2f} over {count(len(values), 'task')}"
    return "agreement cannot be measured"


def _people(rows: list[dict[str, Any]], labels: int) -> str:
    counts = [(flag, len(flagged(rows, flag))) for flag in BAD]
    told = ", ".join(f"{n} {flag}" for flag, n in counts if n)
    bad = doubted(rows)
    if not bad:
        return f"none of {count(len(rows), 'annotator')} stands out"
    share = sum(row["labels"] for row in bad) / labels
    stand = "stands" if len(bad) == 1 else "stand"
    return f"{len(bad)} of {count(len(rows), 'annotator')} {stand} out, with {share:.0%} of the labels ({told})"
