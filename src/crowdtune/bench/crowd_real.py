"""Crowd-SFT with real LoRA trainings: who contributes, how copies are trained, and what they are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Bools
from crowdtune.bench.contributors import PROMPT, Planted, labellers, writers
from crowdtune.credit.game import Game
from crowdtune.methods import Distance, Drawing, HeldOut, Tuning, centroid_of
from crowdtune.methods._aims import Aim
from crowdtune.rounds.coalitions import coalition_game
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.spread import Spreading

LORA = {"batch_size": "8", "accumulation": "1", "lora_rank": "8", "max_length": "32"}
SMOLLM2 = LORA | {"template": "{prompt}", "epochs": "3", "learning_rate": "1e-3"}
MINILM = LORA | {
    "head": "head",
    "template": "Sentiment of {prompt}",
    "epochs": "4",
    "batch_size": "16",
    "learning_rate": "3e-3",
}
FRESH = tuple(range(1000, 1006))  # seeds of what is drawn of a model to judge it in the end


@dataclass(frozen=True)
class Setting:
    """One pool of contributors and the model they train.

    Args:
        name: of its folder.
        quality: of the contributors.
        each: contributions by each.
        writes: whether they write texts (SmolLM2, distance to a centroid) or label words (MiniLM, Brier score).
        draws: seeds of what is drawn of a coalition's model.
        judged: texts drawn with each of them, or words held out: as many for coalitions, for rounds (which ask some
            of theirs each time), and for the end.
        rounds: how rounds are played.
    """

    name: str
    quality: tuple[float, ...]
    each: int
    writes: bool
    draws: tuple[int, ...]
    judged: int
    rounds: Rounds

    def planted(self, seed: int) -> Planted:
        """The contributors."""
        rng, quality = np.random.default_rng(seed), np.array(self.quality)
        return writers(quality, self.each, rng) if self.writes else labellers(quality, self.each, 3 * self.judged, rng)

    def tuning(self, planted: Planted, annotations: Annotations | None = None, *, part: int = 0) -> Tuning:
        """Their trainer.

        Args:
            planted: the contributors.
            annotations: what is contributed instead.
            part: which held-out words it is judged by: 0 for coalitions, 1 for rounds, 2 for the end.
        """
        given = planted.annotations if annotations is None else annotations
        return Tuning(given, "noisy", SMOLLM2 if self.writes else MINILM, (self._aim(planted, part),))

    def _aim(self, planted: Planted, part: int) -> Aim:
        if planted.test is None:
            return Distance(Drawing((PROMPT,), self.judged, max_tokens=6), centroid_of(planted.near))
        own = planted.test.take(np.arange(part * self.judged, (part + 1) * self.judged))
        return HeldOut(own, by="brier", samples=self.judged * 3 // 5 if part == 1 else 0)


SETTINGS = {
    "smollm2": Setting(
        "smollm2",
        (1.0, 0.8, 0.6, 0.4, 0.2, 0.0),
        24,
        True,
        (0, 1, 2),
        50,
        Rounds(rounds=8, steps=12, patience=8, draws=3),
    ),
    "minilm": Setting(
        "minilm",
        (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.4, 0.2),
        24,
        False,
        (0,),
        250,
        Rounds(groups=4, rounds=10, steps=12, patience=10),
    ),
}


@contextmanager
def game_of(setting: Setting, seed: int, folder: Path, over: Spreading) -> Iterator[Game]:
    """The game of a setting's contributors; trainings are kept in `folder`/coalitions."""
    planted = setting.planted(seed)
    tuning = setting.tuning(planted)
    with over(tuning) as spread:
        yield coalition_game(
            spread,
            planted.annotations.annotators,
            tuning.aims[0].target,
            folder / "coalitions" / f"{setting.name}-{seed}",
            draws=setting.draws,
        )


def judged_by(setting: Setting) -> tuple[int, ...]:
    """Seeds of what a model is judged by in the end: fresh texts, or all of the words held out for that."""
    return FRESH if setting.writes else FRESH[:1]


def all_coalitions(count: int) -> Bools:
    """(2^J, J) membership."""
    return np.asarray((np.arange(2**count)[:, None] >> np.arange(count)) % 2 == 1)


def with_rounds(setting: Setting, **options: object) -> Setting:
    """The same contributors, other rounds."""
    return replace(setting, rounds=replace(setting.rounds, **options))  # type: ignore[arg-type]
