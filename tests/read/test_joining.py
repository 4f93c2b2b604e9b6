"""Oracle: the same crowd in one file; how it is cut into files must not matter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune import InputError, Policy, read
from tests.crowds import put, said

TEXTS = {"1": "good film", "2": "bad film", "3": "dull film"}


def own_file(folder: Path, name: str, who: str, ids: dict[str, str], labels: dict[str, str]) -> Path:
    rows = [{"id": ids[i], "text": TEXTS[i], "annotator": who, "label": label} for i, label in labels.items()]
    return put(folder, name, json.dumps(rows))


def test_files_that_share_their_ids(tmp_path: Path) -> None:
    same = {i: i for i in TEXTS}
    paths = [own_file(tmp_path, "a.json", "ann", same, {"1": "x", "2": "y"})]
    paths.append(own_file(tmp_path, "b.json", "bob", same, {"2": "y", "3": "x"}))
    annotations, report = read(paths)
    assert said(annotations) == {("1", "ann", "x"), ("2", "ann", "y"), ("2", "bob", "y"), ("3", "bob", "x")}
    assert (report.joined, report.same_items) == ("id", 1)


@pytest.mark.parametrize("second", [{"2": "1", "3": "2"}, {"2": "b2", "3": "b3"}], ids=["ids reused", "other ids"])
def test_files_that_count_on_their_own_are_joined_by_their_texts(tmp_path: Path, second: dict[str, str]) -> None:
    paths = [own_file(tmp_path, "a.json", "ann", {i: i for i in TEXTS}, {"1": "x", "2": "y"})]
    paths.append(own_file(tmp_path, "b.json", "bob", second, {"2": "y", "3": "x"}))
    annotations, report = read(paths)
    texts = {
        (annotations.items.prompts[i], annotations.annotators[j])
        for i, j in zip(annotations.item, annotations.annotator, strict=True)
    }
    assert texts == {("good film", "ann"), ("bad film", "ann"), ("bad film", "bob"), ("dull film", "bob")}
    assert (len(annotations.items), len(set(annotations.items.ids)), report.joined) == (3, 3, "content")


def test_by_id_different_texts_are_an_error(tmp_path: Path) -> None:
    paths = [
        own_file(tmp_path, "a.json", "ann", {"1": "1"}, {"1": "x"}),
        own_file(tmp_path, "b.json", "bob", {"2": "1"}, {"2": "y"}),
    ]
    with pytest.raises(InputError, match=r"item '1' has another prompt than in .*a\.json"):
        read(paths, policy=Policy(join="id"))


def test_one_file_with_an_item_under_two_ids(tmp_path: Path) -> None:
    rows = [{"id": i, "text": "good film", "annotator": i, "label": "x"} for i in "12"]
    path = put(tmp_path, "f.json", json.dumps(rows))
    assert len(read(path)[0].items) == 2
    assert said(read(path, policy=Policy(join="content"))[0]) == {("1", "1", "x"), ("1", "2", "x")}


def test_what_is_said_of_the_items_serves_every_file(tmp_path: Path) -> None:
    about = put(tmp_path, "items.csv", "id,text,gold\n1,one,x\n2,two,y\n")
    paths = [put(tmp_path, f"{who}.csv", f"id,annotator,label\n1,{who},x\n2,{who},y\n") for who in ("ann", "bob")]
    annotations, _ = read(paths, items=about)
    assert len(annotations) == 4
    assert list(annotations.items.prompts) == ["one", "two"]


def test_a_task_makes_two_items_of_one_id(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,task,annotator,label\n7,tone,ann,kind\n7,topic,ann,war\n8,tone,ann,rude\n")
    annotations, _ = read(path)
    assert annotations.items.ids == ["7/tone", "7/topic", "8"]
    assert [annotations.items.choices(i) for i in range(3)] == [("kind", "rude"), ("war",), ("kind", "rude")]


def test_an_answer_without_a_task_to_an_item_of_two(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,task,annotator,label\n7,tone,ann,kind\n7,topic,ann,war\n7,,bob,war\n")
    with pytest.raises(
        InputError, match=r"row 4: item '7' is in several tasks \(tone, topic\), and the row names none"
    ):
        read(path)


def test_a_file_per_annotator_that_does_not_say_whose_it_is(tmp_path: Path) -> None:
    paths = [
        put(tmp_path, f"{who}.csv", f"id,text,label\n1,one,x\n2,two,{last}\n")
        for who, last in (("ann", "x"), ("bob", "y"))
    ]
    annotations, report = read(paths)
    assert said(annotations) == {("1", "ann", "x"), ("2", "ann", "x"), ("1", "bob", "x"), ("2", "bob", "y")}
    assert report.columns["annotator"] == "name of the file"


def test_upper_and_lower_case_of_columns_and_items_that_are_their_text(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", "Text,Annotator,LABEL\none,ann,x\none,bob,y\n"))
    assert said(annotations) == {("one", "ann", "x"), ("one", "bob", "y")}
    assert list(annotations.items.prompts) == ["one"]
