"""The one training path all methods share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from crowdtune.lm.heads import beside_base
from crowdtune.lm.load import LanguageModel
from crowdtune.runs import Run
from crowdtune.training.config import CrowdConfig
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.ending import ending_on_request, newest
from crowdtune.training.options import Training
from crowdtune.training.trainer import CrowdTrainer, Objective


@dataclass(frozen=True)
class Watch:
    """Look at the model while it trains.

    Args:
        points: how often, evenly spread over training, the start and the end included.
        measure: the model as it is -> what to log of it.
    """

    points: int
    measure: Callable[[LanguageModel], dict[str, float]]


class Watcher(TrainerCallback):
    """Logs what is measured of the model at the points of a watch."""

    def __init__(self, watch: Watch, lm: LanguageModel, log: Callable[[dict[str, Any]], None]) -> None:
        self.watch, self.lm, self.log = watch, lm, log

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look before the first step; what was seen where a resumed run goes on is in its log."""
        if not state.global_step:
            self.on_step_end(args, state, control)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look where it is time."""
        marks = {round(state.max_steps * i / max(self.watch.points - 1, 1)) for i in range(self.watch.points)}
        if state.global_step in marks:
            self.log({"step": state.global_step} | self.watch.measure(self.lm))


class Log(TrainerCallback):
    """Sends the Trainer's log lines where the run keeps them, and a progress bar to stderr if that is a terminal."""

    def __init__(self, log: Callable[[dict[str, Any]], None]) -> None:
        self.log = log
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the bar."""
        from tqdm import tqdm

        quiet = not (sys.stderr.isatty() and state.is_world_process_zero)
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", disable=quiet, leave=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar on."""
        self.bar.update()
        if state.global_step == state.max_steps:
            control.should_save = False  # the run itself is saved next

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Keep the line; how long it took is of interest once it is all done."""
        if "train_runtime" not in (logs or {}) or state.global_step >= state.max_steps:
            self.log({"step": state.global_step} | (logs or {}))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()


def finetune(
    lm: LanguageModel,
    dataset: CrowdDataset,
    objective: Objective,
    options: Training,
    run: Run,
    *,
    annotator_learning_rate: float,
    watch: Watch | None = None,
    resume: bool = False,
) -> LanguageModel:
    """Fine-tune `lm` in place.

    Args:
        lm: the model.
        dataset: what to train on.
        objective: what to minimise; the annotators' parameters are its own.
        options: how.
        run: keeps checkpoints and the log.
        annotator_learning_rate: rate of the annotators' parameters.
        watch: what to measure of the model while it trains.
        resume: go on from the newest whole checkpoint, if there is one.

    Returns:
        The model trained; with LoRA, the model with its adapter.
    """
    trainer = CrowdTrainer(
        lm,
        _config(lm, options, run, annotator_learning_rate),
        dataset.examples,
        peft_config=adapter(lm, options) if options.lora else None,
        objective=objective,
        encoded=dataset.encoded,
        callbacks=[Log(run.log)],
    )
    if watch is not None:
        trainer.add_callback(Watcher(watch, trainer.lm, run.log))
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, where --json results go
    trainer.remove_callback(ProgressCallback)
    with ending_on_request(trainer):
        trainer.train(resume_from_checkpoint=newest(run, resume))
    return trainer.lm


def _config(lm: LanguageModel, options: Training, run: Run, annotator_learning_rate: float) -> CrowdConfig:
    return CrowdConfig(
        output_dir=str(run.checkpoints),
        annotator_learning_rate=annotator_learning_rate,
        learning_rate=options.rate,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.accumulation,
        warmup_steps=options.warmup,
        weight_decay=options.weight_decay,
        bf16=options.bf16,
        optim=options.optimizer,
        activation_checkpointing=options.checkpointing,
        use_cpu=lm.device.type == "cpu",
        seed=options.seed,
        save_steps=options.save_steps,
        save_total_limit=1,
        logging_steps=10,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=lm.device.type != "cpu",
        fsdp=options.fsdp,
    )


def adapter(lm: LanguageModel, options: Training) -> Any:
    """An adapter of every linear layer; what a head has besides, and what is new, is trained and saved as a whole."""
    import peft

    fixed: dict[str, Any] = {"r": options.lora_rank, "lora_alpha": 2 * options.lora_rank}
    if lm.head != "lm":
        own = {name.rpartition(".")[0] for name in lm.new if name.startswith(f"{lm.model.base_model_prefix}.")}
        fixed |= {"task_type": "SEQ_CLS", "modules_to_save": sorted({*beside_base(lm.model), *own})}
    return peft.LoraConfig(target_modules="all-linear", **fixed)
