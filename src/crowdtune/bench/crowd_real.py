"""Crowd-SFT with real LoRA trainings: who contributes, how copies are trained, and what they are judged by."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdtune.bench.contributors import PROMPT, Planted, labellers, writers
from crowdtune.credit.game import Game
from crowdtune.methods import Distance, Drawing, HeldOut, Tuning, centroid_of
from crowdtune.rounds.coalitions import coalition_game
from crowdtune.rounds.spread import spread

LORA = {"batch_size": "8", "accumulation": "1", "lora_rank": "8", "max_length": "32"}
SMOLLM2 = LORA | {"template": "{prompt}", "epochs": "3", "learning_rate": "1e-3"}
MINILM = LORA | {
    "head": "head",
    "template": "Sentiment of {prompt}",
    "epochs": "4",
    "batch_size": "16",
    "learning_rate": "3e-3",
}


@dataclass(frozen=True)
class Setting:
    """One pool of contributors and the model they train.

    Args:
        name: of its folder.
        quality: of the contributors.
        each: contributions by each.
        writes: whether they write texts (SmolLM2, distance to a centroid) or label words (MiniLM, Brier score).
        draws: seeds of what is drawn of a trained model.
        judged: texts drawn with each of them, or held-out words.
    """

    name: str
    quality: tuple[float, ...]
    each: int
    writes: bool
    draws: tuple[int, ...]
    judged: int

    def planted(self, seed: int) -> Planted:
        """The contributors."""
        rng, quality = np.random.default_rng(seed), np.array(self.quality)
        return writers(quality, self.each, rng) if self.writes else labellers(quality, self.each, self.judged, rng)

    def tuning(self, planted: Planted) -> Tuning:
        """Their trainer."""
        if self.writes:
            aim = Distance(Drawing((PROMPT,), self.judged, max_tokens=6), centroid_of(planted.near))
            return Tuning(planted.annotations, "noisy", SMOLLM2, (aim,))
        assert planted.test is not None
        return Tuning(planted.annotations, "noisy", MINILM, (HeldOut(planted.test, by="brier"),))


SETTINGS = {
    "smollm2": Setting("smollm2", (1.0, 0.8, 0.6, 0.4, 0.2, 0.0), 24, True, (0, 1, 2), 50),
    "minilm": Setting("minilm", (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.4, 0.2), 24, False, (0,), 250),
}


def game_of(setting: Setting, seed: int, folder: Path, workers: int) -> Game:
    """The game of a setting's contributors; trainings are kept in `folder`/coalitions."""
    planted = setting.planted(seed)
    tuning = setting.tuning(planted)
    return coalition_game(
        functools.partial(spread, tuning, workers=workers),
        planted.annotations.annotators,
        tuning.aims[0].target,
        folder / "coalitions" / f"{setting.name}-{seed}",
        draws=setting.draws,
    )


def train_all(setting: Setting, seeds: Sequence[int], folder: Path, workers: int) -> None:
    """Train every coalition."""
    count = len(setting.quality)
    member = (np.arange(2**count)[:, None] >> np.arange(count)) % 2 == 1
    for seed in seeds:
        game_of(setting, seed, folder, workers).worth(member)
