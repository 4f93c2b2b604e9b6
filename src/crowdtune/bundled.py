"""The bundled example: words with ten real human ratings each, from the wheel vaderSentiment (MIT), read at run time.

The ratings do not say who gave them, so annotators on these words are always simulated.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError

CHOICES = ("positive", "negative")
CLEAR = 1.0  # mean rating, on -4..4, from which a word's side is taken as known
GRADES = ("terrible", "bad", "okay", "good", "wonderful")
CUTS = (-2.0, -1.0, 1.0, 2.0)  # mean ratings between two grades; a word on a cut has the grade nearer to okay


def words(count: int, rng: np.random.Generator) -> Items:
    """Choose `count` words at random; gold is the side of their mean human rating, at least 1 in size.

    5,586 entries qualify, eight of them a second entry for the same word, which is left out.
    """
    clear = {word: mean for word, mean in _rated().items() if abs(mean) >= CLEAR}
    names = _draw(list(clear), count, rng)
    return _items(names, CHOICES, np.array([0 if clear[word] > 0 else 1 for word in names], dtype=np.int64))


def grades(count: int, rng: np.random.Generator) -> Items:
    """Choose `count` words at random; gold is the grade of their mean human rating, from terrible to wonderful.

    7,209 words qualify: terrible below -2 (14 %), bad below -1 (27 %), okay up to 1 (26 %), good up to 2 (21 %),
    wonderful above (11 %). The ten ratings of a word spread by about one point, so neighbouring grades are close.
    """
    rated = _rated()
    names = _draw(list(rated), count, rng)
    mean = np.array([rated[word] for word in names], dtype=np.float64)
    low, high = np.array(CUTS[:2]), np.array(CUTS[2:])
    below = (mean[:, None] < low).sum(axis=1)
    above = (mean[:, None] > high).sum(axis=1)
    return _items(names, GRADES, (len(low) - below + above).astype(np.int64))


def _rated() -> dict[str, float]:
    """Mean human rating, from -4 to 4, of every entry that is a word."""
    spec = importlib.util.find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the bundled words are not installed. Run: pip install vaderSentiment")
    text = (Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt").read_text(encoding="utf-8")
    rated = [line.split("\t")[:2] for line in text.splitlines() if line]
    return {word: float(mean) for word, mean in rated if word.isalpha()}


def _draw(names: list[str], count: int, rng: np.random.Generator) -> list[str]:
    if count > len(names):
        raise InputError(f"the bundled example has {len(names)} words, {count} were asked for.")
    return [names[i] for i in rng.permutation(len(names))[:count]]


def _items(names: list[str], choices: tuple[str, ...], gold: Ints) -> Items:
    none = np.zeros(len(names), dtype=np.int64)
    return Items(names, names, [choices], none, ["sentiment"], none, gold, [""] * len(names))
