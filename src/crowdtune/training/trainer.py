"""CrowdTrainer: transformers.Trainer over items with the labels of several annotators."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from torch import Tensor, nn
from transformers import Trainer, set_seed

from crowdtune.annotators.expertise import Expertise
from crowdtune.errors import InputError
from crowdtune.examples import Examples
from crowdtune.lm.answers import name_outputs
from crowdtune.lm.batch import collate
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel, adapted, load, paired
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.read_out import READ_OUTS
from crowdtune.lm.score import against
from crowdtune.metrics.accuracy import accuracy
from crowdtune.objectives.likelihood import Likelihood
from crowdtune.objectives.responses import Responses
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.training.annotator_step import make_step
from crowdtune.training.checkpoints import LossSoFar, Room, complete, save_whole
from crowdtune.training.config import CrowdConfig
from crowdtune.training.dataset import CrowdDataset, LengthGrouped, blank
from crowdtune.training.guard import Guard
from crowdtune.training.shares import Dealt, fsdp_wanted, one_pass, ready_to_shard

logger = logging.getLogger(__name__)


class Objective(Protocol):
    """A loss that knows what it counts, with the annotators' parameters that are trained beside the model, or None."""

    @property
    def annotators(self) -> Any:
        """Module with the annotators' parameters, a belief that EM keeps up to date, or None."""
        ...

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum of losses in nats over the batch."""
        ...

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar number of labels, items or weights the sum is over."""
        ...


