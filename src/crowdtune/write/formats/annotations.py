"""The disaggregated table: a row per label, with who gave it and what the item was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from crowdtune.annotations import Annotations as Crowd
from crowdtune.write.card import write_card
from crowdtune.write.columns import answers, choices, coded, texts
from crowdtune.write.folder import label_columns
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import beside, write_table

NAMED = "annotators have their own names"
PSEUDONYMS = "people are called by pseudonyms, the same for the same key; models by their names"
BARE = "item has no label"


def disaggregated(labelled: Labelled, keep_ids: bool) -> tuple[Crowd, Written]:
    """Every label by itself, by people with pseudonyms unless `keep_ids`, and what is to be said of it."""
    given = (labelled if keep_ids else labelled.without_names()).annotations
    bare = int(np.sum(given.labels_per_item == 0))
    return given, Written(len(given), {BARE: bare}, [NAMED if keep_ids else PSEUDONYMS])


@dataclass(frozen=True)
class Annotations:
    """A row per label.

    Args:
        keep_ids: leave annotators their names; else pseudonyms.
    """

    keep_ids: bool = False
    one_file: ClassVar[bool] = True

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write a table and, beside it, its card."""
        given, written = disaggregated(labelled, self.keep_ids)
        items, item = given.items, given.item
        columns = label_columns(given) | {
            "task": texts(items.tasks, items.task[item]),
            "prompt": texts(items.prompts, item),
            "choices": choices(items, at_least=2).take(item),
            "gold": answers(items, item, items.gold[item]),
            "split": texts(items.splits, item),
        }
        says = f"`crowdtune ... --labels {'code' if coded(items) else 'text'}` reads it back."
        write_card(beside(path), labelled, written, [says])
        write_table(path, columns)
        return written
