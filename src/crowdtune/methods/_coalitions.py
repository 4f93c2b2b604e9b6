"""Trainers of coalitions: linear heads on frozen embeddings, in a blink, or LoRA copies of a language model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.denoise.classifier import fit
from crowdtune.errors import InputError
from crowdtune.lm.embed import WIDTH, embed
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.reading import Reading
from crowdtune.methods._aims import HeldOut
from crowdtune.methods._tuning import Tuning
from crowdtune.rounds.job import Job, save_measured
from crowdtune.rounds.target import Target

PARTS = 10  # of held-out items
RIDGE = 100.0  # precision of the prior of a head's weights, on embeddings as long as the root of their width


@dataclass(frozen=True, eq=False)
class Heads:
    """Trains linear heads on frozen embeddings: every label of a coalition as it came.

    Args:
        annotations: N labels, of items that all have the same choices.
        features: (I, D) embeddings of the items.
        test: (T, D) of the held-out items.
        gold: (T,) their answers.
        by: "loss", minus nats per held-out item, or "accuracy".
    """

    annotations: Annotations
    features: Floats
    test: Floats
    gold: Ints
    by: str = "loss"

    def __call__(self, job: Job, folder: Path) -> None:
        """Train on the members' labels; without members, all choices are alike."""
        k = self.annotations.items.max_choices
        log_p = np.full((len(self.gold), k), -np.log(k))
        if job.members:
            own = self.annotations.take_annotators(job.members)
            used = np.flatnonzero(own.labels_per_item)
            votes = own.votes[used].astype(np.float64)
            count = votes.sum(axis=1)
            head = fit(self.features[used], votes / count[:, None], count, ridge=RIDGE)
            log_p = self.test @ head.weight + head.bias
            log_p = log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True)
        right = log_p[np.arange(len(self.gold)), self.gold]
        found = right if self.by == "loss" else (log_p.argmax(axis=1) == self.gold).astype(np.float64)
        table = np.stack([found[places] for places in parts(len(found), job.draws)])
        save_measured(folder, {self.by: table[:, :, None]}, 1 if job.members else 0)


@dataclass(frozen=True)
class _Part:
    """`HeldOut`, of which every draw is another part of the items."""

    whole: HeldOut

    @property
    def target(self) -> Target:
        return self.whole.target

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        places = parts(len(self.whole.items), (seed,))[0]
        return replace(self.whole, items=self.whole.items.take(places)).measure(lm, reading, seed)


def parts(count: int, draws: Iterable[int]) -> list[Ints]:
    """Places of held-out items in each part, as many in every one: up to `PARTS` - 1 items are in none."""
    size = max(count // PARTS, 1)
    return [np.arange(d % count, count, PARTS)[:size] for d in draws]


def heads(annotations: Annotations, test: Items, by: str) -> Heads:
    """Embed the items, for heads."""
    items, known = annotations.items, test.take(np.flatnonzero(test.gold >= 0))
    if not items.common_choices or set(known.common_choices) != set(items.common_choices):
        raise InputError("a head needs items that all have the same choices. Say --model for a language model.")
    place = {text: code for code, text in enumerate(items.common_choices)}
    gold = np.array([place[str(known.text(i, int(c)))] for i, c in enumerate(known.gold)], dtype=np.int64)
    features, test_features = (np.sqrt(WIDTH) * embed(own.prompts) for own in (items, known))
    return Heads(annotations, features, test_features, gold, by)


def tuned(annotations: Annotations, test: Items, by: str, settings: dict[str, str]) -> Tuning:
    """A trainer of LoRA copies on every contribution as it came; picklable."""
    known = test.take(np.flatnonzero(test.gold >= 0))
    return Tuning(annotations, "noisy", settings, (_Part(HeldOut(known, by=by)),))
