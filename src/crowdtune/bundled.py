"""The bundled example: words with ten real human ratings each, from the wheel vaderSentiment (MIT), read at run time.

The ratings do not say who gave them, so annotators on these words are always simulated.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Ints, Items
from crowdtune.errors import InputError

CHOICES = ("positive", "negative")
CLEAR = 1.0  # mean rating, on -4..4, from which a word's side is taken as known
GRADES = ("terrible", "bad", "okay", "good", "wonderful")
CUTS = (-2.0, -1.0, 1.0, 2.0)  # mean ratings between two grades; a word on a cut has the grade nearer to okay

BINS = ("negative", "neutral", "positive")
BIN_CUTS = (-2, 2)  # a single rating up to the first is negative, from the second on positive


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


def rated_words(count: int, rng: np.random.Generator) -> Annotations:
    """Choose `count` words at random, each with ten ratings as counts of three grades; there is no gold.

    A rating, a whole number from -4 to 4, is negative up to -2, positive from 2, else neutral. 7,209 words qualify. Who
    gave a rating is not known, so no annotator is named.
    """
    ratings = _ratings()
    names = _draw(list(ratings), count, rng)
    given: Ints = np.array([ratings[word] for word in names], dtype=np.int64).reshape(len(names), -1)
    low, high = BIN_CUTS
    counts = np.stack([given <= low, (given > low) & (given < high), given >= high], axis=2).sum(axis=1)
    items = replace(_items(names, BINS, np.full(len(names), UNKNOWN)), kinds=("grade",))
    none = np.zeros(0, dtype=np.int64)
    return Annotations(items, [], none, none, none, counts=counts)


def all_words() -> list[str]:
    """The 7,209 different words, in the wheel's order."""
    return list(_rated())


def _rated() -> dict[str, float]:
    """Mean human rating, from -4 to 4, of every entry that is a word."""
    return {word: float(mean) for word, mean, *_ in _entries()}


def _ratings() -> dict[str, list[int]]:
    """The ten human ratings, from -4 to 4, of every entry that is a word."""
    return {word: [int(rating) for rating in given.strip("[]").split(",")] for word, _, _, given in _entries()}


def _entries() -> Iterator[Sequence[str]]:
    """Word, mean, standard deviation and ratings of every entry that is a word."""
    spec = importlib.util.find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the bundled words are not installed. Run: pip install vaderSentiment")
    text = (Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        entry = line.split("\t")
        if entry[0].isalpha():
            yield entry


def _draw(names: list[str], count: int, rng: np.random.Generator) -> list[str]:
    if count > len(names):
        raise InputError(f"the bundled example has {len(names)} words, {count} were asked for.")
    return [names[i] for i in rng.permutation(len(names))[:count]]


def _items(names: list[str], choices: tuple[str, ...], gold: Ints) -> Items:
    none = np.zeros(len(names), dtype=np.int64)
    return Items(names, names, [choices], none, ["sentiment"], none, gold, [""] * len(names))
