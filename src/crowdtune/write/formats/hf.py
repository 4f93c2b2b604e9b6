"""A folder of Parquet files with a dataset card, as `datasets.load_dataset(FOLDER)` loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError, unknown_name
from crowdtune.write.card import write_card
from crowdtune.write.columns import choices, texts
from crowdtune.write.folder import label_columns
from crowdtune.write.formats._splits import by_split
from crowdtune.write.formats.annotations import NAMED, PSEUDONYMS
from crowdtune.write.labelled import DOUBTFUL, Labelled, Written, require_some
from crowdtune.write.tables import whole, write_table

Table = dict[str, Any]


def _of_items(items: Items, index: Ints) -> Table:
    import pyarrow as pa

    return {
        "item": texts(items.ids, index),
        "task": texts(items.tasks, items.task[index]),
        "text": texts(items.prompts, index),
        "choices": choices(items).take(pa.array(index)),
    }


def _hard(labelled: Labelled, index: Ints) -> Table:
    items, label = labelled.items, labelled.label[index]
    said = [items.text(i, code) for i, code in zip(index.tolist(), label.tolist(), strict=True)]
    return _of_items(items, index) | {"label": label, "label_text": said, "probability": labelled.probability[index]}


def _soft(labelled: Labelled, index: Ints) -> Table:
    wide, votes, k = labelled.posterior[index], labelled.annotations.all_votes[index], labelled.items.n_choices[index]
    return _of_items(labelled.items, index) | {
        "posterior": [row[:n].tolist() for row, n in zip(wide, k, strict=True)],
        "votes": [row[:n].tolist() for row, n in zip(votes, k, strict=True)],
    }


def _weighted(labelled: Labelled, index: Ints) -> Table:
    rows, label = np.nonzero(labelled.posterior[index] > 0)
    item = index[rows]
    said = [labelled.items.text(i, code) for i, code in zip(item.tolist(), label.tolist(), strict=True)]
    weight = labelled.posterior[item, label]
    return _of_items(labelled.items, item) | {"label": label, "label_text": said, "weight": weight}


def _long(labelled: Labelled, index: Ints) -> Table:
    given = labelled.annotations.take_items(index)
    columns = label_columns(given)
    said = {"annotator": columns["annotator"], "label": given.label, "label_text": columns["label"]}
    return _of_items(given.items, given.item) | said | {n: columns[n] for n in ("seconds",) if n in columns}


VARIANTS: dict[str, tuple[Callable[[Labelled, Ints], Table], str]] = {
    "hard": (_hard, "A row per item with its most probable label; `label` is a code, 0 the first of `choices`."),
    "soft": (
        _soft,
        "A row per item with `posterior`, P(truth = choice), and `votes`, how many annotators said each choice. Train "
        "on `posterior` with a cross-entropy against distributions: a classification head of transformers that gets "
        "floats as `labels` takes them for several labels at once and minimises another loss.",
    ),
    "weighted": (
        _weighted,
        "A row per item and choice, with the posterior of the choice as `weight`: a trainer that knows one label and "
        "a weight per row minimises the cross-entropy against the posterior. `label` is a code, 0 the first of "
        "`choices`.",
    ),
    "long": (_long, "A row per label, with who gave it; `label` is a code, 0 the first of `choices`."),
}


@dataclass(frozen=True)
class Hf:
    """A Hugging Face dataset.

    Args:
        variant: one of VARIANTS.
        min_probability: items whose best label is less probable are left out.
        keep_ids: leave annotators their names (they occur in variant long alone); else pseudonyms.
    """

    variant: str = "hard"
    min_probability: float = 0.0
    keep_ids: bool = False
    one_file: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise unknown_name("variant", self.variant, VARIANTS)
        if self.variant == "long" and self.min_probability:
            raise InputError("variant long holds every label, however probable. Leave out --min-probability.")

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write data/SPLIT.parquet and README.md, the dataset card."""
        table, meaning = VARIANTS[self.variant]
        index, left_out = self._chosen(labelled)
        require_some(index, left_out)
        named = self.keep_ids or self.variant != "long"
        shown = labelled if named else labelled.without_names()
        tables = {name: table(shown, places) for name, places in by_split(labelled.items, index).items()}
        notes = [NAMED if named else PSEUDONYMS] if self.variant == "long" else []
        written = Written(sum(len(t["item"]) for t in tables.values()), left_out, notes)
        with whole(path) as folder:
            for name, columns in tables.items():
                write_table(folder / "data" / f"{name}.parquet", columns)
            write_card(folder / "README.md", labelled, written, [meaning], tables)
        return written

    def _chosen(self, labelled: Labelled) -> tuple[Ints, dict[str, int]]:
        """Items to write; one whose label is open is left out of variant hard alone."""
        if self.variant == "hard":
            return labelled.sure(self.min_probability)
        kept = labelled.probability >= self.min_probability
        return np.flatnonzero(kept), {DOUBTFUL: int((~kept).sum())}
