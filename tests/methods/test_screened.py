"""What speaks against contributors. Oracle: planted copies, planted harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.bench.crowd_worlds import played
from crowdtune.methods import HeldOut
from crowdtune.methods._screened import copied, damaging, seen_before
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.surrogate import planted
from tests.tiny import word_items

OWN = ["ice melts", "boats float", "seeds travel", "birds sing"]


def written(texts: list[str], who: list[int]) -> Annotations:
    items = replace(
        word_items(len(texts)),
        choice_sets=[(text,) for text in texts],
        choice_set=np.arange(len(texts)),
        kinds=("text",),
        gold=np.full(len(texts), -1),
    )
    return Annotations(items, ["ann", "bob"], np.arange(len(texts)), np.array(who), np.zeros(len(texts), dtype=int))


def test_who_copies_is_named_with_the_source() -> None:
    (told,) = copied(written([*OWN, *OWN], [0] * 4 + [1] * 4))
    assert told.startswith("bob: of 4 contributions 4 were handed in before, most by ann")
    assert copied(written([*OWN, "rain falls", "fire burns"], [0] * 4 + [1] * 2)) == []


def test_labels_that_agree_are_no_copies() -> None:
    items, none = word_items(4), np.zeros(4, dtype=int)
    assert copied(Annotations(items, ["ann"], np.arange(4), none, none)) == []


def test_held_out_items_that_are_contributed_to_are_told() -> None:
    given = written(OWN, [0] * 4)
    assert "4 of 10" in seen_before(given, [HeldOut(word_items(10))])[0]
    other = replace(word_items(10), prompts=[f"other {i}" for i in range(10)])
    assert seen_before(given, [HeldOut(other)]) == []


def test_a_poisoner_is_named_and_nobody_else() -> None:
    rng = np.random.default_rng(0)
    honest = planted(6, rng, quality=np.linspace(0.5, 1, 6))
    means = honest.means.copy()
    means[5] = -honest.goal
    rounds = played(replace(honest, means=means), Rounds(groups=2, rounds=12, patience=12)).rounds
    assert [line.partition(":")[0] for line in damaging(rounds, honest.players)] == [honest.players[5]]
    assert damaging(rounds[:1], honest.players) == []
