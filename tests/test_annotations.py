"""Oracle: small tables counted by hand; what the two classes promise is refused when it does not hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune import Annotations
from tests.crowds import crowd, from_table, lopsided, make_items, said, with_choices

TABLE = [[0, 1, -1], [-1, -1, -1], [2, -1, 2]]


def test_counts_by_hand() -> None:
    annotations = from_table(TABLE, k=3)
    assert len(annotations) == 4
    assert annotations.votes.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert annotations.labels_per_item.tolist() == [2, 0, 2]
    assert annotations.labels_per_annotator.tolist() == [2, 1, 1]


def test_items_with_different_choices_by_hand() -> None:
    items = with_choices([("a", "b"), ("x", "y", "z")], [1, -1])
    assert (items.n_choices.tolist(), items.max_choices) == ([2, 3], 3)
    assert items.choice_mask.tolist() == [[True, True, False], [True, True, True]]
    assert items.shared_choices.tolist() == [False]
    assert (items.text(0, 1), items.text(1, -1)) == ("b", None)
    assert make_items([0, 0], task=[0, 1]).shared_choices.tolist() == [True, True]


def test_nothing() -> None:
    empty = crowd(make_items([]), [])
    assert (len(empty), len(empty.items), empty.items.max_choices, empty.votes.shape) == (0, 0, 0, (0, 0))


def test_take_items_keeps_what_was_said() -> None:
    """Items in the order asked, every label of theirs and no other, annotators' codes as they were."""
    annotations = lopsided(30, np.random.default_rng(0), missing=0.5)
    index = np.array([7, 3, 29, 0])
    taken = annotations.take_items(index)
    wanted = {f"i{i}" for i in index}
    assert taken.items.ids == [f"i{i}" for i in index]
    assert taken.items.gold.tolist() == annotations.items.gold[index].tolist()
    assert taken.annotators == annotations.annotators
    assert said(taken) == {row for row in said(annotations) if row[0] in wanted}
    assert (np.diff(taken.item) >= 0).all()


def test_split_is_by_item() -> None:
    annotations = lopsided(30, np.random.default_rng(0), missing=0.5)
    parts = annotations.split(0.7, np.random.default_rng(1))
    assert [len(part.items) for part in parts] == [21, 9]
    assert not set(parts[0].items.ids) & set(parts[1].items.ids)
    assert said(parts[0]) | said(parts[1]) == said(annotations)


def test_thin_keeps_at_most_so_many() -> None:
    annotations = lopsided(30, np.random.default_rng(0), missing=0.5)
    thinned = annotations.thin(2, np.random.default_rng(1))
    assert thinned.labels_per_item.tolist() == np.minimum(annotations.labels_per_item, 2).tolist()
    assert said(thinned) < said(annotations)


def test_thin_chooses_at_random() -> None:
    """Each of 7 annotators is kept with p = 1/7 on 7000 items: mean 1000, s.d. sqrt(7000 * 1/7 * 6/7) = 29.3."""
    thinned = lopsided(7000, np.random.default_rng(0)).thin(1, np.random.default_rng(1))
    assert np.abs(thinned.labels_per_annotator - 1000).max() < 5 * 29.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompts": ["one"]}, r"^Items\.prompts has 1 entries for 2 items\.$"),
        ({"ids": ["i0", "i0"]}, r"^Items\.ids holds the same id twice; give every item one id\.$"),
        ({"gold": np.array([0, 2])}, r"^Items\.gold holds a code outside -1\.\.K-1 of its item\.$"),
        ({"gold": np.array([0, -2])}, r"^Items\.gold holds a code outside"),
    ],
)
def test_items_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(make_items([0, 1]), **changes)


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([(0, 0, 0), (2, 0, 0)], r"^Annotations\.item holds a code outside 0\.\.1\.$"),
        ([(-1, 0, 0)], r"^Annotations\.item holds"),
        ([(0, 2, 0)], r"^Annotations\.annotator holds a code outside 0\.\.1\.$"),
        ([(0, 0, 2)], r"^Annotations\.label holds a code that its item does not allow\.$"),
        ([(0, 0, -1)], r"^Annotations\.label holds a code"),
        ([(0, 0, 0), (0, 0, 1)], r"two labels of one annotator for one item; keep one of them\.$"),
    ],
)
def test_annotations_refused(triples: list[tuple[int, int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        crowd(make_items([0, 1]), triples, 2)


def test_columns_of_different_length_are_refused() -> None:
    zero, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    with pytest.raises(ValueError, match=r"^Annotations: item, annotator, label and seconds differ in length\.$"):
        Annotations(make_items([0]), ["a"], zero, two, zero)


def test_seconds_and_kinds_follow_their_labels_and_tasks() -> None:
    table = from_table(TABLE, k=3)
    known = replace(table, seconds=10.0 * table.item + table.annotator)
    taken = known.take_items(np.array([2, 0]))
    assert taken.seconds is not None
    assert taken.seconds.tolist() == [20.0, 22.0, 0.0, 1.0]
    assert table.items.kinds == ("choice",)
    with pytest.raises(ValueError, match="kinds must say one of choice, grade, pair, text for each of 1 tasks"):
        replace(known.items, kinds=("star",))
    with pytest.raises(ValueError, match="traits must say something of each of 3 annotators"):
        replace(known, traits={"age": ["31"]})
    with pytest.raises(ValueError, match="seconds differ"):
        replace(known, seconds=np.zeros(1))
