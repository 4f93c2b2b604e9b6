"""crowd-kit: a table of task (our item), worker (our annotator) and label, and one of gold answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from crowdtune.write.card import write_card
from crowdtune.write.columns import answers, coded, texts
from crowdtune.write.formats.annotations import disaggregated
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import whole, write_table

USE = """```python
labels = pandas.read_csv("labels.csv", dtype=str, keep_default_na=False)
crowdkit.aggregation.DawidSkene(n_iter=100).fit_predict(labels)
```"""


@dataclass(frozen=True)
class CrowdKit:
    """labels.csv and, where gold is known, gold.csv.

    Args:
        keep_ids: leave annotators their names; else pseudonyms.
    """

    keep_ids: bool = False
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write a folder."""
        given, written = disaggregated(labelled, self.keep_ids)
        items, known = given.items, np.flatnonzero(given.items.gold >= 0)
        labels = {
            "task": texts(items.ids, given.item),
            "worker": texts(given.annotators, given.annotator),
            "label": answers(items, given.item, given.label),
        }
        says = [USE, "Labels are codes, 0 the first choice of the item."] if coded(items) else [USE]
        with whole(path) as folder:
            write_table(folder / "labels.csv", labels)
            if len(known):
                gold = {"task": texts(items.ids, known), "label": answers(items, known, items.gold[known])}
                write_table(folder / "gold.csv", gold)
            write_card(folder / "README.md", labelled, written, says)
        return written
