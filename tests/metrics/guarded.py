"""Adversarial crowds for the guard, made without a model: reliabilities, noise, overlap, and what a model may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.simulate import reliability, simulate
from tests.crowds import make_items

Made = Callable[[np.random.Generator], Floats]


def _many(low: float, high: float, least: int, most: int) -> Made:
    return lambda rng: rng.uniform(low, high, int(rng.integers(least, most)))


def _mostly_liars(rng: np.random.Generator) -> Floats:
    return np.concatenate(
        [rng.uniform(0.7, 0.95, int(rng.integers(1, 4))), rng.uniform(0, 0.2, int(rng.integers(3, 8)))]
    )


CROWDS: dict[str, Made] = {
    "clean": _many(0.7, 0.95, 3, 11),
    "dist1": lambda rng: reliability("dist1"),
    "dist2": lambda rng: reliability("dist2"),
    "dist3": lambda rng: reliability("dist3"),
    "linspace": lambda rng: np.linspace(0.9, 0.1, int(rng.integers(3, 12))),
    "mostly liars": _mostly_liars,
    "halves": lambda rng: np.repeat([0.85, 0.12], int(rng.integers(1, 6))),
    "offsets": lambda rng: np.array([0.9, 0.0, 0.0]),
    "thirty": _many(0.05, 0.95, 30, 31),
    "spammers": lambda rng: np.zeros(int(rng.integers(2, 8))),  # at chance, filled in
    "all liars": _many(0.0, 0.15, 3, 8),
}
MODELS: dict[str, tuple[float, float]] = {  # how far its accuracy is from chance, of what is between chance and 1
    "useless": (0.0, 0.0),
    "weak": (0.05, 0.2),
    "fair": (0.3, 0.5),
    "strong": (0.75, 0.85),
}
STYLES = ("plain", "blunt", "oversharp", "leaning", "confidence means nothing")


@dataclass(frozen=True, eq=False)
class Adversary:
    """A crowd, a model's answers, and what they are.

    Args:
        annotations: N labels with gold, which no one may look at.
        reliability: (J,) planted.
        log_p: (I, K) log-probabilities of the model, centred.
        crowd: of CROWDS.
        model: of MODELS.
        overlap: as simulated.
    """

    annotations: Annotations
    reliability: Floats
    log_p: Floats
    crowd: str
    model: str
    overlap: str

    @property
    def lying(self) -> float:
        """Share of the labels that are of annotators below chance."""
        below = self.reliability < 1 / self.annotations.items.max_choices
        return float(below[self.annotations.annotator].mean())

    @property
    def telling(self) -> bool:
        """Whether there are labels enough to tell annotators apart: 40 of each at least."""
        return int(self.annotations.labels_per_annotator.min()) >= 40


def adversary(seed: int, crowd: str | None = None, model: str | None = None, overlap: str | None = None) -> Adversary:
    """A crowd drawn at random; what is named is as named."""
    rng = np.random.default_rng(seed)
    k, n_items = int(rng.choice([2, 2, 3, 5])), int(rng.choice([60, 150, 400, 1000], p=[0.3, 0.3, 0.3, 0.1]))
    crowd = crowd or str(rng.choice(list(CROWDS)))
    reliabilities = CROWDS[crowd](rng) if crowd != "spammers" else np.full(len(CROWDS[crowd](rng)), 1 / k)
    shared = crowd == "offsets" or (len(reliabilities) < 3 and rng.random() < 0.7)
    overlap = overlap or ("shared" if shared else str(rng.choice(["shared", "shared", "exclusive", "2", "3"])))
    if overlap.isdecimal() and int(overlap) > len(reliabilities):
        overlap = "shared"
    if crowd == "thirty" and overlap == "shared":
        overlap = "3"
    noise = {"offsets": "systematic", "spammers": "uniform"}.get(
        crowd, str(rng.choice(["uniform", "asymmetric", "systematic"]))
    )
    gold = rng.choice(k, size=n_items, p=rng.dirichlet(np.full(k, 20.0)))
    items = make_items(gold.tolist(), [f"c{c}" for c in range(k)])
    annotations = simulate(items, reliabilities, noise=noise, overlap=overlap, rng=rng)
    model = model or str(rng.choice(list(MODELS)))
    accuracy = 1 / k + rng.uniform(*MODELS[model]) * (1 - 1 / k)
    log_p = answers(gold, k, accuracy, str(rng.choice(STYLES)), rng)
    return Adversary(annotations, reliabilities, log_p, crowd, model, overlap)


def answers(gold: Ints, k: int, accuracy: float, style: str, rng: np.random.Generator) -> Floats:
    """(I, K) log-probabilities of a model that is right so often, as sure as its style, centred."""
    rows = np.arange(len(gold))
    wrong = (gold + rng.integers(1, k, size=len(gold))) % k
    table = rng.normal(0, 0.3, (len(gold), k))
    table[rows, np.where(rng.random(len(gold)) < accuracy, gold, wrong)] += 1.0
    if style == "confidence means nothing":
        table *= rng.exponential(1.0, (len(gold), 1))
    table *= {"blunt": 0.1, "oversharp": 30.0}.get(style, 1.5)
    if style == "leaning":
        table[:, 0] += rng.normal(1.2, 0.5, len(gold))
    log_p = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    centred = log_p - np.log(np.exp(log_p).mean(axis=0))
    return np.asarray(centred - np.logaddexp.reduce(centred, axis=1, keepdims=True))
