"""The items of a cell: the bundled words, local files, or data sets of the hub."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Ints, Items
from crowdtune.bench.emotions import emotions
from crowdtune.bench.grid import Cell
from crowdtune.bench.hub import HUB, from_hub
from crowdtune.bundled import grades, rated_words, words
from crowdtune.errors import InputError
from crowdtune.read import read

BUNDLED: dict[str, Callable[[int, np.random.Generator], Items]] = {"words": words, "grades": grades}
MADE: dict[
    str, tuple[Callable[[int, np.random.Generator], Annotations], int]
] = {  # with people's labels, and how many items
    "words": (rated_words, 7209),
    "emotions": (emotions, 3000),
}
SPLIT = 0  # seed of every split: all seeds of a grid see the same training and test items
HELD_OUT = 0.2  # share of the items to test on, where the data names no split to test on
TESTS = ("test", "validation", "dev")  # names of splits to test on, the first that there is
Paths = Mapping[str, Path]


def parts(data: str) -> list[str]:
    """Names of the data sets that `data` joins by +."""
    return data.split("+")


def source(data: str, paths: Paths) -> str:
    """Which version of the data a cell sees, so that a changed file is another cell."""
    said = []
    for name in parts(data):
        if name in paths:
            said.append(hashlib.sha256(paths[name].read_bytes()).hexdigest()[:16])
        elif name in HUB:
            said.append(HUB[name].id)
    return "+".join(said)


def missing(names: Iterable[str], paths: Paths) -> None:
    """Refuse data sets that are nowhere."""
    unknown = sorted({n for data in names for n in parts(data)} - {*paths, *HUB, *BUNDLED, *MADE})
    if unknown:
        which = f"data set '{unknown[0]}' is" if len(unknown) == 1 else f"data sets {', '.join(unknown)} are"
        files = " ".join(f"--data {name}=FILE" for name in unknown)
        raise InputError(f"{which} unknown. Name {'its file' if len(unknown) == 1 else 'their files'}: {files}.")


def load_split(cell: Cell, paths: Paths) -> tuple[Items, Items]:
    """Items to train on and items to test on, the same for every seed.

    Args:
        cell: its data, trained and held_out decide.
        paths: name -> local file of a data set; without one it is asked for on the hub.
    """
    return _load_split(cell.data, cell.trained, cell.held_out, frozenset(paths.items()))


@functools.lru_cache(maxsize=4)
def _load_split(data: str, trained: int, held_out: int, paths: frozenset[tuple[str, Path]]) -> tuple[Items, Items]:
    """The same Items every time, so that what is made of them can be kept."""
    rng = np.random.default_rng(SPLIT)
    if data in BUNDLED:
        items = BUNDLED[data](trained + held_out, rng)
        return items.take(np.arange(trained)), items.take(np.arange(trained, len(items)))
    found = [(items, split(items, rng)) for name in parts(data) for items in [load_items(name, dict(paths))]]
    train, test = (joined([items.take(places[side]) for items, places in found], parts(data)) for side in (0, 1))
    first, second = (np.arange(len(items)) for items in (train, test))
    return train.take(some(first, trained, rng)), test.take(some(second, held_out, rng))


def joined(several: Sequence[Items], tasks: Sequence[str]) -> Items:
    """Items of several data sets as one, each a task of its own."""
    starts = np.cumsum([0, *(len(items.choice_sets) for items in several)])
    return Items(
        ids=[f"{task}:{name}" for items, task in zip(several, tasks, strict=True) for name in items.ids],
        prompts=[prompt for items in several for prompt in items.prompts],
        choice_sets=[choices for items in several for choices in items.choice_sets],
        choice_set=np.concatenate([items.choice_set + begin for items, begin in zip(several, starts, strict=False)]),
        tasks=list(tasks),
        task=np.repeat(np.arange(len(several)), [len(items) for items in several]),
        gold=np.concatenate([items.gold for items in several]),
        splits=[name for items in several for name in items.splits],
    )


def load_items(name: str, paths: Paths) -> Items:
    """Items of a data set that have gold."""
    items = read(paths[name])[0].items if name in paths else from_hub(name)
    known = np.flatnonzero(items.gold >= 0)
    if not len(known):
        raise InputError(
            f"data set '{name}' has no item with a gold answer, and the bench needs it to simulate a crowd."
        )
    return items.take(known)


def split(items: Items, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Places by the data's own split where it has one to train and one to test on, else a random share."""
    names = np.array(items.splits)
    test = next((name for name in TESTS if (names == name).any()), "")
    if test and (names == "train").any():
        return np.flatnonzero(names == "train"), np.flatnonzero(names == test)
    order = rng.permutation(len(items))
    cut = round(HELD_OUT * len(items))
    return np.sort(order[cut:]), np.sort(order[:cut])


def some(index: Ints, count: int, rng: np.random.Generator) -> Ints:
    """A random `count` of the items at `index`, in their order; 0 = all."""
    if not count:
        return index
    if count > len(index):
        raise InputError(f"{count} items were asked for, the data set has {len(index)} in that split.")
    return index[np.sort(rng.permutation(len(index))[:count])]
