"""What the report says of items: the most ambiguous, likely label errors, agreement, balance of the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from crowdtune.annotations import Ints
from crowdtune.report.charts import bar, whisker
from crowdtune.report.told import Told
from crowdtune.report.wording import CHOICE, ID, NONE, TEXT, count, decimal, known, several, share, visible

AMBIGUOUS, ERRORS = 12, 12  # items shown of each
CHOICES = 5  # of an item shown, the most probable first
BALANCED = 24  # choices of a task shown, the most frequent first
CUSTOMARY = (0.667, 0.8)  # of alpha: for tentative and for firm conclusions (Krippendorff)
MEANINGS = {
    "alpha": "1 is perfect, 0 is chance; thin lines at 0.667 and 0.8, customary for tentative and firm conclusions",
    "ac1": "1 is perfect, 0 is chance; steadier than alpha where one choice is frequent",
    "fleiss": "1 is perfect, 0 is chance",
    "cohen": "mean over pairs of annotators; 1 is perfect, 0 is chance",
    "raw": "share of pairs of labels on the same item that are the same; not corrected for chance",
}


def ambiguous(told: Told) -> dict[str, Any] | None:
    """The items whose answer is least certain, by entropy; None where nothing is, or where none was sought."""
    entropy = told.numbers("entropy")
    if entropy is None or not told.one_truth or not {"item", "posterior", "choices"} <= set(told.items.column_names):
        return None
    order = np.argsort(-np.nan_to_num(entropy), kind="stable")
    uncertain = order[np.nan_to_num(entropy)[order] > np.log(2) / 10]
    if not len(uncertain):
        return None
    return {"items": _cards(told, uncertain[:AMBIGUOUS]), "all": len(uncertain)}


def errors(told: Told) -> dict[str, Any] | None:
    """Items of which an audit says what looks wrong, the surest first; None where there are none."""
    said = told.texts("error")
    suspect = np.array([i for i, what in enumerate(said) if what], dtype=np.int64)
    if not len(suspect):
        return None
    sure = told.numbers("probability")
    order = suspect if sure is None else suspect[np.argsort(-np.nan_to_num(sure[suspect]), kind="stable")]
    cards = _cards(told, order[:ERRORS])
    for card, place in zip(cards, order, strict=False):
        card["error"] = visible(said[place], 2 * TEXT)
    return {"items": cards, "all": len(order)}


def _cards(told: Told, index: Ints) -> list[dict[str, Any]]:
    several_tasks = len(told.results.get("tasks") or []) > 1
    return [_card(row, several_tasks) for row in told.rows(index)]


def _card(row: dict[str, Any], several_tasks: bool) -> dict[str, Any]:
    text = row.get("prompt")
    labels = row.get("labels")
    return {
        "id": visible(row["item"], ID),
        "task": visible(row["task"], CHOICE) if several_tasks and row.get("task") else "",
        "text": visible(text, TEXT) if text and text != row["item"] else "",
        "cut": len(text) - TEXT if text and len(text) > TEXT else 0,
        "gold": _answer(row.get("gold"), row.get("choices") or []),
        "label": _answer(row.get("label"), row.get("choices") or []),
        "labels": several(round(labels), "label") if known(labels) else "",
        "tie": bool(row.get("tied_vote")),
        **_distribution(row),
    }


def _answer(value: Any, choices: Sequence[str]) -> str:
    """A choice by its text, also where it is given as a code; "" for none."""
    if value is None or value == "" or (known(value) and value < 0):
        return ""
    if known(value) and int(value) < len(choices):
        return visible(choices[int(value)], CHOICE)
    return visible(value, CHOICE)


def _distribution(row: dict[str, Any]) -> dict[str, Any]:
    """The most probable choices of an item, and who voted for them."""
    choices, shares = row.get("choices") or [], np.array(row.get("posterior") or [], dtype=np.float64)
    votes = row.get("votes")
    votes = votes if isinstance(votes, list) and len(votes) == len(choices) and all(map(known, votes)) else None
    order = np.argsort(-shares, kind="stable")[:CHOICES].tolist()
    lines = [
        {
            "choice": visible(choices[k], CHOICE),
            "bar": bar(shares[k]),
            "share": share(float(shares[k])),
            "votes": "" if votes is None else several(votes[k], "vote"),
        }
        for k in order
        if k < len(choices)
    ]
    return {"lines": lines, "voted": votes is not None, "rest": max(len(choices) - CHOICES, 0)}


def agreement(told: Told) -> list[dict[str, Any]]:
    """Measures of agreement of each task, with their intervals."""
    tasks = [task for task in (told.results.get("tasks") or []) if task.get("agreement")]
    return [{"task": visible(task.get("task", ""), CHOICE), "rows": _measures(task["agreement"])} for task in tasks]


def _measures(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    ends = [m.get(key) for m in found for key in ("value", "low", "high")]
    floor = -1.0 if min((e for e in ends if known(e)), default=0) < -0.005 else 0.0
    return [
        {
            "name": visible(m.get("measure") or m.get("key"), CHOICE),
            "value": decimal(m.get("value")),
            "span": f"{decimal(m['low'])} to {decimal(m['high'])}"
            if known(m.get("low")) and known(m.get("high"))
            else NONE,
            "svg": whisker(
                m.get("value"), m.get("low"), m.get("high"), floor, CUSTOMARY if m.get("key") == "alpha" else ()
            ),
            "meaning": MEANINGS.get(str(m.get("key")), ""),
        }
        for m in found
    ]


def balance(told: Told) -> list[dict[str, Any]]:
    """How often each choice was given, and how often it is expected to be right."""
    found = []
    for task in told.results.get("tasks") or []:
        rows = sorted(task.get("balance") or [], key=lambda row: -(row.get("share") or 0))
        if rows:
            drawn = [
                _balanced(row.get("choice"), row.get("labels"), row.get("share"), row.get("expected")) for row in rows
            ]
            found.append({"task": visible(task.get("task", ""), CHOICE), **_cut(drawn), "of": "label", "without": ""})
    return found or _cleaned(told)


def _cleaned(told: Told) -> list[dict[str, Any]]:
    """Without an audit: how often each choice is the cleaned label, where items share their choices."""
    if not {"label", "choices"} <= set(told.items.column_names) or not len(told.items):
        return []
    kept = told.items["label"].drop_null()
    tally = {row["values"]: row["counts"] for row in pc.value_counts(kept).to_pylist()}
    if not 2 <= len(tally) <= BALANCED:
        return []
    rows = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
    drawn = [_balanced(k, n, n / len(kept), None) for k, n in rows]
    return [{"task": "", **_cut(drawn), "of": "item", "without": _without(told)}]


def _without(told: Told) -> str:
    """How many items have no cleaned label, and why, in a sentence; "" where all have one."""
    missing, reasons = told.items["label"].null_count, told.texts("reason")
    if not missing:
        return ""
    tied = sum(reason == "tie" for reason in reasons)
    why = {"choices tie": tied, "nobody answered": missing - tied}
    said = " and ".join(f"{what} on {count(n)}" if n < missing else what for what, n in why.items() if n)
    return f"{several(missing, 'item')} more {'has' if missing == 1 else 'have'} none: {said}."


def _cut(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "rows": rows[:BALANCED],
        "left_out": max(len(rows) - BALANCED, 0),
        "expected": any(row["expected"] != NONE for row in rows),
    }


def _balanced(choice: Any, labels: Any, given: Any, expected: Any) -> dict[str, Any]:
    return {
        "choice": visible(choice, CHOICE),
        "labels": count(labels),
        "share": share(given),
        "expected": share(expected),
        "bar": bar(given if known(given) else None, expected),
    }
