"""Tuning: the trainer of Crowd-SFT. A LoRA copy of a base learns from the contributions of some annotators."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel, adapted, in_full
from crowdtune.methods._aims import Aim
from crowdtune.methods._learn import learn
from crowdtune.methods._options import check_kind, options
from crowdtune.methods._start import Start, prepare
from crowdtune.rounds.job import MODEL, Job, save_measured
from crowdtune.runs import Run
from crowdtune.training.finetune import adapter
from crowdtune.training.options import Training

ADAPTER = "adapter_model.safetensors"  # of a model's folder, as peft writes it
_ready: dict[str, Start] = {}  # of this process: the model and the items, prepared for the last tuning


@dataclass(frozen=True, eq=False)
class Tuning:
    """Does the jobs of rounds and coalitions; picklable.

    The adapter of the base goes on being trained, so that a model is one adapter on the untrained model however many
    rounds lie behind it. The average of several is that of their adapters' weights.

    Args:
        annotations: all annotators' contributions, labels or free responses.
        method: of `crowdtune train`; "noisy" imitates every contribution as it came, as the paper does.
        settings: options of the method and of training by name, as text.
        aims: what is measured of a trained model.
    """

    annotations: Annotations
    method: str
    settings: dict[str, str]
    aims: tuple[Aim, ...]

    def __call__(self, job: Job, folder: Path) -> None:
        """Train, or average, or take the base as it is; measure; and keep what is to be kept."""
        start = self.start()
        lm = self.model(job)
        steps = self._train(lm, start, job, folder) if job.members else 0
        measured = {
            aim.target.name: np.stack([aim.measure(lm, start.reading, seed) for seed in job.draws]) for aim in self.aims
        }
        if job.keep:
            lm.model.save_pretrained(folder / MODEL)
        save_measured(folder, measured, steps)

    def start(self) -> Start:
        """The untrained model and the items as it reads them, prepared once in a process."""
        if self._key not in _ready:
            _ready.clear()
            _, training = self._options
            check_kind(self.annotations, self.method, training)
            _ready[self._key] = prepare(self.annotations, training)
        return _ready[self._key]

    def model(self, job: Job) -> LanguageModel:
        """A copy of the untrained model with the adapter a job begins with."""
        import peft

        copy = self.start().lm.copy()
        _, training = self._options
        torch.manual_seed(job.seed)  # a new adapter's weights are drawn
        sources = job.parents or ((job.base,) if job.base else ())
        if not sources:
            return adapted(copy, adapter(copy, training))
        model = peft.PeftModel.from_pretrained(copy.model, sources[0], is_trainable=True)
        if len(sources) > 1:
            peft.set_peft_model_state_dict(model, _average([Path(source) for source in sources]))
        return replace(copy, model=in_full(model), new=())

    @property
    def training(self) -> Training:
        """Options of training, the defaults filled in."""
        return self._options[1]

    @cached_property
    def _key(self) -> str:
        plain = pickle.dumps((self.annotations, self.method, self.settings))
        return hashlib.sha256(plain).hexdigest()

    @cached_property
    def _options(self) -> tuple[object, Training]:
        chosen, training = options(self.method, self.settings)
        return chosen, replace(training, learning_rate=replace(training, lora=True).rate, lora=False)

    def _train(self, lm: LanguageModel, start: Start, job: Job, folder: Path) -> int:
        """Train in place; how many optimiser steps that took."""
        chosen, training = self._options
        own = self.annotations.take_annotators(job.members)
        if not len(own):
            raise InputError(f"{', '.join(job.members)} contributed nothing to train on.")
        plan = chosen.plan(own, start.anchor)  # type: ignore[attr-defined]
        used = int((plan.examples.weights > 0).sum())
        training = replace(training, seed=job.seed, epochs=_epochs(training, used, job.steps))
        run = Run(folder / "training")
        run.folder.mkdir()
        learn(lm, start, plan, training, run)
        shutil.rmtree(run.folder)
        return job.steps or _steps(training, used)


def _per_epoch(training: Training, items: int) -> int:
    """Optimiser steps of a pass over the items."""
    batches = -(-items // training.batch_size)
    return -(-batches // training.accumulation)


def _steps(training: Training, items: int) -> int:
    return int(np.ceil(training.epochs * _per_epoch(training, items)))


def _epochs(training: Training, items: int, steps: int) -> float:
    """Passes over the items that take so many optimiser steps; 0 leaves it at the training's."""
    return (steps - 0.5) / _per_epoch(training, items) if steps else training.epochs


def _average(folders: list[Path]) -> dict[str, torch.Tensor]:
    """Mean of adapters' weights."""
    from safetensors.torch import load_file

    tables = [load_file(folder / ADAPTER) for folder in folders]
    return {name: torch.stack([table[name] for table in tables]).mean(dim=0) for name in tables[0]}
