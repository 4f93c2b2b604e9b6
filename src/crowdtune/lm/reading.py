"""How a trained model reads items, kept beside it so that predictions see what training saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import msgspec

from crowdtune.annotations import Items
from crowdtune.errors import InputError
from crowdtune.lm.centre import Centre
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.heads import HEADS
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import against
from crowdtune.write.tables import write_json

FILE = "crowdtune.json"
BEFORE = {"beta": 0.0, "name_task": False}  # how runs of version 0.1 read, whose files do not say


@dataclass(frozen=True)
class Reading:
    """Prompt format, length limit and centring of a model.

    Args:
        lm: name of the model that was trained.
        format: style (resolved), template, chat.
        max_length: most tokens of a prompt.
        choices: the answers all training items shared, () where they differed.
        centre: what is taken off its prior; empty unless centred.
        adapter: True where the folder holds a LoRA adapter and not a whole model.
        bf16: autocast to bfloat16, as in training.
        outputs: names of the outputs of a classification head; () without one.
        temperature: of its probabilities, as fitted on held-out items; 1 is as trained.
        dtype: of the weights under an adapter, as in training.
    """

    lm: str
    format: PromptFormat
    max_length: int
    choices: tuple[str, ...] = ()
    centre: Centre = field(default_factory=lambda: Centre({}))
    adapter: bool = False
    bf16: bool = True
    outputs: tuple[str, ...] = ()
    temperature: float = 1.0
    dtype: str = "float32"

    @property
    def head(self) -> str:
        """What the model answers with: "lm", "head" or "reward"."""
        return self.format.style if self.format.style in HEADS else "lm"

    def encode(self, items: Items, lm: LanguageModel, untrained: LanguageModel | None = None) -> Encoded:
        """Items as this model reads them.

        Args:
            items: I items.
            lm: this model.
            untrained: what it was before training; None takes it without its adapter, or loads it, where it is needed.
        """
        made = self.centre.apply(encode(items, lm, self.format, self.max_length))
        if not self.format.refers:
            return made
        if untrained is None and self.adapter:
            with lm.model.disable_adapter():
                return against(made, lm, self.bf16)
        return against(made, untrained or load(self.lm, dtype=self.dtype), self.bf16)

    def save(self, folder: Path) -> None:
        """Write crowdtune.json into a model's folder."""
        offsets = [[list(tokens), list(values)] for tokens, values in self.centre.offsets.items()]
        write_json(folder / FILE, asdict(replace(self, centre=Centre({}))) | {"centre": offsets})


def load_reading(folder: Path) -> Reading:
    """How the model in `folder` reads."""
    path = folder / FILE
    if not path.exists():
        raise InputError(f"{folder} holds no model of crowdtune (no {FILE}). Name a folder `crowdtune train` made.")
    try:
        raw = msgspec.json.decode(path.read_bytes())
        return Reading(
            lm=raw["lm"],
            format=PromptFormat(**(BEFORE | raw["format"])),
            max_length=raw["max_length"],
            choices=tuple(raw["choices"]),
            centre=Centre({tuple(tokens): tuple(values) for tokens, values in raw["centre"]}),
            adapter=raw["adapter"],
            bf16=raw["bf16"],
            outputs=tuple(raw.get("outputs", ())),
            temperature=raw.get("temperature", 1.0),
            dtype=raw.get("dtype", "float32"),
        )
    except (msgspec.DecodeError, KeyError, TypeError) as e:
        raise InputError(
            f"{path} is not as this version writes it ({type(e).__name__}: {e}). Read it with the version of crowdtune "
            "that its README.md names, or train again."
        ) from e


def load_trained(folder: Path) -> tuple[LanguageModel, Reading]:
    """Load a model that `crowdtune train` saved, and how it reads."""
    reading = load_reading(folder)
    if not reading.adapter:
        return load(str(folder), head=reading.head), reading
    made = load(reading.lm, adapter=folder, head=reading.head, outputs=reading.outputs, dtype=reading.dtype)
    return made, reading
