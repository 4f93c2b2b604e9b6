"""Options of training, the same for every method, so that comparisons are fair."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal

from crowdtune.errors import InputError, unknown_name

LANGUAGE, WITH_HEAD, LORA = 2e-5, 1e-4, 10  # learning rates of whole models, and how many times that of adapters
STATE = {  # optimisers, as transformers calls them: bytes they keep for each parameter that is trained
    "adamw_torch_fused": 8.0,
    "adafactor": 0.0,  # a row and a column of each matrix
    "adamw_8bit": 2.0,
    "paged_adamw_8bit": 2.0,
}
BITSANDBYTES = ("adamw_8bit", "paged_adamw_8bit")


@dataclass(frozen=True)
class Training:
    """How a model is fine-tuned, whatever the method."""

    lm: str = "embedded"  # SmolLM2-135M-Instruct, with head=head MiniLM-L6, from wheels; else a folder or a hub id
    head: str = "lm"  # answer by language-model head, or by "head" (an output per choice), "reward" (a number per text)
    style: str = "auto"  # a choice is one token ("words", "letters") or a text ("texts"); "auto" = what fits
    template: str = ""  # prompt with {prompt} and, if wanted, {choices}; "" = the style's own
    normalise: str = "auto"  # divide a text's log-likelihood by: sum (1), mean (tokens), characters; or pmi
    beta: float | None = None  # of DPO, for texts; None = 0.1 where two things are compared, else 0 (no DPO)
    chat: bool = False  # wrap prompts in the tokenizer's chat template
    max_length: int = 512  # tokens of a prompt; of a longer one the middle is left out
    background: Literal["shuffled", "none"] = "shuffled"  # free responses are measured against other prompts, or none
    refreshes: int = 0  # times free responses are weighed again by the model in training, its end among them
    centre: bool = False  # take off what the model answers on average, whatever the item
    learning_rate: float | None = None  # AdamW, cosine to 0; None = 2e-5, with a head 1e-4; with LoRA ten times that
    epochs: float = 2.0  # passes over the items
    batch_size: int = 16  # items in a forward pass
    accumulation: int = 2  # forward passes in an optimiser step
    warmup: float = 0.05  # share of the steps
    weight_decay: float = 0.0  # of the model; annotators have none
    lora: bool = False  # train an adapter and not the whole model
    lora_rank: int = 16  # of the adapter
    bf16: bool = True  # autocast; parameters stay float32
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the weights that LoRA leaves as they are
    optimizer: str = "adamw_torch_fused"  # or, for less memory, adafactor, adamw_8bit, paged_adamw_8bit
    checkpointing: bool = False  # activation checkpointing: far less memory, a third more time
    fsdp: bool = False  # of several processes each holds a part of the weights (FSDP2); see docs/scale.md
    save_steps: int = 500  # optimiser steps between checkpoints; --resume goes on from the newest
    points: int = 0  # of a learning curve on the test items, in metrics.jsonl; 0 = none
    seed: int = 0  # of order, dropout and adapters

    def __post_init__(self) -> None:
        if self.background not in ("shuffled", "none"):
            raise InputError(f"background '{self.background}' is unknown. Allowed: shuffled, none.")
        if self.optimizer not in STATE:
            raise unknown_name("optimizer", self.optimizer, STATE)
        if self.optimizer in BITSANDBYTES and importlib.util.find_spec("bitsandbytes") is None:
            raise InputError(
                f"optimizer {self.optimizer} is not installed. Run: pip install bitsandbytes; or use adafactor."
            )
        for name in ("max_length", "epochs", "batch_size", "accumulation", "lora_rank", "save_steps"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0.")
        if self.rate <= 0 or self.weight_decay < 0:
            raise InputError(f"learning_rate={self.rate} must be above 0, weight_decay={self.weight_decay} not below.")
        if self.points < 0 or self.refreshes < 0:
            raise InputError(f"points={self.points} and refreshes={self.refreshes} must be 0 or more.")
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup={self.warmup} must be a share from 0 to below 1.")

    @property
    def rate(self) -> float:
        """Learning rate, the default filled in."""
        if self.learning_rate is not None:
            return self.learning_rate
        return (WITH_HEAD if self.head != "lm" else LANGUAGE) * (LORA if self.lora else 1)
