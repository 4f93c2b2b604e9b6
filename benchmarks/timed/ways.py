"""The same job done in three ways: crowdtune's, and, with a row for each label, transformers' Trainer and TRL's.

In all of them parameters are float32, products bfloat16 by autocast, an optimiser step sees the labels of `batch`
items, and a forward pass reads `batch` rows.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    DataCollatorForTokenClassification,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from crowdtune.annotators.expertise import Expertise
from crowdtune.lm.load import LanguageModel
from crowdtune.methods import options
from crowdtune.objectives.likelihood import Likelihood
from crowdtune.runs import Run
from crowdtune.training.config import CrowdConfig
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.finetune import Watch, adapter, finetune
from crowdtune.training.options import Training
from crowdtune.training.trainer import CrowdTrainer

from .crowd import EXPERTISE, Crowd

IGNORED = -100
OURS, TRAINER, SFT = "crowdtune", "Trainer", "SFTTrainer"


@dataclass(frozen=True)
class Job:
    """One training to time.

    Args:
        way: OURS, TRAINER or SFT.
        labels: of an item.
        tokens: of a prompt, about.
        items: in an epoch.
        batch: items in an optimiser step, rows in a forward pass.
        steps: optimiser steps to take.
        lora: train an adapter.
        settings: further options of crowdtune's training, as text.
    """

    way: str
    labels: int
    tokens: int
    items: int
    batch: int
    steps: int
    lora: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def training(self) -> Training:
        """Options as `crowdtune train --set` would have them."""
        fixed = {
            "batch_size": str(self.batch),
            "accumulation": "1",
            "epochs": str((self.steps - 0.5) * self.batch / self.items),  # rounded up to whole steps
            "lora": str(self.lora).lower(),
        }
        return options("realm", fixed | dict(self.settings))[1]


class Fixed:
    """REALM's per-label likelihood with annotators who are known, so that anybody can write the same loss."""

    annotators = None

    def __init__(self, labels: int, device: torch.device) -> None:
        experts = Expertise(len(EXPERTISE)).requires_grad_(False)
        experts.rho.copy_(torch.from_numpy(EXPERTISE).float().logit()[:, None])
        self.likelihood = Likelihood(experts.to(device), n_labels=labels)

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Sum over labels, in nats."""
        return self.likelihood.total(log_p, batch)

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Labels."""
        return self.likelihood.count(batch)


def train(job: Job, lm: LanguageModel, crowd: Crowd, hold: Callable[[], None]) -> None:
    """Train, and call `hold` before the first optimiser step and after each."""
    if job.way == OURS:
        objective = Fixed(len(crowd.annotations), lm.device)
        with tempfile.TemporaryDirectory() as folder:
            finetune(
                lm,
                CrowdDataset(crowd.examples, crowd.encoded),
                objective,
                job.training,
                Run(Path(folder)),
                annotator_learning_rate=1.0,  # of nobody
                watch=Watch(job.steps + 1, lambda _: hold() or {}),
            )
        return
    make = {TRAINER: one_row_per_label, SFT: one_completion_per_label}[job.way]
    with tempfile.TemporaryDirectory() as folder:
        make(job, lm, crowd, arguments(job, lm, folder), [_Held(hold)]).train()


class _Held(TrainerCallback):
    """Calls back before the first step and after each."""

    def __init__(self, hold: Callable[[], None]) -> None:
        self.hold = hold

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.hold()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.hold()


