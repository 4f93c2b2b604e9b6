"""Cells on a frozen encoder: a linear head on sentence embeddings, trained in a second, whatever the method.

The head starts as what the encoder knows without training: the weights of a choice are the embedding of the choice's
own words in the template, times a scale, and its mean answer is taken off as `lm.centre` does. So it has a prior that
is better than chance, as a pre-trained language model has, and can be turned round by a crowd as one can.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.bench.grid import Cell
from crowdtune.bench.outcome import Trained
from crowdtune.bench.untrained import UNTRAINED, Known, untrained
from crowdtune.errors import InputError
from crowdtune.examples import Examples
from crowdtune.lm.embed import embed
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.metrics.distances import TINY
from crowdtune.names import find
from crowdtune.runs import annotator_table
from crowdtune.settings import apply
from crowdtune.training.annotator_step import make_step

COSINE = SimpleNamespace(lr_scheduler_type="cosine", get_warmup_steps=lambda steps: 0)  # the annotators' schedule


@dataclass(frozen=True)
class HeadTraining:
    """How a head is trained, whatever the method."""

    template: str = "Sentiment of {prompt}"  # of items, and of choices in the place of an item
    described: str = ""  # texts for the choices instead, in their order, with | between
    pairs: bool = False  # a prompt's first two lines u, v as (u, v, |u - v|, u v); untrained, all choices are alike
    scale: float = 10.0  # of the weights a choice starts with: how sure the untrained head is
    learning_rate: float = 0.01  # Adam, cosine to 0
    epochs: int = 30  # passes over the items
    batch_size: int = 64  # items in a step
    points: int = 20  # of the learning curve


@dataclass(frozen=True, eq=False)
class HeadStart:
    """What all methods start from.

    Args:
        train: (I, D) embeddings of the items to train on.
        test: (T, D) of the items to test on.
        weight: (K, D) of each choice.
        bias: (K,) of each choice.
    """

    train: Tensor
    test: Tensor
    weight: Tensor
    bias: Tensor

    @property
    def anchor(self) -> Anchor:
        """What the untrained head says of the training items, centred, and their embeddings."""
        return Anchor(_log_p(self.train, self.weight, self.bias), self.train.numpy())

    @property
    def known(self) -> Known:
        """The same for methods that train nothing."""
        embedded = self.train.double().numpy(), self.test.double().numpy()
        return Known(self.anchor.log_p, self.test_log_p, *embedded)

    @property
    def test_log_p(self) -> Floats:
        """(T, K) of the untrained head on the test items."""
        return _log_p(self.test, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Head:
    """A trained head.

    Args:
        log_p: (I, K) log-probabilities of the items it was trained on.
        path: (step, (T, K) of the test items) while it was trained, the last of them when it was.
    """

    log_p: Floats
    path: list[tuple[int, Floats]]

    @property
    def test_log_p(self) -> Floats:
        """(T, K) of the test items."""
        return self.path[-1][1]


def run_head(cell: Cell, annotations: Annotations, test: Items) -> Trained:
    """Train a head on a crowd and ask it.

    Args:
        cell: which.
        annotations: N labels.
        test: T items with gold.
    """
    method, options = _chosen(cell)
    start = head_start(annotations.items, test, options)
    began = time.monotonic()
    if cell.method in UNTRAINED:
        return untrained(method, annotations, start.known, began)
    plan = method.plan(annotations, start.anchor)
    head = train_head(start, plan, options, cell.seed)
    found = plan.conclude(head.log_p)
    return Trained(
        anchor=start.anchor.log_p,
        zero_shot=start.test_log_p,
        answers=head.test_log_p.argmax(axis=1),
        posterior=found.posterior,
        annotators=annotator_table(annotations, found.posterior, found.columns),
        curve=[(step, _right(log_p, test)) for step, log_p in head.path],
        began=began,
        results=found.results,
    )


def head_path(cell: Cell, annotations: Annotations, held: Items, pool: tuple[str, ...]) -> list[tuple[int, Floats]]:
    """Train a head, and what it says of T held-out items along the way: steps with (T, K) log-probabilities.

    Args:
        cell: which.
        annotations: N labels.
        held: T items.
        pool: prompts that all seeds share; each is embedded once for all of them.
    """
    method, options = _chosen(cell)
    start = head_start(annotations.items, held, options, pool)
    if cell.method in UNTRAINED:
        return [(0, np.log(np.maximum(method.answer(annotations, start.known)[1], TINY)))]
    return train_head(start, method.plan(annotations, start.anchor), options, cell.seed).path


def _chosen(cell: Cell) -> tuple[Any, HeadTraining]:
    """A cell's method and how it is trained."""
    blank = UNTRAINED[cell.method]() if cell.method in UNTRAINED else find("crowdtune.methods", cell.method, "method")()
    method, options = apply(cell.method_settings | dict(cell.training), blank, HeadTraining())
    return method, options