class CrowdTrainer(Trainer):
    """Fine-tune a language model and learn its annotators, together.

    The loss of an optimiser step is the sum over all its micro-batches and ranks divided by their count of labels (or
    items, or weights), so that batch 8 x 1 equals 1 x 8.

    Args:
        model: a name `crowdtune.lm.load.load` knows, a LanguageModel, or a transformers model (then with
            `processing_class`).
        args: options of training.
        train_dataset: Examples to train on.
        eval_dataset: Examples to evaluate on; accuracy is against their gold answers.
        processing_class: tokenizer, where `model` brings none.
        peft_config: a peft configuration, for LoRA and its kin.
        objective: what to minimise; by default REALM's per-label likelihood under scalar expertise where examples
            carry labels, else cross-entropy with their targets; of free responses, targets are weights.
        encoded: the training examples' prompts where they are tokenized already.
        **kwargs: as transformers.Trainer takes them.
    """

    loss_is_scaled_for_ga = True  # compute_loss divides by the count over all micro-batches
    _tr_loss: Tensor

    def __init__(
        self,
        model: str | LanguageModel | nn.Module,
        args: CrowdConfig,
        train_dataset: Examples | None = None,
        eval_dataset: Examples | None = None,
        processing_class: Any = None,
        peft_config: Any = None,
        *,
        objective: Objective | None = None,
        encoded: Encoded | None = None,
        **kwargs: Any,
    ) -> None:
        set_seed(args.seed)  # before an adapter draws its weights
        self.lm = _language_model(model, processing_class, peft_config)
        first = train_dataset if train_dataset is not None else eval_dataset
        if first is not None:
            name_outputs(self.lm, first.items)
        form = PromptFormat(args.style, args.template, args.chat, args.normalise, args.beta)
        train = self._tokenized(train_dataset, form, args, encoded)
        form = form if train is None else train.encoded.format  # "auto" means the same for evaluation
        held_out = self._tokenized(eval_dataset, form, args)
        read = next((d.encoded.format for d in (train, held_out) if d is not None), form)
        if read.style == "verbal":
            raise InputError("style=verbal has no likelihoods to train on. Use methods shala-rl or shala-verbal.")
        self.read_out = READ_OUTS.get(read.style, READ_OUTS["words"])
        kwargs.setdefault("compute_metrics", None if read.style == "responses" else gold_accuracy)
        self.objective = objective or _default_objective(train_dataset, read.style)
        super().__init__(
            model=self.lm.model,
            args=args,
            data_collator=functools.partial(collate, lm=self.lm),
            train_dataset=train,
            eval_dataset=held_out,
            processing_class=self.lm.tokenizer,
            **kwargs,
        )
        self._order: LengthGrouped | None = None
        self.annotators = self.objective.annotators
        self._guard, self._losses = Guard(train, self.annotators), LossSoFar(self)
        for watching in (self._guard, self._losses, Room(logger.warning)):
            self.add_callback(watching)  # the guard looks before annotators move
        self._step = make_step(self.annotators, args.annotator_learning_rate, self.args.device)
        if self._step is not None:
            self.add_callback(self._step)

    def _tokenized(
        self, examples: Examples | None, form: PromptFormat, args: CrowdConfig, encoded: Encoded | None = None
    ) -> CrowdDataset | None:
        if examples is None:
            return None
        made = encoded or against(encode(examples.items, self.lm, form, args.max_length), self.lm, args.bf16)
        return CrowdDataset(examples, made)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset = train_dataset or self.train_dataset
        if self.args.train_sampling_strategy != "group_by_length" or not isinstance(dataset, CrowdDataset):
            return super()._get_train_sampler(train_dataset)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        lengths, batch, ranks = dataset.encoded.lengths(), self._train_batch_size, self.args.world_size
        self._order = LengthGrouped(lengths, batch * ranks, seed)
        return Dealt(self._order, batch, ranks, blank(int(lengths.argmin()))) if ranks > 1 else self._order

    def _run_epoch(self, **kwargs: Any) -> None:
        if self._order is not None:
            self._order.set_epoch(kwargs["epoch"])  # accelerate does not where it skips batches of several ranks
        super()._run_epoch(**kwargs)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor:
        """Count what the objective counts, over micro-batches and ranks; transformers would count shifted tokens."""
        count = torch.stack([self.objective.count(b).float() for b in batch_samples]).sum().to(device)
        if self.args.world_size > 1:
            count = self.accelerator.gather(count).sum()
        return count

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Loss in nats per label, item or weight; outputs are (B, K) log-probabilities."""
        log_p = one_pass(self.read_out, model, inputs)
        count = self.objective.count(inputs) if num_items_in_batch is None else num_items_in_batch
        loss = self.objective.total(log_p, inputs) / count.clamp(min=1e-6)
        if model.training:
            self._guard.hear(loss, log_p, inputs)
        if self.args.world_size > 1 and model.training:
            loss = loss * self.args.world_size  # ranks are averaged afterwards, the count is over all of them
        return (loss, {"log_p": log_p}) if return_outputs else loss

    def prediction_step(
        self, model: Any, inputs: dict[str, Tensor], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Loss (None where the objective has nothing to count), (B, K) log-probabilities and (B,) gold codes."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, inputs, return_outputs=True)
        counted = self.objective.count(inputs) > 0
        return (
            loss.detach() if counted else None,
            *((None, None) if prediction_loss_only else (outputs["log_p"].detach(), inputs["gold"])),
        )

    def create_accelerator_and_postprocess(self) -> None:
        """Shard the model where that is asked for, on CPUs as well: accelerate would quietly leave it whole."""
        state = PartialState._shared_state
        if fsdp_wanted(self.args):
            ready_to_shard(self.lm.model)
            if state.get("distributed_type") == DistributedType.MULTI_CPU:
                state["distributed_type"] = DistributedType.MULTI_GPU
        super().create_accelerator_and_postprocess()

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the model's schedule, and let the annotators follow it."""
        made = super().create_scheduler(num_training_steps, optimizer)
        if self._step is not None:
            self._step.schedule(self.args, num_training_steps)
        return made

    def train(self, resume_from_checkpoint: Any = None, **kwargs: Any) -> Any:
        """Train; `resume_from_checkpoint=True` goes on from the newest whole checkpoint."""
        if resume_from_checkpoint is True:
            whole = complete(Path(self.args.output_dir))
            if not whole:
                raise ValueError(f"{self.args.output_dir} holds no whole checkpoint to resume from.")
            resume_from_checkpoint = str(whole[-1])
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)

    def _finalize_training(self, *args: Any, **kwargs: Any) -> Any:
        if self.args.world_size > 1:
            self._tr_loss = self.accelerator.gather(self._tr_loss).mean()  # of steps that are not logged yet
        return super()._finalize_training(*args, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._guard.settle(model)
        self._losses.keep()
        write = functools.partial(super()._save_checkpoint, model, trial)
        save_whole(self, trial, write, self._step.save if self._step is not None else lambda folder: None)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        self._guard.norm = super()._get_grad_norm(model, grad_norm)
        return self._guard.norm

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if self._step is not None and checkpoint is not None:
            self._step.load(Path(checkpoint))


def gold_accuracy(prediction: Any) -> dict[str, float]:
    """Accuracy against gold, as the Trainer's `compute_metrics`."""
    return {"accuracy": accuracy(np.exp(prediction.predictions.astype(np.float64)), prediction.label_ids)}


def _language_model(model: Any, tokenizer: Any, peft_config: Any) -> LanguageModel:
    if isinstance(model, str):
        model = load(model)
    elif not isinstance(model, LanguageModel):
        if tokenizer is None:
            raise ValueError("CrowdTrainer needs processing_class, the tokenizer that belongs to the model.")
        model = paired(model.config.name_or_path, model, tokenizer)
    lm: LanguageModel = model
    return lm if peft_config is None else adapted(lm, peft_config)


def _default_objective(examples: Examples | None, style: str) -> Objective:
    if style == "responses":
        if examples is not None and not examples.targets.any():
            raise InputError("free responses are trained on by their weights: make examples with from_targets.")
        return Responses()
    if examples is None or not examples.labels.lengths().any():
        return SoftTarget()
    most = max(int(who.max(initial=-1)) for who in examples.annotators)
    return Likelihood(Expertise(most + 1), n_labels=int(examples.labels.lengths().sum()))
