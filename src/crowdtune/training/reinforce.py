"""Reinforcement learning of written distributions, by TRL's GRPOTrainer as it is: only the reward is ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from transformers import PrinterCallback, ProgressCallback

from crowdtune.errors import InputError
from crowdtune.examples import Examples
from crowdtune.lm.encode import asked, shorten
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.verbalise import room
from crowdtune.rewards import weighted
from crowdtune.runs import Run
from crowdtune.training.checkpoints import save_whole
from crowdtune.training.ending import ending_on_request, newest
from crowdtune.training.finetune import Log, Watch, Watcher, adapter
from crowdtune.training.guard import Logged
from crowdtune.training.options import Training


@dataclass(frozen=True)
class Reinforcement:
    """How a model is rewarded, and how far it moves.

    Args:
        steps: optimiser steps; each draws its rollouts anew.
        prompts_per_step: items in a step.
        rollouts: texts drawn for each.
        ambiguity_weight: lambda; see `rewards.weighted`, also for the next two.
        dynamic: whether the weight follows the gap that is left.
        scale: "none", or "group", the paper's way.
        beta: weight of the divergence from the model as it came, in the loss; 0 computes none.
        temperature: of the draws.
        passes: forward passes a step is split into, where memory is short.
    """

    steps: int = 60
    prompts_per_step: int = 12
    rollouts: int = 8
    ambiguity_weight: float = 1.0
    dynamic: bool = False
    scale: Literal["none", "group"] = "none"
    beta: float = 0.04
    temperature: float = 1.0
    passes: int = 4

    def __post_init__(self) -> None:
        for name in ("steps", "prompts_per_step", "temperature", "passes"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0.")
        if self.rollouts < 2:
            raise InputError(f"rollouts={self.rollouts} must be 2 or more: a rollout is measured against the others.")
        if self.beta < 0:
            raise InputError(f"beta={self.beta} must be 0 or more.")
        if self.prompts_per_step * self.rollouts % self.passes:
            texts = self.prompts_per_step * self.rollouts
            raise InputError(f"passes={self.passes} must divide prompts_per_step x rollouts = {texts}.")
        weighted(self.ambiguity_weight, scale=self.scale)


@dataclass(frozen=True, eq=False)
class Stage:
    """What a training of a method's own is given.

    Args:
        examples: the items with weight, and their targets (I, K).
        form: how the model is asked.
        training: options all methods share.
        run: keeps checkpoints and the log.
        watch: what to measure of the model while it trains.
        resume: go on from the newest whole checkpoint, if there is one.
    """

    examples: Examples
    form: PromptFormat
    training: Training
    run: Run
    watch: Watch | None = None
    resume: bool = False


def reinforce(lm: LanguageModel, stage: Stage, options: Reinforcement) -> LanguageModel:
    """Train an adapter on rewards for what the model writes, at training's learning rate, and merge it.

    The divergence (`beta`) is from the model without its adapter, so from the model as it comes here.

    Args:
        lm: a causal language model that can write distributions.
        stage: items and their targets.
        options: rewards and steps.
    """
    trainer = make_trainer(lm, stage, options)
    if stage.watch is not None:
        trainer.add_callback(Watcher(stage.watch, replace(lm, model=trainer.model), stage.run.log))
    with ending_on_request(trainer):
        trainer.train(resume_from_checkpoint=newest(stage.run, stage.resume))
    return replace(lm, model=trainer.model.merge_and_unload())


def make_trainer(lm: LanguageModel, stage: Stage, options: Reinforcement) -> Any:
    """A GRPOTrainer, ready to train."""
    if lm.is_encoder_decoder:
        raise InputError("reinforcement learning is for causal language models; this one is an encoder-decoder.")
    trainer = _trainer_class()(
        model=lm.model,
        reward_funcs=weighted(options.ambiguity_weight, dynamic=options.dynamic, scale=options.scale),
        args=_config(lm, stage, options),
        train_dataset=_data(lm, stage, options.steps * options.prompts_per_step),
        processing_class=lm.tokenizer,
        peft_config=adapter(lm, stage.training),
        callbacks=[Log(stage.run.log), Logged()],
    )
    for noisy in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(noisy)
    return trainer


def _trainer_class() -> Any:
    """TRL's trainer, with whole checkpoints; it tells nobody that it is used: nothing goes over the network unasked."""
    try:
        from trl import GRPOTrainer
    except ImportError as e:
        raise InputError("reinforcement learning needs TRL. Run: pip install 'crowdtune[rl]'") from e

    class Quiet(GRPOTrainer):
        def _send_telemetry(self) -> None:
            pass

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            save_whole(self, trial, partial(super()._save_checkpoint, model, trial))

    return Quiet


def _config(lm: LanguageModel, stage: Stage, options: Reinforcement) -> Any:
    from trl import GRPOConfig

    training, items = stage.training, stage.examples.items
    return GRPOConfig(
        output_dir=str(stage.run.checkpoints),
        max_steps=options.steps,
        num_generations=options.rollouts,
        per_device_train_batch_size=options.prompts_per_step * options.rollouts // options.passes,
        gradient_accumulation_steps=options.passes,
        max_completion_length=room(lm, [tuple(items.choices(i)) for i in range(len(items))]),
        temperature=options.temperature,
        beta=options.beta,
        shuffle_dataset=False,
        scale_rewards="none",  # where the paper's way is asked for, the reward has it
        learning_rate=training.rate,
        lr_scheduler_type="cosine",
        warmup_steps=training.warmup,
        weight_decay=training.weight_decay,
        bf16=training.bf16,
        use_cpu=lm.device.type == "cpu",
        gradient_checkpointing=False,
        seed=training.seed,
        save_steps=training.save_steps,
        save_total_limit=1,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=lm.device.type != "cpu",
    )


def _data(lm: LanguageModel, stage: Stage, rows: int) -> Any:
    """Prompts as TRL reads them, messages where a chat template is used, with the columns rewards are told.

    All rows of training in their order, so one epoch: TRL's sampler would start a resumed run's epochs in another.
    """
    from datasets import Dataset

    items, form = stage.examples.items, stage.form
    if form.chat:
        plain = replace(form, chat=False)
        prompts: list[Any] = [
            [{"role": "user", "content": plain.text(items, i, lm.tokenizer)}] for i in range(len(items))
        ]
    else:
        _, texts, ids = asked(items, lm, form)
        limit = stage.training.max_length
        prompts = [
            text if len(own) <= limit else lm.tokenizer.decode(shorten(own, limit), skip_special_tokens=True)
            for text, own in zip(texts, ids, strict=True)
        ]
    rng = np.random.default_rng(stage.training.seed)
    order = np.concatenate([rng.permutation(len(items)) for _ in range(-(-rows // len(items)))])[:rows].tolist()
    return Dataset.from_dict(
        {
            "prompt": [prompts[i] for i in order],
            "target": [stage.examples.targets[i, : items.n_choices[i]].tolist() for i in order],
            "choices": [list(items.choices(i)) for i in order],
            "index": list(range(rows)),
        }
    )