def head_start(train: Items, test: Items, options: HeadTraining, pool: tuple[str, ...] = ()) -> HeadStart:
    """Embed items and choices; the bias takes off what the head answers on average over the training items.

    Args:
        train: I items.
        test: T items with the same choices.
        options: how.
        pool: prompts among which all of these are, embedded once; () embeds each set for itself.
    """
    if not train.common_choices or train.common_choices != test.common_choices:
        raise InputError("the head needs items that all have the same choices. Choose a language model for this data.")
    described = tuple(options.described.split("|")) if options.described else ()
    if described and len(described) != len(train.common_choices):
        raise InputError(
            f"described names {len(described)} texts, the items have {len(train.common_choices)} choices: "
            f"{', '.join(train.common_choices)}. Give a text for each, with | between."
        )
    places = {prompt: at for at, prompt in enumerate(pool)}
    features, held_out = (
        _item_features(pool, options)[[places[prompt] for prompt in items.prompts]]
        if pool
        else _item_features(tuple(items.prompts), options)
        for items in (train, test)
    )
    if options.pairs:
        k = len(train.common_choices)
        return HeadStart(features, held_out, torch.zeros(k, features.shape[1]), torch.zeros(k))
    choices = _features(described, "{prompt}") if described else _features(train.common_choices, options.template)
    weight = options.scale * choices
    mean = (features @ weight.T).softmax(dim=1).mean(dim=0)
    return HeadStart(features, held_out, weight, -mean.log())


@functools.lru_cache(maxsize=32)  # five splits and their choices, twice
def _features(texts: tuple[str, ...], template: str) -> Tensor:
    """(I, D) embeddings in the template, made once in a process."""
    return torch.from_numpy(embed([template.replace("{prompt}", text) for text in texts])).float()


def _item_features(prompts: tuple[str, ...], options: HeadTraining) -> Tensor:
    """(I, D) of items."""
    return _pair_features(prompts) if options.pairs else _features(prompts, options.template)


@functools.lru_cache(maxsize=8)
def _pair_features(prompts: tuple[str, ...]) -> Tensor:
    """(I, 4 D) embeddings of the first two lines of each prompt, how far they are apart, and their product.

    The name before a line's colon ("Premise:") is taken off. The product is scaled to be about as long as the others.
    """
    lines = [prompt.split("\n") for prompt in prompts]
    if any(len(own) < 2 for own in lines):
        raise InputError("pairs=true needs prompts of two lines or more, the first two of them a pair.")
    sides = [[own[side].partition(": ")[2] or own[side] for own in lines] for side in (0, 1)]
    u, v = (_features(tuple(texts), "{prompt}") for texts in sides)
    return torch.cat([u, v, (u - v).abs(), u * v * math.sqrt(u.shape[1])], dim=1)


def train_head(start: HeadStart, plan: Plan, options: HeadTraining, seed: int) -> Head:
    """Train a copy of the head on a plan by mini-batches of the items that have weight.

    Args:
        start: the untrained head.
        plan: of a method, on the I training items.
        options: how.
        seed: of the order of the batches.
    """
    used = np.flatnonzero(plan.examples.weights > 0)
    features, table = start.train[used], _table(plan.examples.take(used))
    weight, bias = start.weight.clone().requires_grad_(), start.bias.clone().requires_grad_()
    optimizer = torch.optim.Adam([weight, bias], lr=options.learning_rate)
    order, step, path = torch.Generator().manual_seed(seed), 0, list[tuple[int, Floats]]()
    last = options.epochs * math.ceil(len(used) / options.batch_size)
    annotators = make_step(plan.objective.annotators, plan.annotator_learning_rate, torch.device("cpu"))
    if annotators is not None:
        annotators.schedule(COSINE, last)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, last)
    marks = set(np.linspace(0, last, options.points + 1).round().astype(int).tolist())
    for _ in range(options.epochs):
        for index in torch.randperm(len(used), generator=order).split(options.batch_size):
            if step in marks:
                path.append((step, _log_p(start.test, weight, bias)))
            batch = {name: column[index] for name, column in table.items()}
            log_p = (features[index] @ weight.T + bias).log_softmax(dim=1)
            (plan.objective.total(log_p, batch) / plan.objective.count(batch).clamp(min=1e-6)).backward()
            if annotators is not None:
                annotators.step()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            step += 1
    return Head(_log_p(start.train, weight, bias), [*path, (last, _log_p(start.test, weight, bias))])


def _table(examples: Examples) -> Mapping[str, Tensor]:
    """All examples as objectives see them: a row per item in every column."""
    return {
        "labels": torch.from_numpy(examples.labels.padded()),
        "annotators": torch.from_numpy(examples.annotators.padded()),
        "task": torch.from_numpy(examples.items.task),
        "answers": torch.where(torch.from_numpy(examples.items.choice_mask), 0, -1),
        "target": torch.from_numpy(examples.targets).float(),
        "weight": torch.from_numpy(examples.weights).float(),
        "index": torch.from_numpy(examples.index),
    }


def _log_p(features: Tensor, weight: Tensor, bias: Tensor) -> Floats:
    with torch.no_grad():
        return np.asarray((features @ weight.T + bias).double().log_softmax(dim=1).numpy())


def _right(log_p: Floats, items: Items) -> float:
    return float((log_p.argmax(axis=1) == items.gold).mean())
