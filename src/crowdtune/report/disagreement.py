"""Where people disagree: the items they contest most, what the model says of them, and how near it is by ambiguity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from crowdtune.annotations import Floats
from crowdtune.report.charts import against, bar, whisker
from crowdtune.report.told import Told
from crowdtune.report.wording import CHOICE, ID, NONE, TEXT, count, decimal, known, several, share, visible

SHOWN = 12  # items
CHOICES = 5  # of an item shown, those most people chose
DOTS = 400  # items of the scatter; of more, every so manieth by ambiguity
BINS = 8  # of its line, with as many items in each
NAMES = {"all": "All", "low": "They agree", "middle": "Between", "high": "They disagree"}
NEEDED = {"item", "choices", "people", "predicted", "ambiguity", "predicted_entropy"}


def disagreement(told: Told) -> dict[str, Any] | None:
    """The section's parts; None where no item was answered by several people."""
    held_out = (told.results.get("test") or {}).get("disagreement")
    found = held_out or told.results.get("disagreement") or {}
    complete = set(told.contested.column_names) >= NEEDED and len(told.contested) > 0
    if not complete and not found.get("groups"):
        return None
    return {
        "held_out": bool(held_out),
        "summary": _summary(found, "held-out item" if held_out else "item"),
        "rows": _rows(found),
        "cards": _cards(told.contested.slice(0, SHOWN).to_pylist()) if complete else [],
        "all": len(told.contested),
        "chart": _chart(told) if complete else None,
    }


def _summary(found: Mapping[str, Any], noun: str) -> str:
    """How far from people, in a sentence."""
    measured, least = _measure(found.get("groups"), "all", "js_distance"), _measure(found.get("floor"), "all")
    if not known(measured.get("value")):
        return ""
    each = found.get("labels_per_item")
    asked = f", {decimal(each).removesuffix('.00')} labels each" if known(each) else ""
    said = f"On {several(round(found.get('items') or 0), noun)}{asked}, the model is {decimal(measured['value'])} away"
    beside = ""
    if known(least.get("value")):
        beside = f"; with so few labels a perfect model would be {decimal(least['value'])} away"
        if known(measured.get("high")) and known(least.get("low")) and measured["high"] < least["low"]:
            beside += ": this one is nearer than it could be without having seen these very labels"
    return f"{said}{_span(measured)}{beside}."


def _rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for all items and one for each third by ambiguity."""
    rows = []
    for name, group in (found.get("groups") or {}).items():
        if not (group or {}).get("items"):
            continue
        measured, least = (
            _measure(found["groups"], name, "js_distance"),
            _measure(found.get("floor"), name).get("value"),
        )
        value = measured.get("value")
        rows.append(
            {
                "name": NAMES.get(name, visible(name, CHOICE)),
                "items": count(group["items"]),
                "ambiguity": f"{decimal(group.get('from'))} to {decimal(group.get('to'))}",
                "value": decimal(value),
                "span": _span(measured).strip(" ()") or NONE,
                "floor": decimal(least),
                "svg": whisker(value, measured.get("low"), measured.get("high"), 0.0, [least] if known(least) else []),
                "right": share(_measure(found["groups"], name, "accuracy").get("value")),
            }
        )
    return rows


def _measure(groups: Any, name: str, key: str = "js_distance") -> Mapping[str, Any]:
    """Value and interval, {} where there is none."""
    measures = ((groups or {}).get(name) or {}).get("measures") or {}
    found: Mapping[str, Any] = measures.get(key) or {}
    return found


def _span(measured: Mapping[str, Any]) -> str:
    low, high = measured.get("low"), measured.get("high")
    return f" ({decimal(low)} to {decimal(high)})" if known(low) and known(high) else ""


def _cards(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choices that items share stand in their own order, to be compared; others with what most people chose first."""
    times = Counter(tuple(row["choices"]) for row in rows)
    return [_card(row, shared=times[tuple(row["choices"])] > 1) for row in rows]


def _card(row: Mapping[str, Any], *, shared: bool) -> dict[str, Any]:
    text, labels = row.get("prompt"), row.get("labels")
    people, predicted = np.array(row["people"], dtype=np.float64), np.array(row["predicted"], dtype=np.float64)
    order = np.argsort(-people, kind="stable")[:CHOICES].tolist()
    order = sorted(order) if shared else order
    return {
        "id": visible(row["item"], ID),
        "text": visible(text, TEXT) if text and text != row["item"] else "",
        "cut": len(text) - TEXT if text and len(text) > TEXT else 0,
        "labels": several(round(labels), "label") if known(labels) and labels else "",
        "apart": decimal(row.get("js_distance")),
        "lines": [
            {
                "choice": visible(row["choices"][k], CHOICE),
                "people_bar": bar(float(people[k])),
                "model_bar": bar(float(predicted[k]), sign="model"),
                "people": share(float(people[k])),
                "model": share(float(predicted[k])),
            }
            for k in order
        ],
        "rest": max(len(people) - CHOICES, 0),
    }


def _chart(told: Told) -> dict[str, Any]:
    """The model's entropy against people's."""
    x, y = (np.array(told.contested[name].to_pylist(), dtype=np.float64) for name in ("ambiguity", "predicted_entropy"))
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), DOTS)).round().astype(np.int64))
    said = "Entropy of the model's answers in nats against people's"
    most = float(np.log(pc.max(pc.list_value_length(told.contested["choices"])).as_py() or 1))
    drawn = against(x[rows], y[rows], _means(x, y), said, most=most)
    return {"svg": drawn, "most": decimal(most) if most else "", "shown": len(rows), "all": len(x)}


def _means(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Means of bins with about as many items each, from the least x up; equal x are in one bin."""
    rounded = np.round(x, 9)
    bins = np.searchsorted(np.sort(rounded), rounded) * max(1, min(BINS, len(x) // 3)) // len(x)
    return [(float(x[bins == b].mean()), float(y[bins == b].mean())) for b in np.unique(bins)]
