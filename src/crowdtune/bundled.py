"""The bundled example: words with ten real human ratings each, from the wheel vaderSentiment (MIT), read at run time.

The ratings carry no rater identity, so annotators on these words are always simulated.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from crowdtune.annotations import Items
from crowdtune.errors import InputError

CHOICES = ("positive", "negative")
CLEAR = 1.0  # mean rating, on -4..4, from which a word's side is taken as known


def words(count: int, rng: np.random.Generator) -> Items:
    """Choose `count` words at random; gold is the side of their mean human rating, at least 1 in size.

    5,586 entries qualify, eight of them a second entry for the same word, which is left out.
    """
    spec = importlib.util.find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the bundled words are not installed. Run: pip install vaderSentiment")
    text = (Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt").read_text(encoding="utf-8")
    rated = [line.split("\t")[:2] for line in text.splitlines() if line]
    clear = {word: float(mean) for word, mean in rated if word.isalpha() and abs(float(mean)) >= CLEAR}
    names = list(clear)
    if count > len(names):
        raise InputError(f"the bundled example has {len(names)} words, {count} were asked for.")
    chosen = [names[i] for i in rng.permutation(len(names))[:count]]
    return Items(
        ids=chosen,
        prompts=chosen,
        choice_sets=[CHOICES],
        choice_set=np.zeros(count, dtype=np.int64),
        tasks=["sentiment"],
        task=np.zeros(count, dtype=np.int64),
        gold=np.array([0 if clear[word] > 0 else 1 for word in chosen], dtype=np.int64),
        splits=[""] * count,
    )
