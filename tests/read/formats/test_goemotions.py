"""Oracle: rows in the shapes of both releases, by hand; 28 simulated choices through the same door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from crowdtune import InputError, Policy, read
from crowdtune.read.formats.goemotions import EMOTIONS, VOTE
from crowdtune.simulate import simulate
from crowdtune.write.folder import write_folder
from tests.crowds import make_items, put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, try_reading

SPLIT = 'I did that :(\t27\teebbqej\nNice one, you\t0,17\ted00q6i\n"He said ""no"""\t2\tedvnz26\n'
SAMPLES = {"goemotions": ("train.tsv", SPLIT)}
RAW = "text,id,author,subreddit,link_id,parent_id,created_utc,rater_id,example_very_unclear," + ",".join(EMOTIONS)


def raw(*rows: tuple[str, int, str]) -> str:
    """A file of raters' marks: id, rater, emotions with blanks between; "?" for one that is very unclear."""
    lines = [RAW]
    for name, rater, marks in rows:
        flags = [str(int(emotion in marks.split())) for emotion in EMOTIONS]
        unclear = str(marks == "?")
        lines.append(f"text of {name},{name},a,s,t3,t1,1548381039.0,{rater},{unclear},{','.join(flags)}")
    return "\n".join(lines) + "\n"


MARKS = raw(
    ("e1", 37, "joy"), ("e1", 18, "joy love"), ("e1", 5, "?"), ("e2", 37, "anger annoyance"), ("e2", 61, "neutral")
)  # fmt: skip


def test_a_split_has_equal_shares_of_28(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "dev.tsv", SPLIT))
    items = annotations.items
    assert items.common_choices == EMOTIONS
    assert items.max_choices == 28
    assert (items.ids, items.splits) == (["eebbqej", "ed00q6i", "edvnz26"], ["dev"] * 3)
    assert items.prompts[2] == 'He said "no"'
    wanted = np.zeros((3, 28))
    wanted[0, 27] = wanted[2, 2] = 1
    wanted[1, [0, 17]] = 0.5
    np.testing.assert_array_equal(annotations.soft, wanted)
    assert (annotations.counts, report.notes[VOTE]) == (None, 3)


def test_a_row_that_is_none_of_it(tmp_path: Path) -> None:
    for row, misfit in [
        ("28\teebbqek", "field 2, '28', is not numbers of emotions from 0 to 27"),
        ("2\tEE-1", "field 3, 'EE-1', is not a comment's id"),
    ]:
        with pytest.raises(InputError, match=f"row 102: {misfit}"):
            read(put(tmp_path, "f.tsv", "t\t1\teebbqej\n" * 101 + f"t\t{row}\n"), form="goemotions")


def test_ids_of_any_length_to_base_36(tmp_path: Path) -> None:
    """The first line is an item; a table of labels whose last column names annotators is none of it."""
    annotations, report = read(put(tmp_path, "train.tsv", "So it is\t27\teeb0xx\nNo\t3\t7\nOh dear\t2,3\tzz12abc9\n"))
    assert (report.shape, annotations.items.ids) == ("goemotions", ["eeb0xx", "7", "zz12abc9"])
    with pytest.raises(InputError, match="no column"):
        read(put(tmp_path, "other.tsv", "So it is\t1\tann\nNo it is\t1\tbob\nNo no\t0\tann\n"))


def test_raters_marks_are_yes_or_no_tasks(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", MARKS))
    assert len(report.options["" if "" in report.options else "default"]) == 28
    assert ("e1/joy", "18", "yes") in said(annotations)
    assert len(annotations) == 4 * 28


def test_raters_marks_as_counts_of_28(tmp_path: Path) -> None:
    """e1: joy twice, once with love; e2: anger and annoyance of one rater, neutral of another."""
    annotations, report = read(put(tmp_path, "f.csv", MARKS), policy=Policy(several="counts"))
    assert annotations.items.common_choices == EMOTIONS
    joy, love, anger, annoyance, neutral = (EMOTIONS.index(e) for e in ("joy", "love", "anger", "annoyance", "neutral"))
    wanted = np.zeros((2, 28))
    wanted[0, [joy, love]] = [2, 1]
    wanted[1, [anger, annoyance, neutral]] = 1
    np.testing.assert_array_equal(annotations.all_votes, wanted)
    assert said(annotations) == {("e1", "37", "joy"), ("e2", "61", "neutral")}
    assert report.abstentions == {"example_very_unclear": 1}
    assert report.columns["options"] == ", ".join(EMOTIONS)
    assert report.columns["abstention"] == "example_very_unclear"
    assert list(report.counted.values()) == [2]
    write_folder(annotations, tmp_path / "data", {})
    again, _ = read(tmp_path / "data")
    np.testing.assert_array_equal(again.all_votes, wanted)
    assert said(again) == said(annotations)


@pytest.mark.parametrize(
    ("repeats", "wanted"), [("last", {"neutral": 1}), ("first", {"joy": 1, "love": 1}), ("error", None)]
)
def test_an_answer_given_again_counts_once(tmp_path: Path, repeats: str, wanted: dict[str, int] | None) -> None:
    path = put(tmp_path, "f.csv", raw(("e1", 18, "joy love"), ("e1", 18, "neutral"), ("e2", 18, "joy pride")))
    policy = Policy(several="counts", repeats=repeats)
    if wanted is None:
        with pytest.raises(InputError, match="annotator '18' answers item 'e1' again"):
            read(path, policy=policy)
        return
    annotations, report = read(path, policy=policy)
    votes = annotations.all_votes[0]
    assert {EMOTIONS[k]: int(votes[k]) for k in np.flatnonzero(votes)} == wanted
    assert report.repeated_rows == 1


def test_lists_of_labels_that_nobody_is_named_for(tmp_path: Path) -> None:
    """As on the hub, names for numbers: several gold answers are shares, one stays gold."""
    rows = '{"id": "1", "text": "t", "labels": ["joy", "love"]}\n{"id": "2", "text": "u", "labels": ["anger"]}'
    annotations, _ = read(put(tmp_path, "f.jsonl", rows), policy=Policy(several="counts"))
    assert annotations.items.common_choices == ("anger", "joy", "love")
    assert annotations.soft.tolist() == [[0, 0.5, 0.5], [0, 0, 0]]  # type: ignore[union-attr]
    assert annotations.items.gold.tolist() == [-1, 0]


def test_28_simulated_choices(tmp_path: Path) -> None:
    """82 raters of reliability .6, five an item: 5 labels each, .6 of them right within 5 s.d."""
    rng = np.random.default_rng(0)
    items = make_items(rng.integers(28, size=400).tolist(), EMOTIONS)
    made = simulate(items, np.full(82, 0.6), overlap="5", rng=rng)
    write_folder(made, tmp_path / "data", {})
    annotations, _ = read(tmp_path / "data")
    assert annotations.all_votes.shape == (400, 28)
    assert (annotations.all_votes.sum(axis=1) == 5).all()
    right = annotations.all_votes[np.arange(400), annotations.items.gold].sum() / 2000
    assert abs(right - 0.6) < 5 * np.sqrt(0.24 / 2000)


@bounded
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    try_reading("f.tsv", shaken_csv(SPLIT.replace(",", "").replace("\t", ","), changes, header=True).replace(",", "\t"))


@settings(bounded, max_examples=25)
@given(changes=edits)
def test_shaken_marks(changes: list[Edit]) -> None:
    try_reading("f.csv", shaken_csv(MARKS, changes))
