"""Supervised training on written distributions: of other items, so that a model learns the form, or of the items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.errors import InputError
from crowdtune.examples import from_targets
from crowdtune.lm.encode import encode
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.objectives.responses import Responses
from crowdtune.runs import GOES_ON, Run
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.finetune import finetune
from crowdtune.training.reinforce import Stage
from crowdtune.verbal import written
from crowdtune.write.room import replacing, writing


def shuffled(targets: Floats, items: Items, rng: np.random.Generator) -> Floats:
    """(I, K) distributions dealt out among items with the same choices, so that none keeps its own.

    A model trained on them learns how a distribution is written and what it is on average, of no item what it is. An
    item whose choices no other has gets even shares.
    """
    dealt = np.zeros_like(targets)
    groups: dict[tuple[str, ...], list[int]] = {}
    for i in range(len(items)):
        groups.setdefault(items.choices(i), []).append(i)
    for choices, own in groups.items():
        order = rng.permutation(own)
        dealt[order] = targets[np.roll(order, 1)]
        if len(own) == 1:
            dealt[own[0], : len(choices)] = 1 / len(choices)
    return dealt


def asked_in_full(items: Items, form: PromptFormat) -> tuple[Items, PromptFormat]:
    """Items whose text is the whole question for a distribution, and the format that adds nothing to it."""
    asking = replace(form, style="verbal", chat=False)
    prompts = [asking.text(items, i, None) for i in range(len(items))]
    plain = PromptFormat("responses", "{prompt}", form.chat, normalise="sum", beta=0.0, name_task=False)
    return replace(items, prompts=prompts), plain


def learn_to_write(lm: LanguageModel, stage: Stage, targets: Floats, *, steps: int, batch: int) -> LanguageModel:
    """Train an adapter on targets (I, K) as the model is to write them, and merge it.

    Args:
        lm: the model.
        stage: items, form, and where checkpoints and the log are kept.
        targets: (I, K) what to write for each item.
        steps: optimiser steps.
        batch: texts in a step.
    """
    questions, plain = asked_in_full(stage.examples.items, stage.form)
    sentences = [
        (written(row[:size].tolist(), questions.choices(i)),)
        for i, (row, size) in enumerate(zip(targets, questions.n_choices, strict=True))
    ]
    one = np.arange(len(questions))
    said = replace(questions, choice_sets=sentences, choice_set=one, gold=np.zeros_like(one))
    encoded = encode(said, lm, plain, stage.training.max_length)
    training = replace(
        stage.training,
        lora=True,
        learning_rate=stage.training.rate,
        batch_size=min(batch, len(said)),
        accumulation=1,
        epochs=steps * min(batch, len(said)) / len(said),
    )
    examples = from_targets(said, np.ones((len(said), 1)), np.ones(len(said)))
    trained = finetune(
        lm,
        CrowdDataset(examples, encoded),
        Responses(),
        training,
        stage.run,
        annotator_learning_rate=0.0,
        watch=stage.watch,
        resume=stage.resume,
    )
    return replace(trained, model=trained.model.merge_and_unload())


def check_form(steps: int, learning_rate: float) -> None:
    """Refuse steps below 0 and a rate that is not above it."""
    if steps < 0:
        raise InputError(f"format_steps={steps} must be 0 or more.")
    if learning_rate <= 0:
        raise InputError(f"format_rate={learning_rate} must be above 0.")


def learn_form(lm: LanguageModel, stage: Stage, steps: int, learning_rate: float) -> LanguageModel:
    """The format stage: `learn_to_write` on targets dealt out among items; kept, so that a resumed run has it."""
    home = Run(stage.run.checkpoints / "form")
    if stage.resume and home.model.exists():
        return replace(lm, model=type(lm.model).from_pretrained(home.model, dtype=lm.model.dtype).to(lm.device))
    home.folder.mkdir(parents=True, exist_ok=True)
    dealt = shuffled(stage.examples.targets, stage.examples.items, np.random.default_rng(stage.training.seed))
    alone = replace(stage, run=home, watch=None, training=replace(stage.training, learning_rate=learning_rate))
    formed = learn_to_write(lm, alone, dealt, steps=steps, batch=stage.training.batch_size)
    with writing(home.model, then=GOES_ON), replacing(home.model) as folder:
        formed.model.save_pretrained(folder)
    return formed
