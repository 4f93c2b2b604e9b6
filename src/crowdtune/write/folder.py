"""Annotations as a folder: tables of items, labels and annotators, and a JSON file that says where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.write.columns import answers, choices, coded, texts
from crowdtune.write.tables import write_json, write_table


def write_folder(annotations: Annotations, folder: Path, origin: dict[str, Any]) -> None:
    """Write `annotations` so that every verb reads them back alike; labels and gold as choice texts.

    Args:
        annotations: what to write; labelling times become column `seconds`, traits a table annotators.parquet, soft
            labels column `posterior` and counts of labels nobody is named for column `counts` (null = none).
        folder: made if missing.
        origin: how the data came to be, written as origin.json, with how labels are written.
    """
    items = annotations.items
    every = np.arange(len(items))
    columns = {
        "item": texts(items.ids, every),
        "task": texts(items.tasks, items.task),
        "kind": texts(items.kinds, items.task),
        "prompt": texts(items.prompts, every),
        "choices": choices(items, at_least=2),
        "gold": answers(items, every, items.gold),
        "split": texts(items.splits, every),
    }
    write_table(folder / "items.parquet", columns | soft_column(annotations) | counts_column(annotations))
    write_table(folder / "annotations.parquet", label_columns(annotations))
    if annotations.traits:
        known = {name: list(texts) for name, texts in annotations.traits.items()}
        write_table(folder / "annotators.parquet", {"annotator": list(annotations.annotators)} | known)
    write_json(folder / "origin.json", origin | {"labels": "code" if coded(items) else "text"})


def soft_column(annotations: Annotations) -> dict[str, Any]:
    """Column posterior of I items: a probability for each choice, null for those without a soft label; {} for none."""
    import pyarrow as pa

    return _numbers("posterior", annotations.soft, annotations.items.n_choices, pa.float64())


def counts_column(annotations: Annotations) -> dict[str, Any]:
    """Column counts of I items: labels nobody is named for, of each choice, null for those without; {} for none."""
    import pyarrow as pa

    return _numbers("counts", annotations.counts, annotations.items.n_choices, pa.int64())


def _numbers(name: str, table: Floats | Ints | None, n_choices: Ints, kind: Any) -> dict[str, Any]:
    """A column of lists, one number for each choice an item has."""
    import pyarrow as pa

    if table is None:
        return {}
    own = zip(table.tolist(), n_choices.tolist(), strict=True)
    return {name: pa.array([row[:k] if any(row) else None for row, k in own], pa.list_(kind))}


def label_columns(annotations: Annotations) -> dict[str, Any]:
    """Columns item, annotator and label of N labels, and seconds (null = not known) where any are known."""
    import pyarrow as pa

    items = annotations.items
    columns = {
        "item": texts(items.ids, annotations.item),
        "annotator": texts(annotations.annotators, annotations.annotator),
        "label": answers(items, annotations.item, annotations.label),
    }
    if annotations.seconds is not None:
        columns["seconds"] = pa.array(annotations.seconds, mask=np.isnan(annotations.seconds))
    return columns
