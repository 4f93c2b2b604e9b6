"""Axolotl: data.jsonl, and the lines of its config that name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from crowdtune.annotations import Ints
from crowdtune.write.card import write_card
from crowdtune.write.columns import texts
from crowdtune.write.formats._dialogue import asked, assistant, questions, replies, user
from crowdtune.write.formats._splits import UNNAMED, by_split
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import whole, write_bytes, write_table

CHAT = ["    type: chat_template", "    field_messages: messages"]
PLAIN = [
    "    type:",
    "      field_instruction: instruction",
    "      field_output: output",
    '      format: "{instruction}"',
    '      no_input_format: "{instruction}"',
]
USE = "Put the lines of config.yaml into a config of Axolotl, with this folder before the file names."


@dataclass(frozen=True)
class Axolotl:
    """A line per item.

    Args:
        chat: messages, for the model's chat template; else instruction and output, without any template.
        min_probability: items whose label is less probable are left out.
    """

    chat: bool = False
    min_probability: float = 0.0
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write data.jsonl (of other splits data_SPLIT.jsonl), config.yaml and README.md."""
        index, left_out = asked(labelled, self.min_probability)
        written = Written(len(index), left_out)
        files = {
            name: ("data.jsonl" if name == UNNAMED else f"data_{name}.jsonl", places)
            for name, places in by_split(labelled.items, index).items()
        }
        with whole(path) as folder:
            for file, places in files.values():
                write_table(folder / file, self._columns(labelled, places))
            config = "\n".join(self._config({name: file for name, (file, _) in files.items()}))
            write_bytes(folder / "config.yaml", f"{config}\n".encode())
            write_card(folder / "README.md", labelled, written, [USE])
        return written

    def _columns(self, labelled: Labelled, index: Ints) -> dict[str, Any]:
        asks, says = questions(labelled.items, index), replies(labelled, index)
        if self.chat:
            said: dict[str, Any] = {"messages": [user(a) + assistant(s) for a, s in zip(asks, says, strict=True)]}
        else:
            said = {"instruction": asks, "output": [f" {text}" for text in says]}
        return said | {"weight": labelled.probability[index], "item": texts(labelled.items.ids, index)}

    def _config(self, files: dict[str, str]) -> list[str]:
        """YAML: the split called test is to be tested on, all others are trained on."""
        lines = []
        for key, tested in (("datasets:", False), ("test_datasets:", True)):
            mine = [file for name, file in files.items() if (name == "test") == tested]
            lines += [key] if mine else []
            for file in mine:
                lines += [f"  - path: {file}", "    ds_type: json", "    split: train", *(CHAT if self.chat else PLAIN)]
        return lines
