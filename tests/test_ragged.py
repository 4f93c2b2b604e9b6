"""Oracle: plain lists."""

from __future__ import annotations

from io import FileIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune import ragged as module
from crowdtune.errors import InputError
from crowdtune.ragged import Growing, Kept, Texts, grouped, ragged, scratch, text_lengths

rows = st.lists(st.lists(st.integers(0, 1000), max_size=6), max_size=12)
texts = st.lists(st.text(st.characters(exclude_categories=()), max_size=8), max_size=12)  # lone surrogates, too


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 40), st.data())
def test_rows_are_those_added_wherever_they_lie(values: list[list[int]], spill: int, data: st.DataObject) -> None:
    store = Growing(np.int32, spill)
    assert [store.add(row) for row in values] == list(range(len(values)))
    for place, row in enumerate(values):
        assert np.frombuffer(store.bytes_of(place), np.int32).tolist() == row
    made = store.done()
    assert [row.tolist() for row in made] == values
    assert made.lengths().tolist() == [len(row) for row in values]
    assert made.flat().tolist() == [number for row in values for number in row]
    index = np.array(data.draw(st.lists(st.integers(0, max(len(values) - 1, 0)))) if values else [], dtype=np.int64)
    taken = made.take(index)
    assert [taken[i].tolist() for i in range(len(taken))] == [values[i] for i in index]
    width = max((len(values[i]) for i in index), default=0)
    assert taken.padded().tolist() == [values[i] + [-1] * (width - len(values[i])) for i in index]


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(1, 60))
def test_texts_are_those_kept_wherever_they_lie(said: list[str], spill: int) -> None:
    kept = Kept(spill)
    numbers = [kept.add(text) for text in said]
    assert [kept[number] for number in numbers] == said
    found = kept.at(numbers)
    assert isinstance(found, Texts) == (kept.far is not None)
    assert list(found) == said
    assert [found[i] for i in range(len(said))] == said
    assert list(found[1:3]) == said[1:3]
    assert [n > 0 for n in text_lengths(found)] == [text != "" for text in said]


def test_values_are_grouped_in_their_order() -> None:
    made = grouped(np.array([5, 6, 7, 8]), np.array([2, 0, 2, 0]), 4)
    assert [row.tolist() for row in made] == [[6, 8], [], [5, 7], []]


def test_a_large_table_lies_in_a_file_and_is_as_good_as_another() -> None:
    table = scratch((3, 2), np.float32, large=1)
    assert not table.any()
    assert not scratch((300, 200), np.float32).any()
    table[:] = np.arange(6).reshape(3, 2)
    assert table.sum() == 15
    assert scratch((0, 2), np.float32).shape == (0, 2)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with FileIO("/dev/full", "r+") as full:
        monkeypatch.setattr(module.tempfile, "TemporaryFile", lambda **kwargs: full)
        with pytest.raises(InputError, match=r"cannot take .* GiB .* \(No space left on device\).*TMPDIR"):
            ragged([[1] * 10_000_000], np.int32)
