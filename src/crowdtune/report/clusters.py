"""When to trust whom: groups of items on which the same annotators are right, where a run found such groups."""

from __future__ import annotations

from typing import Any

from crowdtune.report.names import Names
from crowdtune.report.people import SHADES
from crowdtune.report.told import Told
from crowdtune.report.wording import ID, known, several, share, visible

SHOWN = 20  # annotators, those with most labels first


def clusters(told: Told, names: Names) -> dict[str, Any] | None:
    """A row per annotator and a column per group of items; None where reliability is the same on all items."""
    groups = [group for group in told.results.get("clusters") or [] if group.get("reliability")]
    if len(groups) < 2:
        return None
    people = list(groups[0]["reliability"])
    return {
        "groups": [
            {
                "name": f"group {place}",
                "items": several(round(group["items"]), "item") if known(group.get("items")) else "",
                "example": [visible(item, ID) for item in group.get("for example") or []],
            }
            for place, group in enumerate(groups, 1)
        ],
        "rows": [
            {"name": names[who], "cells": [_cell(group["reliability"].get(who)) for group in groups]}
            for who in people[:SHOWN]
        ],
        "left_out": max(len(people) - SHOWN, 0),
    }


def _cell(value: Any) -> tuple[str, str]:
    return share(value), f"r{round(min(max(value, 0), 1) * SHADES)}" if known(value) else ""
