"""Oracle: exports the tools themselves wrote (exports/README.md says how), of annotations we know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdtune import Annotations, InputError, read
from crowdtune.read.report import ReadReport
from tests.crowds import gold_texts, said

EXPORTS = Path(__file__).parent / "exports"
ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("alice", "bob", "carol"))
FIRST, SECOND = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
SENTIMENT = {
    ("1", ALICE, "Positive"), ("1", BOB, "Positive"), ("1", CAROL, "Positive"), ("2", ALICE, "Negative"),
    ("2", BOB, "Negative"), ("2", CAROL, "Positive"), ("3", ALICE, "Positive"), ("3", CAROL, "Negative"),
}  # fmt: skip


def export(name: str) -> tuple[Annotations, ReadReport]:
    return read(EXPORTS / name)


def of_task(annotations: Annotations, task: str) -> set[tuple[str, str, str | None]]:
    """What was said to one question, ids of items without its name."""
    ending = f"/{task}"
    return {(item.removesuffix(ending), who, what) for item, who, what in said(annotations) if item.endswith(ending)}


@pytest.mark.parametrize("name", ["label-studio-1.23.2.json", "label-studio-1.23.2-storage"])
def test_label_studio(name: str) -> None:
    annotations, report = export(name)
    predicted = {("2", "model m1", "Negative")} if name.endswith(".json") else set()
    assert of_task(annotations, "sentiment") == SENTIMENT | predicted
    assert of_task(annotations, "stars") == {(i, ALICE, "4") for i in "123"} | {(i, BOB, "5") for i in "12"}
    assert ("2", BOB, "Film > Drama") in of_task(annotations, "genre")
    assert gold_texts(annotations.items)["1/sentiment"] == "Positive"
    assert report.abstentions == {"cancelled": 1}
    assert report.options == {"topics": ["cast", "plot"]}
    assert report.left_questions == ["why"]
    assert annotations.seconds is not None
    assert set(annotations.seconds[~np.isnan(annotations.seconds)]) == {4.25}
    assert set(annotations.items.prompts) <= {"good film", "bad film", "fine, but long", "nobody saw this"}


@pytest.mark.parametrize("name", ["label-studio-1.23.2-min.json", "label-studio-1.23.2.csv"])
def test_label_studio_flat(name: str) -> None:
    """Neither says which annotation is the ground truth, nor who cancelled."""
    annotations, report = export(name)
    assert of_task(annotations, "sentiment") == SENTIMENT
    assert set(report.columns["label"].split(", ")) == {"sentiment", "topics", "stars", "genre", "why"}
    assert report.nameless == 0
    assert report.repeated_rows == 1  # the ground truth, by an annotator who had answered
    assert report.options == {"topics": ["cast", "plot"]}
    assert set(annotations.items.prompts) == {"good film", "bad film", "fine, but long", "nobody saw this"}


@pytest.mark.parametrize("name", ["argilla-2.8.0-flat.json", "argilla-2.8.0.parquet", "argilla-2.8.0-saved"])
def test_argilla(name: str) -> None:
    annotations, report = export(name)
    assert of_task(annotations, "label") == {
        ("r1", FIRST, "positive"), ("r1", SECOND, "positive"), ("r1", "model m1", "positive"),
        ("r2", FIRST, "negative"), ("r2", SECOND, "negative"),
    }  # fmt: skip
    assert ("r1", SECOND, "4") in of_task(annotations, "stars")
    assert report.abstentions == {"draft": 1, "discarded": 1}
    assert report.options == {"topics": ["cast", "plot"]}


def test_argilla_nested_has_no_status() -> None:
    annotations, report = export("argilla-2.8.0.json")
    assert len(of_task(annotations, "label")) == 7
    assert [n for note, n in report.notes.items() if "without a status" in note] == [12]


@pytest.mark.parametrize("name", ["doccano-1.8.4.zip", "doccano-1.8.4-csv.zip"])
def test_doccano(name: str) -> None:
    annotations, report = export(name)
    assert said(annotations) == {
        ("1", "alice", "positive"), ("1", "bob", "positive"), ("1", "carol", "positive"), ("2", "alice", "negative"),
        ("2", "bob", "negative"), ("2", "carol", "positive"), ("3", "alice", "positive"), ("3", "bob", "negative"),
    }  # fmt: skip
    assert report.abstentions == {"untouched": 4}
    assert annotations.items.prompts[0] == "good film"


def test_doccano_collaborative() -> None:
    with pytest.raises(InputError, match="names no annotator"):
        export("doccano-1.8.4-collaborative.zip")
