"""Planted contributors for Crowd-SFT: real words, simulated people of known quality.

As in the paper the target is a region of the encoder's space: a text, its nearest neighbours, and their centroid; who
is good contributes texts from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Items
from crowdtune.bundled import all_words, words
from crowdtune.lm.embed import embed
from crowdtune.methods import neighbours

PROMPT = "Word:"  # what a model is asked; it never names the target
TOP, NEAREST = "joyful", 100  # the word the target lies around, and how many there are near it


@dataclass(frozen=True, eq=False)
class Planted:
    """Contributors whose quality is known.

    Args:
        annotations: their contributions; annotator j is "c1" to "cJ".
        quality: (J,) share of each one's contributions that lead to the target.
        near: texts around the target; () where the target is none of texts.
        test: held-out items with gold; None likewise.
    """

    annotations: Annotations
    quality: Floats
    near: tuple[str, ...] = ()
    test: Items | None = None


def writers(
    quality: Floats, each: int, rng: np.random.Generator, *, encoder: Callable[[Sequence[str]], Floats] = embed
) -> Planted:
    """Write words: a share of each one's are near the target, the others from the farther half of all words.

    Args:
        quality: (J,) shares.
        each: words by each annotator. No word is given twice while there are enough of them.
        rng: of who gets which word.
        encoder: says which words are near.
    """
    names = all_words()
    order = np.array(neighbours(names, names.index(TOP), len(names), encoder))
    near, far = order[:NEAREST], order[len(order) // 2 :]
    good = np.round(quality * each).astype(int)
    right, wrong = _dealt(near, int(good.sum()), rng), _dealt(far, int((each - good).sum()), rng)
    chosen = np.empty((len(quality), each), dtype=np.int64)
    for j, count in enumerate(good):
        chosen[j] = np.concatenate([right[:count], wrong[: each - count]])
        right, wrong = right[count:], wrong[each - count :]
    said = [names[i] for i in chosen.ravel()]
    return Planted(_written(said, len(quality)), quality, tuple(names[i] for i in near))


def labellers(quality: Floats, each: int, test: int, rng: np.random.Generator) -> Planted:
    """Label words positive or negative: a share of each one's labels are right. Nobody labels another's words.

    Args:
        quality: (J,) shares.
        each: labels by each annotator.
        test: held-out words.
        rng: of words and of which labels are wrong.
    """
    count = len(quality) * each
    items = words(count + test, rng)
    who = np.repeat(np.arange(len(quality)), each)
    right = np.concatenate([rng.permutation(each) < round(q * each) for q in quality])
    train = items.take(np.arange(count))
    label = np.where(right, train.gold, 1 - train.gold)
    given = Annotations(train, _names(len(quality)), np.arange(count), who, label)
    return Planted(given, quality, test=items.take(np.arange(count, count + test)))


def _dealt(pool: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the pool in random order, again from the start once all are given."""
    rounds = -(-count // len(pool))
    return np.concatenate([rng.permutation(pool) for _ in range(max(rounds, 1))])[:count]


def _written(said: list[str], annotators: int) -> Annotations:
    """Free responses to the one prompt, an item each."""
    none = np.zeros(len(said), dtype=np.int64)
    sets = list(dict.fromkeys((text,) for text in said))
    place = {one: at for at, one in enumerate(sets)}
    items = Items(
        ids=[f"w{i}" for i in range(len(said))],
        prompts=[PROMPT] * len(said),
        choice_sets=sets,
        choice_set=np.array([place[(text,)] for text in said], dtype=np.int64),
        tasks=["words"],
        task=none,
        gold=np.full(len(said), UNKNOWN),
        splits=[""] * len(said),
        kinds=("text",),
    )
    who = np.repeat(np.arange(annotators), len(said) // annotators)
    return Annotations(items, _names(annotators), np.arange(len(said)), who, none)


def _names(count: int) -> list[str]:
    return [f"c{j + 1}" for j in range(count)]
