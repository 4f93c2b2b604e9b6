"""Planted free responses: who knew, what a language model would make of it, and embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints


@dataclass(frozen=True)
class Written:
    """Responses of a planted crowd.

    Args:
        annotator: (N,) who.
        item: (N,) to what.
        knew: (N,) whether it is an answer to the item.
        log_ratio: (N,) what a language model makes of it, in nats.
        embeddings: (N, D) of length 1.
    """

    annotator: Ints
    item: Ints
    knew: Bools
    log_ratio: Floats
    embeddings: Floats


def written(expertise: Floats, items: int, per_item: int, rng: np.random.Generator, *, alike: float = 0.7) -> Written:
    """Annotators drawn at random answer `per_item` each; cosines of those who knew are about `alike`, others' 0.15."""
    who = np.argsort(rng.random((items, len(expertise))), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(items), per_item)
    knew = rng.random(len(who)) < expertise[who]
    return Written(who, item, knew, log_ratios(item, knew, rng), vectors(item, knew, alike, rng))


def log_ratios(item: Ints, knew: Bools, rng: np.random.Generator, *, known: float = 20.0, off: float = -2.0) -> Floats:
    """(N,) as of sequences: about `known` nats by the item's difficulty, or about `off`, both with heavy tails."""
    hard = rng.gamma(3.0, 1 / 3.0, size=item.max(initial=0) + 1)[item]  # mean 1, deviation 0.58
    right = known * (hard + rng.standard_t(4, size=len(item)) / 4)
    return np.where(knew, right, off * (1 + rng.standard_t(4, size=len(item))))


def vectors(item: Ints, knew: Bools, alike: float, rng: np.random.Generator, dimensions: int = 64) -> Floats:
    """(N, D) around the item's centre where known, by a distance of each response's own, else around another's."""
    centre = rng.normal(size=(item.max(initial=0) + 1, dimensions)) + 0.4 * rng.normal(size=dimensions)
    meant = np.where(knew, item, rng.integers(len(centre), size=len(item)))
    noise = np.sqrt(1 / alike - 1) * np.exp(0.3 * rng.normal(size=(len(item), 1)))
    made = centre[meant] + noise * rng.normal(size=(len(item), dimensions))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))
