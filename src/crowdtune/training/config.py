"""TrainingArguments with what crowd labels add."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from transformers import TrainingArguments

logger = logging.getLogger(__name__)


@dataclass
class CrowdConfig(TrainingArguments):
    """`transformers.TrainingArguments` with a cosine schedule, batches of like length, and a rate for annotators.

    Args:
        annotator_learning_rate: Adam rate of the annotator parameters; it follows the model's schedule. Low values let
            the model absorb the noise before it learns whom to trust.
        max_length: most tokens of a prompt; of a longer one the middle is left out.
        style: what a choice is to the model; see `lm.prompts.PromptFormat`, also for the next four.
        template: prompt text with {prompt} and, if wanted, {choices}; "" for the style's own.
        chat: wrap prompts in the tokenizer's chat template.
        normalise: what the log-likelihood of a text is divided by.
        beta: of DPO.
    """

    annotator_learning_rate: float = field(default=0.1)
    max_length: int = field(default=512)
    style: str = field(default="auto")
    template: str = field(default="")
    chat: bool = field(default=False)
    normalise: str = field(default="auto")
    beta: float | None = field(default=None)
    lr_scheduler_type: str = field(default="cosine")
    train_sampling_strategy: str = field(default="group_by_length")
    remove_unused_columns: bool = field(default=False)
    logging_nan_inf_filter: bool = field(default=False)  # hides them, and waits for the device at every step; see guard

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_gpu > 1:  # transformers would cut batches in pieces by their first axis (DataParallel)
            logger.warning(f"one of {self.n_gpu} GPUs is used; torchrun --nproc-per-node {self.n_gpu} uses all")
            self._n_gpu = 1
        if self.fp16:
            raise ValueError("fp16 scales losses in a way the annotator parameters do not see. Use bf16=True.")