def arguments(job: Job, lm: LanguageModel, folder: str, **more: Any) -> dict[str, Any]:
    """What Trainers are told beside their defaults; a forward pass for each label an item has."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": job.batch,
        "gradient_accumulation_steps": job.labels,
        "max_steps": job.steps,
        "bf16": True,
        "use_cpu": lm.device.type == "cpu",
        "dataloader_pin_memory": lm.device.type != "cpu",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    } | more


def one_row_per_label(
    job: Job, lm: LanguageModel, crowd: Crowd, told: dict[str, Any], callbacks: list[TrainerCallback]
) -> Trainer:
    """transformers.Trainer with the likelihood of a label as `compute_loss_func`, on the logits of the default call.

    A row's label stands at the prompt's last token, coded with who gave it; elsewhere labels are ignored.
    """
    import peft

    args = TrainingArguments(**told)
    answers, choices = crowd.encoded.answers[0], len(crowd.encoded.answers[0])
    decodes = lm.is_encoder_decoder
    start = {"decoder_input_ids": [lm.model.config.decoder_start_token_id]} if decodes else {}
    rows = []
    for i, label, who in crowd.rows():
        ids = crowd.prompt(i)
        rows.append({"input_ids": ids, "labels": [IGNORED] * (len(ids) - 1) + [who * choices + label]} | start)
    token = torch.from_numpy(answers).to(lm.device)
    expertise = torch.from_numpy(EXPERTISE).float().to(lm.device)

    def loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        """Mixture of the answer's softmax over the choices, where the annotator knows, and a guess."""
        logits = outputs.logits[:, -1] if decodes else outputs.logits[labels != IGNORED]
        code = labels[labels != IGNORED]
        said = logits[:, token].float().softmax(dim=1)[torch.arange(len(code)), code % choices]
        knows = expertise[code // choices]
        return -(knows * said + (1 - knows) / choices).log().sum() / num_items_in_batch

    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.padding_side = "right"
    set_seed(args.seed)  # before an adapter draws its weights, as crowdtune does
    made = Trainer(
        peft.get_peft_model(lm.model, adapter(lm, job.training)) if job.lora else lm.model,
        args,
        DataCollatorForTokenClassification(tokenizer),
        rows,
        processing_class=tokenizer,
        compute_loss_func=loss,
        callbacks=callbacks,
    )
    made.remove_callback(PrinterCallback)
    return made


def one_completion_per_label(
    job: Job, lm: LanguageModel, crowd: Crowd, told: dict[str, Any], callbacks: list[TrainerCallback]
) -> Trainer:
    """TRL's SFTTrainer on prompts with the label as completion, scored over the whole vocabulary."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    ids, mask = [], []
    for i, label, _ in crowd.rows():
        said = [int(crowd.encoded.answers[i, label]), lm.end]
        ids.append([*crowd.prompt(i), *said])
        mask.append([0] * len(crowd.prompt(i)) + [1] * len(said))
    fair = {"completion_only_loss": True, "activation_checkpointing": False, "max_length": None}
    made = SFTTrainer(
        lm.model,
        SFTConfig(**told, **fair),
        train_dataset=Dataset.from_dict({"input_ids": ids, "completion_mask": mask}),
        processing_class=lm.tokenizer,
        peft_config=adapter(lm, job.training) if job.lora else None,
        callbacks=callbacks,
    )
    made.remove_callback(PrinterCallback)
    return made


def crowd_trainer(job: Job, lm: LanguageModel, crowd: Crowd, told: dict[str, Any], callbacks: list[Any]) -> Trainer:
    """CrowdTrainer by itself, told as other trainers are: to look at its gradients."""
    made = CrowdTrainer(
        lm,
        CrowdConfig(**told | {"gradient_accumulation_steps": 1}),
        crowd.examples,
        peft_config=adapter(lm, job.training) if job.lora else None,
        objective=Fixed(len(crowd.annotations), lm.device),
        encoded=crowd.encoded,
        callbacks=callbacks,
    )
    made.remove_callback(PrinterCallback)
    return made


class _Kept(TrainerCallback):
    """Keeps the gradients of the only step."""

    def __init__(self) -> None:
        self.gradients: dict[str, Tensor] = {}

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        named = kwargs["model"].named_parameters()
        self.gradients = {name: p.grad.detach().cpu().clone() for name, p in named if p.grad is not None}


def gradients(job: Job, lm: LanguageModel, crowd: Crowd, *, bf16: bool) -> dict[str, Tensor]:
    """Gradients of an optimiser step over all labels of `crowd`, a single batch of items, by name."""
    make = crowd_trainer if job.way == OURS else one_row_per_label
    with tempfile.TemporaryDirectory() as folder:
        kept = _Kept()
        told = arguments(job, lm, folder, bf16=bf16, max_grad_norm=0.0, max_steps=1)
        make(job, lm, crowd, told, [kept]).train()
    return kept.gradients


def apart(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> float:
    """Norm of the difference of two gradients, relative to the second's."""
    if ours.keys() != theirs.keys():
        raise ValueError(f"other parameters have gradients: {sorted(ours.keys() ^ theirs.keys())[:3]}")
    between = np.array([float((ours[n].double() - theirs[n].double()).square().sum()) for n in theirs]).sum()
    whole = np.array([float(theirs[n].double().square().sum()) for n in theirs]).sum()
    return float(np.sqrt(between / whole))
