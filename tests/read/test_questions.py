"""Oracle: the same answers written one question, one option at a time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crowdtune import InputError, Policy, read
from tests.crowds import put, said

ROWS = [
    {"id": "1", "annotator": "ann", "label": ["a", "b"]},
    {"id": "1", "annotator": "bob", "label": ["b"]},
    {"id": "2", "annotator": "ann", "label": []},
    {"id": "2", "annotator": "bob", "label": "a"},
]


def test_lists_of_options_are_yes_or_no_tasks(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.json", json.dumps(ROWS)))
    assert list(annotations.items.tasks) == ["a", "b"]
    assert annotations.items.choice_sets == [("no", "yes")]
    assert said(annotations) == {
        ("1/a", "ann", "yes"), ("1/a", "bob", "no"), ("2/a", "ann", "no"), ("2/a", "bob", "yes"),
        ("1/b", "ann", "yes"), ("1/b", "bob", "yes"), ("2/b", "ann", "no"), ("2/b", "bob", "no"),
    }  # fmt: skip
    assert report.options == {"": ["a", "b"]}


def test_lists_of_one_are_a_choice(tmp_path: Path) -> None:
    rows = [{"id": i, "annotator": "ann", "label": [label], "gold": [label]} for i, label in enumerate("xyx")]
    annotations, report = read(put(tmp_path, "f.json", json.dumps(rows)))
    assert annotations.items.choices(0) == ("x", "y")
    assert annotations.items.gold.tolist() == annotations.label.tolist() == [0, 1, 0]
    assert not report.options


def test_gold_of_several_options(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"gold": ["b"]}, *ROWS[1:]]
    items = read(put(tmp_path, "f.json", json.dumps(rows)))[0].items
    assert dict(zip(items.ids, items.gold.tolist(), strict=True)) == {"1/a": 0, "1/b": 1, "2/a": -1, "2/b": -1}


def test_more_options_than_anybody_offers(tmp_path: Path) -> None:
    rows = [{"id": str(n), "annotator": "ann", "label": [f"x{n}", f"y{n}"]} for n in range(300)]
    with pytest.raises(InputError, match=r"has 600 different options in its lists, which is more than 500"):
        read(put(tmp_path, "f.json", json.dumps(rows)))


def test_a_question_by_name(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,task,annotator,label\n1,tone,ann,kind\n1,topic,ann,war\n2,tone,bob,rude\n")
    annotations, report = read(path, policy=Policy(questions=("tone",)))
    assert said(annotations) == {("1", "ann", "kind"), ("2", "bob", "rude")}  # and not 1/tone
    assert list(annotations.items.tasks) == ["tone"]
    assert report.left_questions == ["topic"]
    with pytest.raises(InputError, match=r"unknown question 'tune'\. Did you mean 'tone'\? Known: tone, topic\."):
        read(path, policy=Policy(questions=("tune",)))


def test_many_different_answers_are_free_texts(tmp_path: Path) -> None:
    rows = [{"id": str(n // 2), "annotator": "ab"[n % 2], "label": f"text {n}"} for n in range(120)]
    annotations, report = read(put(tmp_path, "f.json", json.dumps(rows)))
    assert annotations.items.kinds == ("text",)
    assert annotations.items.choices(0) == ("text 0", "text 1")
    assert report.free == [""]


def test_a_free_answer_may_be_known_where_nobody_answered(tmp_path: Path) -> None:
    text = "id,prompt,annotator,label,gold\n1,a,ann,one,uno\n2,b,,,due\n3,c,,,\n"
    items = read(put(tmp_path, "f.csv", text), policy=Policy(kind="text"))[0].items
    assert [items.choices(i) for i in range(3)] == [("one", "uno"), ("due",), ()]
    assert items.gold.tolist() == [1, 0, -1]


def test_the_user_says_what_kind_answers_are(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,annotator,label,lead_time\n1,ann,3,4.5\n1,bob,10,\n")
    annotations, _ = read(path, policy=Policy(kind="grade"))
    assert (annotations.items.kinds, annotations.items.choices(0)) == (("grade",), ("3", "10"))
    assert annotations.seconds is not None
    assert annotations.seconds[0] == 4.5
    assert np.isnan(annotations.seconds[1])
    with pytest.raises(InputError, match=r"unknown kind of answers 'stars'\. Known: choice, grade, pair, text\."):
        Policy(kind="stars")
