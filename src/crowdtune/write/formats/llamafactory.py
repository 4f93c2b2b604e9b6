"""LLaMA-Factory: data.json in alpaca or sharegpt form, and the dataset_info.json that describes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from crowdtune.annotations import Ints
from crowdtune.write.card import write_card
from crowdtune.write.formats._dialogue import asked, questions, replies
from crowdtune.write.formats._splits import UNNAMED, by_split
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import whole, write_json

ALPACA = {"columns": {"prompt": "instruction", "query": "input", "response": "output"}}
SHAREGPT = {"formatting": "sharegpt", "columns": {"messages": "conversations"}}
USE = "`llamafactory-cli train --dataset_dir THIS_FOLDER --dataset NAME ...`, where dataset_info.json has the names."


@dataclass(frozen=True)
class Llamafactory:
    """An entry per item.

    Args:
        chat: sharegpt form (conversations); else alpaca (instruction, output).
        min_probability: items whose label is less probable are left out.
    """

    chat: bool = False
    min_probability: float = 0.0
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write data.json (of other splits data_SPLIT.json), dataset_info.json and README.md."""
        index, left_out = asked(labelled, self.min_probability)
        written, described = Written(len(index), left_out), {}
        with whole(path) as folder:
            for name, places in by_split(labelled.items, index).items():
                end = "" if name == UNNAMED else f"_{name}"
                write_json(folder / f"data{end}.json", self._entries(labelled, places))
                described[f"crowdtune{end}"] = {"file_name": f"data{end}.json"} | (SHAREGPT if self.chat else ALPACA)
            write_json(folder / "dataset_info.json", described)
            write_card(folder / "README.md", labelled, written, [USE])
        return written

    def _entries(self, labelled: Labelled, index: Ints) -> list[dict[str, Any]]:
        asks, says = questions(labelled.items, index), replies(labelled, index)
        facts = [
            {"item": labelled.items.ids[i], "weight": weight}
            for i, weight in zip(index.tolist(), labelled.probability[index].tolist(), strict=True)
        ]
        if self.chat:
            turns = [
                [{"from": "human", "value": a}, {"from": "gpt", "value": s}] for a, s in zip(asks, says, strict=True)
            ]
            return [{"conversations": turn} | fact for turn, fact in zip(turns, facts, strict=True)]
        rows = [{"instruction": a, "input": "", "output": s} for a, s in zip(asks, says, strict=True)]
        return [row | fact for row, fact in zip(rows, facts, strict=True)]
