"""Annotations as a folder: items.parquet, annotations.parquet and a JSON file that says where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crowdtune.annotations import Annotations, Items
from crowdtune.write.tables import write_json, write_table


def write_folder(annotations: Annotations, folder: Path, origin: dict[str, Any]) -> None:
    """Write `annotations` so that every verb reads them back alike; labels and gold as choice texts.

    Args:
        annotations: what to write.
        folder: made if missing.
        origin: how the data came to be, written as origin.json, with how labels are written.
    """
    items = annotations.items
    coded = any(len(set(choices)) < len(choices) for choices in items.choice_sets)
    write_table(
        folder / "items.parquet",
        {
            "item": list(items.ids),
            "task": [items.tasks[m] for m in items.task],
            "prompt": list(items.prompts),
            "choices": [list(c) if len(c) > 1 else None for c in map(items.choices, range(len(items)))],
            "gold": [_name(items, i, int(code), coded) for i, code in enumerate(items.gold)],
            "split": list(items.splits),
        },
    )
    write_table(
        folder / "annotations.parquet",
        {
            "item": [items.ids[i] for i in annotations.item],
            "annotator": [annotations.annotators[j] for j in annotations.annotator],
            "label": [
                _name(items, int(i), int(code), coded)
                for i, code in zip(annotations.item, annotations.label, strict=True)
            ],
        },
    )
    write_json(folder / "origin.json", origin | {"labels": "code" if coded else "text"})


def _name(items: Items, i: int, code: int, coded: bool) -> str | None:
    """A label as it is written: the choice's text, or its code where an item has the same text twice."""
    if code < 0:
        return None
    return str(code) if coded else items.text(i, code)
