"""Aims: targets of Crowd-SFT with how they are measured of a real model.

What is drawn or chosen for a measurement follows from its seed alone, so that models are compared on common samples,
and a new seed gives fresh ones.

References:
    Sotiropoulos et al.: Crowd-SFT, 2025, https://arxiv.org/abs/2506.04063, for `Distance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Protocol

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.errors import InputError
from crowdtune.lm.embed import embed
from crowdtune.lm.encode import asked, shorten
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.local import items_of
from crowdtune.lm.reading import Reading
from crowdtune.lm.score import score
from crowdtune.lm.writing import Draw, write
from crowdtune.rounds.target import Target, mean, nearness

Encoder = Callable[[Sequence[str]], Floats]  # S texts -> (S, D)
RewardFunction = Callable[..., Sequence[float]]  # as TRL's reward_funcs: prompts and completions by name
ROWS = 64  # texts written at once


class Aim(Protocol):
    """A target and how it is measured; picklable, as other processes measure."""

    @property
    def target(self) -> Target:
        """What is selected by."""
        ...

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        """(S, D) of S samples of a model."""
        ...


@dataclass(frozen=True)
class Drawing:
    """How texts are drawn of a model.

    Args:
        prompts: what it is asked, in turn.
        samples: how many texts, S.
        max_tokens: most tokens of one.
        temperature: 1 is the model's own distribution.
    """

    prompts: tuple[str, ...]
    samples: int = 50
    max_tokens: int = 64
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.prompts:
            raise InputError("nothing says what the model is asked to write. Give --ask TEXT.")
        for name in ("samples", "max_tokens"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be 1 or more.")

    def __call__(self, lm: LanguageModel, reading: Reading, seed: int) -> list[tuple[str, str]]:
        """S prompts with what the model wrote."""
        said = [self.prompts[s % len(self.prompts)] for s in range(self.samples)]
        form = replace(reading.format, style="responses")
        ids = [shorten(own, reading.max_length) for own in asked(items_of(said, [("",)] * len(said)), lm, form)[2]]
        draws = [Draw(self.temperature, seed * self.samples + s) for s in range(self.samples)]
        written: list[str] = []
        for begin in range(0, self.samples, ROWS):
            rows = slice(begin, begin + ROWS)
            for one in write(lm, ids[rows], draws[rows], self.max_tokens, bf16=reading.bf16):
                written.append(lm.tokenizer.decode(one.tokens, skip_special_tokens=True).strip())
        return list(zip(said, written, strict=True))


@dataclass(frozen=True, eq=False)
class Distance:
    """Minus the distance of embedded outputs to a centroid: the paper's target.

    Args:
        drawing: of outputs.
        centroid: (D,) of the texts outputs shall be like, as `centroid_of` makes it.
        encoder: embeds texts; the local MiniLM-L6 by default.
        name: of the target; a second one with another encoder guards against gaming the first.
    """

    drawing: Drawing
    centroid: Floats
    encoder: Encoder = embed
    name: str = "distance"

    @property
    def target(self) -> Target:
        """Nearness."""
        return nearness(self.name, self.centroid)

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        """(S, D) embeddings of what the model writes."""
        return self.encoder([text for _, text in self.drawing(lm, reading, seed)])


@dataclass(frozen=True, eq=False)
class Reward:
    """Mean reward of outputs by a function that TRL would take, or any that is given texts.

    Args:
        drawing: of outputs.
        function: called with `prompts` and `completions`, lists of S texts; gives S numbers, higher is better.
        name: of the target.
    """

    drawing: Drawing
    function: RewardFunction
    name: str = "reward"

    @property
    def target(self) -> Target:
        """Mean reward."""
        return mean(self.name)

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        """(S, 1) rewards."""
        prompts, texts = zip(*self.drawing(lm, reading, seed), strict=True)
        found = np.asarray(self.function(prompts=list(prompts), completions=list(texts)), dtype=np.float64)
        if found.shape != (len(texts),) or not np.isfinite(found).all():
            raise InputError(f"the reward function gave no {len(texts)} finite numbers for {len(texts)} texts.")
        return found[:, None]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How well held-out items with gold are answered.

    Args:
        items: I items with gold answers.
        by: "loss", minus the negative log-likelihood in nats (of free responses per token); "brier", minus the squared
            distance of the distribution over choices from the gold answer, 0 to 2; or "accuracy".
        samples: items asked at a time, drawn without replacement; 0 asks all of them, whatever the seed.
    """

    items: Items
    _: KW_ONLY
    by: str = "loss"
    samples: int = 0

    def __post_init__(self) -> None:
        if not (self.items.gold >= 0).any():
            raise InputError(f"target {self.by} needs held-out items with gold answers. Give --test FILE.")

    @property
    def name(self) -> str:
        """Of the target."""
        return self.by

    @property
    def target(self) -> Target:
        """Mean over items."""
        return mean(self.by)

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        """(S, 1) of the items."""
        known = np.flatnonzero(self.items.gold >= 0)
        if 0 < self.samples < len(known):
            known = np.sort(np.random.default_rng(seed).permutation(known)[: self.samples])
        items = self.items.take(known)
        encoded = reading.encode(items, lm)
        table = score(lm, encoded, bf16=reading.bf16)
        rows = np.arange(len(items))
        if self.by == "accuracy":
            found = (table.argmax(axis=1) == items.gold).astype(np.float64)
        elif self.by == "brier":
            found = -((np.exp(table) - np.eye(table.shape[1])[items.gold]) ** 2).sum(axis=1)
        else:
            free = reading.format.style == "responses"
            found = table[rows, items.gold] / (np.maximum(encoded.sizes()[rows, items.gold], 1) if free else 1)
        return np.asarray(found, dtype=np.float64)[:, None]


@dataclass(frozen=True, eq=False)
class Custom:
    """Anything that can be measured of a model.

    Args:
        function: model, how it reads items, and a seed -> (S, D).
        target: what is made of it.
    """

    function: Callable[[LanguageModel, Reading, int], Floats]
    target: Target

    def measure(self, lm: LanguageModel, reading: Reading, seed: int) -> Floats:
        """(S, D)."""
        return self.function(lm, reading, seed)


def centroid_of(texts: Sequence[str], encoder: Encoder = embed) -> Floats:
    """(D,) mean embedding of texts."""
    if not texts:
        raise InputError("no texts say what outputs shall be like. Give --near FILE, one text a line.")
    return np.asarray(encoder(texts).mean(axis=0))


def neighbours(texts: Sequence[str], best: int, count: int = 100, encoder: Encoder = embed) -> list[int]:
    """Places of the `count` texts nearest to the one at `best`, itself first: the paper's way to a target."""
    table = encoder(texts)
    apart = np.linalg.norm(table - table[best], axis=1)
    return [int(i) for i in np.argsort(apart, kind="stable")[:count]]
