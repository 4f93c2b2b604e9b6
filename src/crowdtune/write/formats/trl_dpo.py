"""TRL's DPOTrainer: prompt, chosen and rejected, from tasks that compare two texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError
from crowdtune.wording import compared
from crowdtune.write.columns import texts
from crowdtune.write.formats._dialogue import assistant, questions, user, write_dataset
from crowdtune.write.labelled import Labelled, Written

USE = """```python
data = datasets.load_dataset("THIS FOLDER")
trl.DPOTrainer(model, train_dataset=data["train"])
```

`weight` is the probability that `chosen` is the better one; TRL itself has no weight per row and drops the column."""


@dataclass(frozen=True)
class TrlDpo:
    """A row per item whose two texts are not tied.

    Args:
        chat: prompt, chosen and rejected as messages, for the model's chat template.
        min_probability: items whose label is less probable are left out.
    """

    chat: bool = False
    min_probability: float = 0.0
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write data/SPLIT.parquet and README.md."""
        _require_pairs(labelled.items)
        return write_dataset(labelled, path, self.min_probability, self._table, USE)

    def _table(self, labelled: Labelled, index: Ints) -> dict[str, Any]:
        items, better = labelled.items, labelled.label[index].tolist()
        prompts = questions(items, index)
        chosen = [items.choices(i)[k] for i, k in zip(index.tolist(), better, strict=True)]
        rejected = [items.choices(i)[1 - k] for i, k in zip(index.tolist(), better, strict=True)]
        if self.chat:
            said: list[Any] = [list(map(user, prompts)), list(map(assistant, chosen)), list(map(assistant, rejected))]
        else:
            said = [prompts, [f" {text}" for text in chosen], [f" {text}" for text in rejected]]
        columns = dict(zip(("prompt", "chosen", "rejected"), said, strict=True))
        return columns | {"weight": labelled.probability[index], "item": texts(items.ids, index)}


def _require_pairs(items: Items) -> None:
    """Refuse tasks that do not compare two texts."""
    for m in np.unique(items.task).tolist():
        if items.kinds[m] != "pair":
            raise InputError(
                f"trl-dpo needs comparisons of two texts; task '{items.tasks[m]}' is of kind {items.kinds[m]}. "
                "Use trl-sft."
            )
        if not compared(items)[m]:
            same = ", ".join(items.choice_sets[int(items.choice_set[items.task == m][0])])
            raise InputError(
                f"trl-dpo needs the two texts compared as each item's choices; in task '{items.tasks[m]}' all items "
                f"have the choices {same}. Give each item its two texts as choices, or use trl-sft."
            )
