"""Oracle: what the rows, written by hand as Label Studio flattens annotations, say in plain words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, Policy, read
from tests.crowds import put, said
from tests.read.formats._samples import bounded, damaged, keeps_the_contract


def row(item: int, who: Any, **answers: Any) -> dict[str, Any]:
    """As JSON_MIN writes it: data, id, answers, then what is always there."""
    data = {"text": f"text {item}", "source": "a"}
    end = {"annotation_id": item, "created_at": "2021-03-09T22:16:08Z", "updated_at": "2021-03-09T22:16:08Z"}
    return data | {"id": item} | answers | {"annotator": who} | end | {"lead_time": 2.5}


ROWS = [
    row(1, 10, sentiment="Positive", stars=[{"rating": 4}], topics=[{"choices": ["plot", "cast"]}]),
    row(1, 11, sentiment="Negative", stars=[{"rating": 5}]),
    row(2, 10, sentiment="Positive", label=[{"start": 0, "end": 4, "text": "text", "labels": ["ORG"]}]),
    row(3, 12),
]


def as_csv(rows: list[dict[str, Any]], between: str = ",") -> str:
    """Columns sorted by name, lists as JSON, numbers bare: as Label Studio writes CSV."""
    names = sorted({name for one in rows for name in one})
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=between, quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for one in rows:
        writer.writerow({n: json.dumps(v) if isinstance(v, list | dict) else v for n, v in one.items()})
    return text.getvalue()


SAMPLES = {
    "label-studio-flat": ("project.json", json.dumps(ROWS)),
    "label-studio-flat csv": ("project.csv", as_csv(ROWS)),
    "label-studio-flat semicolons": ("excel.csv", "\ufeff" + as_csv(ROWS, ";")),
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv"])
def test_rows_in_words(tmp_path: Path, form: str) -> None:
    text = json.dumps(ROWS) if form == "json" else as_csv(ROWS)
    annotations, report = read(put(tmp_path, f"f.{form}", text))
    assert {one for one in said(annotations) if one[0].endswith(("2", "sentiment", "stars"))} == {
        ("1/sentiment", "10", "Positive"), ("1/sentiment", "11", "Negative"), ("2", "10", "Positive"),
        ("1/stars", "10", "4"), ("1/stars", "11", "5"),
    }  # fmt: skip
    assert dict(zip(annotations.items.tasks, annotations.items.kinds, strict=True))["stars"] == "grade"
    assert report.options["topics"] == ["cast", "plot"]
    assert report.abstentions == {"empty": 1}
    assert sum(report.notes.values()) == 1
    assert set(annotations.items.prompts) == {"text 1", "text 2", "text 3"}
    assert set(report.columns["label"].split(", ")) == {"sentiment", "stars", "topics", "label"}
    assert annotations.seconds is not None
    assert set(annotations.seconds) == {2.5}


def test_a_question_named_as_its_data(tmp_path: Path) -> None:
    rows = [row(n, who, text="good") | {"_data_text": f"text {n}"} for n in (1, 2) for who in (1, 2)]
    annotations, _ = read(put(tmp_path, "f.csv", as_csv(rows)))
    assert annotations.items.prompts == ["text 1", "text 2"]
    assert ("1", "1", "good") in said(annotations)


def test_where_all_agree_the_column_with_few_answers_is_the_question(tmp_path: Path) -> None:
    rows = [
        row(n, who, q="yes" if n % 2 else "no") | {"source": f"http://a/{n}" * 10} for n in range(30) for who in (1, 2)
    ]
    annotations, report = read(put(tmp_path, "f.csv", as_csv(rows)))
    assert report.columns["label"] == "q"
    assert annotations.items.choices(0) == ("no", "yes")


def test_the_user_says_which_column_is_the_question(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", as_csv(ROWS)), columns={"label": "sentiment"})
    assert annotations.items.tasks == ["sentiment"]


def test_no_column_tells(tmp_path: Path) -> None:
    rows = [row(n, 1, q=f"{n} " * 80) | {"source": None, "text": f"{n} " * 90} for n in range(30)]
    with pytest.raises(InputError, match="no column tells that it is a question"):
        read(put(tmp_path, "f.csv", as_csv(rows)))


def test_pairs_and_texts(tmp_path: Path) -> None:
    rows = [row(1, w, pw=[{"selected": s}]) | {"text": None, "source": None} for w, s in ((1, "left"), (2, "right"))]
    rows = [{"a": "So.", "b": "Because."} | one for one in rows]
    annotations, _ = read(put(tmp_path, "f.csv", as_csv(rows)))
    assert said(annotations) == {("1", "1", "So."), ("1", "2", "Because.")}


def test_a_list_that_is_no_result_is_counted(tmp_path: Path) -> None:
    rows = [row(1, 1, q="a"), row(1, 2, q=[3])]
    annotations, report = read(put(tmp_path, "f.json", json.dumps(rows)))
    assert len(annotations) == 1
    assert sum(report.notes.values()) == 1


@bounded
@given(records=damaged(ROWS))
def test_damaged_rows_are_read_or_refused_and_nothing_is_lost(records: list[Any]) -> None:
    keeps_the_contract("label-studio-flat", "f.json", json.dumps(records), lambda: len(records))


@bounded
@given(records=damaged(ROWS))
def test_questions_are_all_read_with_a_policy(records: list[Any]) -> None:
    kept = keeps_the_contract("label-studio-flat", "f.json", json.dumps(records))
    assert kept is None or Policy().repeats == kept[1].repeats_policy
