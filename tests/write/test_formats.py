"""Every format, found by name. Oracles: a contract, what is written read again, and files written out by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune import Annotations, InputError, Items, Policy, read
from crowdtune.identity import load_key, pseudonym
from crowdtune.read.labels import clean
from crowdtune.write.formats import check_path, make, names
from crowdtune.write.labelled import Labelled
from tests.crowds import crowd, gold_texts, make_items, said
from tests.write.exports import annotations, labelled, pairs

ALL = [(name, {}) for name in names()] + [("hf", {"variant": v}) for v in ("soft", "weighted", "long")]
ENDS = {"labels": ".csv", "annotations": ".parquet"}
bounded = settings(deadline=None, max_examples=40, derandomize=True, database=None)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def source(name: str) -> Labelled:
    return pairs() if name == "trl-dpo" else labelled()


def contents(folder: Path) -> str:
    """All that can be read in the files of a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return "".join(str(pq.read_table(f).to_pylist()) if f.suffix == ".parquet" else f.read_text() for f in files)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_names_stay_here_and_a_card_says_how_labels_were_made(
    name: str, options: Mapping[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / f"out{ENDS.get(name, '')}"
    made = make(name, options).write(source(name), out)
    assert made.rows > 0
    text = contents(tmp_path)
    assert not [who for who in ("zebra", "xerus", "Rome", "Oslo") if who in text]
    assert f"inferred by `{source(name).method}`" in text
    people = len({j for j in source(name).annotations.annotator.tolist()})
    assert f"labels by {people} annotators on {len(source(name).items)} items" in text


@pytest.mark.parametrize("name", ["annotations", "folder", "crowd-kit"])
def test_names_are_kept_where_asked_for(name: str, tmp_path: Path) -> None:
    make(name, {"keep_ids": True}).write(labelled(), tmp_path / f"out{ENDS.get(name, '')}")
    assert "zebra" in contents(tmp_path)


@pytest.mark.parametrize("name", names())
def test_whole_or_not_at_all(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills at the first, second, ... file: nothing is there that looks like an export."""
    out = tmp_path / f"out{ENDS.get(name, '')}"
    for fails_at in range(9):
        count = iter(range(99))

        def full(_: int, count: Any = count, fails_at: int = fails_at) -> None:
            if next(count) == fails_at:
                raise OSError("no space left on device")

        monkeypatch.setattr(os, "fsync", full)
        try:
            make(name, {}).write(source(name), out)
        except (OSError, InputError):
            assert not out.exists()
            assert [p.name for p in tmp_path.iterdir() if p != out and not p.name.endswith(".md")] == []
        else:
            break
    assert fails_at > 0
    assert out.exists()


def test_what_may_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown format 'trl-stf'\. Did you mean 'trl-sft'\?"):
        make("trl-stf", {})
    with pytest.raises(InputError, match=r"^format crowd-kit has no option --chat\. It has: --keep-ids\.$"):
        make("crowd-kit", {"chat": True})
    with pytest.raises(InputError, match=r"^--min-probability 2 must be between 0 and 1\.$"):
        make("hf", {"min_probability": 2})
    with pytest.raises(InputError, match=r"unknown variant 'sfot'\. Did you mean 'soft'"):
        make("hf", {"variant": "sfot"})
    with pytest.raises(InputError, match=r"labels\.xlsx has an unknown form"):
        check_path(make("labels", {}), Path("labels.xlsx"))
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="is not empty"):
        check_path(make("hf", {}), tmp_path)


@pytest.mark.parametrize("name", ["hf", "trl-sft", "llamafactory", "axolotl"])
def test_open_and_doubtful_labels_are_left_out_and_counted(name: str, tmp_path: Path) -> None:
    made = make(name, {}).write(labelled(), tmp_path / "all")
    assert (made.rows, sorted(made.left_out.values())[-1]) == (2, 2)
    made = make(name, {"min_probability": 0.7}).write(labelled(), tmp_path / "sure")
    assert (made.rows, made.left_out["label is open (tied or unlabelled)"]) == (1, 2)
    assert made.left_out["label is less probable than --min-probability"] == 1
    none = replace(labelled(), posterior=np.full((4, 2), 0.5))
    with pytest.raises(InputError, match=r"no item is left to export \(of 4 the label is open"):
        make(name, {}).write(none, tmp_path / "none")
    assert not (tmp_path / "none").exists()


NASTY = ["a|b", "[x]", '["x"]', "nan", "1", "0", "A", "é", "=1+1", '"', "x,y", "x\ny", "x\ry", "x\r\ny", "\x00"]
hostile = (st.sampled_from(NASTY) | st.text(min_size=1, max_size=4)).map(clean).filter(bool)


@st.composite
def crowds(draw: Any, *, shared: bool = False) -> Annotations:
    """Labels whose every text may be anything `clean` leaves as it is."""
    ids = draw(st.lists(hostile, min_size=1, max_size=4, unique=True))
    people = draw(st.lists(hostile, min_size=1, max_size=3, unique=True))
    menus = st.lists(hostile, min_size=2, max_size=4, unique=True).map(tuple)
    sets = [draw(menus)] * len(ids) if shared else [draw(menus) for _ in ids]
    places = st.tuples(st.integers(0, len(ids) - 1), st.integers(0, len(people) - 1))
    pairs = draw(st.lists(places, min_size=1, unique=True))
    items = Items(
        ids=ids,
        prompts=[draw(st.text(max_size=5)) for _ in ids],
        choice_sets=sets,
        choice_set=np.arange(len(ids)),
        tasks=["t0", *draw(st.lists(hostile, max_size=1))],
        task=np.array([0 for _ in ids]),
        gold=np.array([draw(st.integers(-1, len(c) - 1)) for c in sets]),
        splits=[draw(hostile | st.just("")) for _ in ids],
    )
    item, who = np.array(pairs).T
    label = np.array([draw(st.integers(0, len(sets[i]) - 1)) for i in item])
    return Annotations(items, people, item, who, label)


def described(items: Items, index: list[int]) -> dict[str, tuple[object, ...]]:
    """What is known of items: text, choices, split, gold."""
    gold = gold_texts(items)
    return {n: (items.prompts[i], items.choices(i), items.splits[i], gold[n]) for i in index for n in [items.ids[i]]}


def as_labelled(given: Annotations) -> Labelled:
    mask = given.items.choice_mask
    return Labelled(given, mask / mask.sum(axis=1, keepdims=True), "nothing")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@bounded
@given(given=crowds())
def test_annotations_are_read_back(name: str, given: Annotations) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make("annotations", {"keep_ids": True}).write(as_labelled(given), Path(folder) / name)
        again, _ = read(Path(folder) / name, policy=Policy(labels="text"))
    assert said(again) == said(given)
    labelled_items = np.unique(given.item).tolist()
    assert described(again.items, list(range(len(again.items)))) == described(given.items, labelled_items)


@bounded
@given(given=crowds())
def test_the_folder_is_read_back(given: Annotations) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make("folder", {"keep_ids": True}).write(as_labelled(given), Path(folder) / "data")
        again, _ = read(Path(folder) / "data")
    assert said(again) == said(given)
    every = list(range(len(given.items)))
    assert described(again.items, every) == described(given.items, every)


@bounded
@given(given=crowds(shared=True))
def test_crowd_kits_tables_are_read_back(given: Annotations) -> None:
    policy = Policy(choices=given.items.choices(0), labels="text")
    known = {name: text for name, text in gold_texts(given.items).items() if text is not None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        make("crowd-kit", {"keep_ids": True}).write(as_labelled(given), path)
        assert said(read(path / "labels.csv", policy=policy)[0]) == said(given)
        assert (path / "gold.csv").exists() == bool(known)
        if known:
            assert gold_texts(read(path / "gold.csv", policy=policy)[0].items) == known


def test_choices_of_the_same_text_are_written_as_codes(tmp_path: Path) -> None:
    before = crowd(make_items([2, 0], ("x", "x", "y")), [(0, 0, 1), (1, 0, 0), (1, 1, 2)])
    make("annotations", {"keep_ids": True}).write(as_labelled(before), tmp_path / "a.csv")
    assert "--labels code" in (tmp_path / "a.csv.md").read_text()
    again, _ = read(tmp_path / "a.csv", policy=Policy(labels="code"))
    assert (again.label.tolist(), again.items.gold.tolist()) == ([1, 0, 2], [2, 0])


def test_the_long_table_by_hand(tmp_path: Path) -> None:
    made = make("annotations", {"keep_ids": True}).write(labelled(), tmp_path / "a.parquet")
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert rows[1] == {
        "item": "i0", "annotator": "yak", "label": "yes", "seconds": None, "task": "t0", "prompt": "text 0",
        "choices": ["no", "yes"], "gold": "yes", "split": "train",
    }  # fmt: skip
    assert (len(rows), made.left_out) == (7, {"item has no label": 1})


def test_the_folder_carries_times_traits_and_kinds(tmp_path: Path) -> None:
    before = labelled(kinds=["grade"])
    make("folder", {"keep_ids": True}).write(before, tmp_path / "named")
    rows = pq.read_table(tmp_path / "named" / "annotators.parquet").to_pylist()
    assert rows[0] == {"annotator": "zebra", "kind": "person", "town": "Rome"}
    assert pq.read_table(tmp_path / "named" / "annotations.parquet")["seconds"].to_pylist()[:2] == [1.5, None]
    assert set(pq.read_table(tmp_path / "named" / "items.parquet")["kind"].to_pylist()) == {"grade"}
    make("folder", {}).write(before, tmp_path / "hidden")
    assert pq.read_table(tmp_path / "hidden" / "annotators.parquet").column_names == ["annotator", "kind"]


@pytest.mark.parametrize("name", ["annotations", "folder", "crowd-kit"])
def test_models_keep_their_names_and_items_called_by_people_lose_theirs(name: str, tmp_path: Path) -> None:
    """As in a folder of `crowdtune import`; yak is a model."""
    make(name, {}).write(labelled(ids=["zebra/1", "yak/1", "other/1", "zebra"]), tmp_path / f"out{ENDS.get(name, '')}")
    told = contents(tmp_path)
    assert "yak" in told
    assert f"{pseudonym('zebra', load_key())}/1" in told
    assert "zebra/" not in told
    assert "other/1" in told


def test_two_annotators_never_become_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("crowdtune.identity.pseudonym", lambda name, key: "a-0000000000")
    with pytest.raises(InputError, match=r"'zebra' and 'xerus' would both be called a-0000000000\. Set CROWDTUNE_KEY"):
        make("folder", {}).write(labelled(), tmp_path / "f")


def test_the_crowd_is_as_it_says() -> None:
    assert labelled().label.tolist() == [1, -1, 0, -1]
    assert annotations().votes.tolist() == [[1, 2], [1, 1], [2, 0], [0, 0]]
