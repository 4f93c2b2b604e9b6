"""Predictions beside what people said, on screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crowdtune.cli._screen import NONE, new_table, say, show

NAMES = {"all": "all", "low": "they agree", "middle": "between", "high": "they disagree"}


def show_people(found: Mapping[str, Any], run: Path) -> None:
    """A table of a few measures on all items and by ambiguity tercile, the floor beside, and what to do next.

    Args:
        found: as `metrics.people.against_people` measures.
        run: folder of the run, for the next step.
    """
    per_item = found["labels_per_item"]
    of = "distributions" if per_item is None else f"{per_item:.3g} labels each"
    table = new_table(
        f"{found['items']} items several people answered, {of}; by ambiguity",
        *("people", "items", "ambiguity", "js_distance", "95 %", "floor", "total variation", "right", "ECE"),
    )
    for name, group in found["groups"].items():
        if not group["items"]:
            continue
        measures, least = group["measures"], _floor(found, name)
        span = _span(measures["js_distance"], 3)
        ends = f"{group['from']:.2f}-{group['to']:.2f}"
        cells = [_number(measures, key) for key in ("total_variation", "accuracy", "ece")]
        table.add_row(
            NAMES[name],
            str(group["items"]),
            ends,
            _number(measures, "js_distance"),
            span,
            _number(least, "js_distance"),
            *cells,
        )
    show(table)
    say(_next(found, run))


def told(found: Mapping[str, Any]) -> str:
    """The distance from people in a line, with its interval and the floor."""
    group, least = found["groups"]["all"]["measures"]["js_distance"], _floor(found, "all").get("js_distance")
    span = _span(group, 3)
    beside = "" if not least else f"; a perfect model would score {least['value']:.3f}"
    return f"js_distance {group['value']:.3f}{f' ({span})' if span else ''} from {found['items']} items' labels{beside}"


def _next(found: Mapping[str, Any], run: Path) -> str:
    """What the numbers mean and what to do."""
    said = "js_distance has base 2, ambiguity is in nats, right means as the majority; a floor is what a perfect model "
    said += "would score, as only so many people were asked"
    least = _floor(found, "all").get("js_distance")
    js = found["groups"]["all"]["measures"]["js_distance"]
    if least and js["high"] is not None and js["high"] < least["low"]:
        step = "nearer than a perfect model could be: this model has seen these very labels"
    elif least and js["low"] is not None and js["low"] <= least["high"]:
        step = "this is as near as these labels can tell; more labels per item would tell more"
    else:
        step = f"next: crowdtune predict {run} FILE --distribution tells what it predicts of each item; "
        step += f"crowdtune report {run} shows those the training run measured"
    return f"{said}\n{step}"


def _floor(found: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """Measures of the floor, {} without any."""
    measures: Mapping[str, Any] = found["floor"][group]["measures"] if found["floor"] else {}
    return measures


def _number(measures: Mapping[str, Any], key: str) -> str:
    value = (measures.get(key) or {}).get("value")
    return NONE if value is None else f"{value:.3f}"


def _span(measure: Mapping[str, Any], places: int) -> str:
    low, high = measure["low"], measure["high"]
    return "" if low is None else f"{low:.{places}f}-{high:.{places}f}"
