"""TRL's SFTTrainer: prompt and completion, plain or as a conversation, with the label's probability as weight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from crowdtune.annotations import Ints
from crowdtune.write.columns import texts
from crowdtune.write.formats._dialogue import assistant, questions, replies, user, write_dataset
from crowdtune.write.labelled import Labelled, Written

USE = """```python
data = datasets.load_dataset("THIS FOLDER")
trl.SFTTrainer(model, train_dataset=data["train"])
```

`weight` is the probability of the label; TRL itself has no weight per row and drops the column."""


@dataclass(frozen=True)
class TrlSft:
    """A row per item.

    Args:
        chat: prompt and completion as messages, for the model's chat template.
        min_probability: items whose label is less probable are left out.
    """

    chat: bool = False
    min_probability: float = 0.0
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write data/SPLIT.parquet and README.md."""
        return write_dataset(labelled, path, self.min_probability, self._table, USE)

    def _table(self, labelled: Labelled, index: Ints) -> dict[str, Any]:
        prompts, said = questions(labelled.items, index), replies(labelled, index)
        return {
            "prompt": [user(text) for text in prompts] if self.chat else prompts,
            "completion": [assistant(text) for text in said] if self.chat else [f" {text}" for text in said],
            "weight": labelled.probability[index],
            "item": texts(labelled.items.ids, index),
        }
