"""Items as a question and its answer, for tools that fine-tune."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError
from crowdtune.wording import compared, natural_style, question
from crowdtune.write.card import write_card
from crowdtune.write.formats._splits import by_split
from crowdtune.write.labelled import Labelled, Written, require_some
from crowdtune.write.tables import whole, write_table

TIE = "two texts are equally good"


def asked(labelled: Labelled, at_least: float) -> tuple[Ints, dict[str, int]]:
    """Places of the items whose label a model can be taught, and how many others there are, by reason."""
    index, left_out = labelled.sure(at_least)
    equal = np.array(compared(labelled.items))[labelled.items.task[index]] & (labelled.label[index] > 1)
    left_out[TIE] = int(equal.sum())
    index = index[~equal]
    require_some(index, left_out)
    missing = next((i for i in index.tolist() if not labelled.items.prompts[i].strip()), None)
    if missing is not None:
        raise InputError(
            f"item '{labelled.items.ids[missing]}' has no text to read. Add a prompt column, or pass --items FILE."
        )
    return index, left_out


def write_dataset(
    labelled: Labelled, path: Path, at_least: float, table: Callable[[Labelled, Ints], dict[str, Any]], use: str
) -> Written:
    """Write data/SPLIT.parquet, the `table` of a split's items, and README.md, which says how to `use` them."""
    index, left_out = asked(labelled, at_least)
    splits = by_split(labelled.items, index)
    written = Written(len(index), left_out)
    with whole(path) as folder:
        for name, places in splits.items():
            write_table(folder / "data" / f"{name}.parquet", table(labelled, places))
        write_card(folder / "README.md", labelled, written, [use], splits)
    return written


def questions(items: Items, index: Ints) -> list[str]:
    """What is asked of the items at `index`: text that ends where the answer comes; of several tasks, which it is."""
    styles, several = natural_style(items), len(np.unique(items.task)) > 1
    return [
        question(items.prompts[i] + f"\n{items.tasks[m]}" * several, items.choices(i), styles[m])
        for i, m in zip(index.tolist(), items.task[index].tolist(), strict=True)
    ]


def replies(labelled: Labelled, index: Ints) -> list[str]:
    """The labels of the items at `index`, as text."""
    return [labelled.items.choices(i)[labelled.label[i]] for i in index.tolist()]


def user(text: str) -> list[dict[str, Any]]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


def assistant(text: str) -> list[dict[str, Any]]:
    """A conversation of one answer."""
    return [{"role": "assistant", "content": text}]
