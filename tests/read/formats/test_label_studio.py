"""Oracle: what the annotations, written by hand in Label Studio's shape, say in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from crowdtune import InputError, Policy, read
from tests.crowds import gold_texts, put, said
from tests.read.formats._samples import bounded, damaged, jsonl, keeps_the_contract, lay


def result(value: dict[str, Any], name: str = "sentiment", to: str = "text") -> dict[str, Any]:
    return {
        "id": "Dx_aB91ISN", "from_name": name, "to_name": to, "type": next(iter(value)), "origin": "manual",
        "value": value,
    }  # fmt: skip


def choice(*chosen: str, name: str = "sentiment") -> dict[str, Any]:
    return result({"choices": list(chosen)}, name)


def by(who: Any, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 7, "completed_by": who, "result": list(results), "was_cancelled": False, "ground_truth": False,
        "created_at": "2021-03-09T22:16:08.728353Z", "updated_at": "2021-03-09T22:16:08.728378Z",
        "draft_created_at": None, "lead_time": 4.288, "prediction": {}, "result_count": 0, "unique_id": "u-1",
        "import_id": None, "last_action": None, "task": 1, "project": 83, "updated_by": 10, "parent_prediction": None,
        "parent_annotation": None, "last_created_by": None, "reviews": [{"created_by": {"id": 2}, "accepted": False}],
    } | more  # fmt: skip


def task(number: int, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": number, "inner_id": number, "project": 83, "data": {"text": f"text {number}"}, "meta": {},
        "file_upload": "x.json", "created_at": "2021-03-09T21:52:49.513742Z", "updated_at": "2021-03-09T22:16:08Z",
        "annotations": list(annotations), "drafts": [], "predictions": [], "total_annotations": len(annotations),
        "cancelled_annotations": 0, "agreement": 100.0, "updated_by": 2, "comment_authors": [],
    } | more  # fmt: skip


def user(number: int, mail: str) -> dict[str, Any]:
    return {"id": number, "email": mail, "first_name": "", "last_name": ""}


def stored(number: int, who: int, label: str, of: int) -> dict[str, Any]:
    """As a target storage gets it: an annotation with its task inside."""
    inner = {name: value for name, value in task(of).items() if name != "annotations"}
    return by(user(who, f"{who}@x.org"), choice(label), id=number) | {"task": inner}


TASKS = [
    task(1, by(10, choice("Positive")), by(user(11, "ann@x.org"), choice("Negative"))),
    task(2, by(10, choice("Positive")), by(12, was_cancelled=True), by(13)),
    task(3, by(10, choice("Negative"), ground_truth=True), by(14, choice("Negative")), drafts=[{"id": 1}]),
    task(4, predictions=[{"id": 1, "model_version": "m1", "score": 0.7, "result": [choice("Positive")]}]),
    task(5, by(10, result({"start": 0, "end": 4, "text": "text", "labels": ["ORG"]}, "label"))),
]
STORED = [stored(1, 10, "Positive", 1), stored(2, 11, "Negative", 1), stored(1, 10, "Positive", 1)]
SAMPLES = {
    "label-studio": ("export.json", json.dumps(TASKS)),
    "label-studio lines": ("export.jsonl", jsonl(TASKS)),
    "label-studio one task": ("1.json", json.dumps(TASKS[0])),
    "label-studio storage": ("7.json", json.dumps(STORED[0])),
    "label-studio storage lines": ("all.jsonl", jsonl(STORED)),
    "label-studio storage folder": ("storage", {"1": json.dumps(STORED[0]), "2": json.dumps(STORED[1])}),
    "label-studio before version 1": (
        "old.json",
        json.dumps([{"id": 1, "data": {"text": "t"}, "completions": [{"id": 1, "result": [choice("Positive")]}]}]),
    ),
}


def of(folder: Path, *tasks: dict[str, Any], policy: Policy | None = None) -> Any:
    return read(put(folder, "f.json", json.dumps(tasks)), policy=policy)


def test_an_export_in_words(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, *TASKS)
    assert said(annotations) == {
        ("1", "10", "Positive"), ("1", "ann@x.org", "Negative"), ("2", "10", "Positive"), ("3", "14", "Negative"),
        ("4", "model m1", "Positive"),
    }  # fmt: skip
    assert gold_texts(annotations.items) == {"1": None, "2": None, "3": "Negative", "4": None, "5": None}
    assert annotations.items.prompts == [f"text {n}" for n in range(1, 6)]
    assert annotations.items.tasks == ["sentiment"]
    assert report.abstentions == {"cancelled": 1, "empty": 1}
    assert dict(report.notes) == {
        "annotations marked as ground truth: read as gold, not as answers": 1,
        "drafts: not submitted, not read": 1,
        "spans, boxes or other parts of an item: not read, only answers to a whole item are": 1,
    }
    kinds = dict(zip(annotations.annotators, annotations.traits["kind"], strict=True))
    assert kinds["model m1"] == "model"
    assert set(kinds.values()) == {"", "model"}
    assert annotations.seconds is not None
    assert set(annotations.seconds[~np.isnan(annotations.seconds)]) == {4.288}
    assert report.known_by == "tasks with annotations[].result"


def test_every_control_is_a_question(tmp_path: Path) -> None:
    first = by(10, choice("Positive"), choice("plot", "cast", name="topics"), result({"rating": 4}, "stars"))
    second = by(11, choice("Negative"), choice("plot", name="topics"), result({"rating": 2}, "stars"))
    annotations, report = of(tmp_path, task(1, first, second, by(12, was_cancelled=True)))
    assert report.abstentions == {"cancelled": 1}
    assert annotations.items.tasks == ["sentiment", "stars", "topics: cast", "topics: plot"]
    assert dict(zip(annotations.items.tasks, annotations.items.kinds, strict=True))["stars"] == "grade"
    assert ("1/stars", "10", "4") in said(annotations)
    assert report.options == {"topics": ["cast", "plot"]}


def test_taxonomy_text_and_number(tmp_path: Path) -> None:
    tree = result({"taxonomy": [["Film", "Comedy"]]}, "genre")
    why = result({"text": ["because", "really"]}, "why")
    annotations, report = of(tmp_path, task(1, by(10, tree, why, result({"number": 3}, "n"))))
    assert said(annotations) == {("1/genre", "10", "Film > Comedy"), ("1/n", "10", "3")}
    assert report.left_questions == ["why"]
    annotations, _ = of(tmp_path, task(1, by(10, tree, why)), policy=Policy(questions=("why",)))
    assert said(annotations) == {("1", "10", "because\nreally")}


def test_two_results_of_one_control_are_one_answer(tmp_path: Path) -> None:
    annotations, _ = of(tmp_path, task(1, by(10, choice("a"), choice("b")), by(11, choice("a"))))
    assert ("1/b", "10", "yes") in said(annotations)
    assert ("1/b", "11", "no") in said(annotations)


@pytest.mark.parametrize(
    ("data", "choices"),
    [
        ({"prompt": "Why?", "answer1": "So.", "answer2": "Because."}, ("So.", "Because.")),
        ({"a": "So.", "b": "Because."}, ("So.", "Because.")),
        ({"prompt": "Why?", "x": "So.", "y": "Because."}, ("left", "right")),
        ({"a": "So.", "b": " So."}, ("left", "right")),
    ],
)
def test_a_pair_is_named_by_its_texts(tmp_path: Path, data: dict[str, str], choices: tuple[str, str]) -> None:
    left, right = (by(n, result({"selected": s}, "pw", "t1,t2")) for n, s in ((1, "left"), (2, "right")))
    annotations, _ = of(tmp_path, task(1, left, right, data=data))
    assert annotations.items.kinds == ("pair",)
    assert annotations.items.choices(0) == choices
    assert said(annotations) == {("1", "1", choices[0]), ("1", "2", choices[1])}
    if "prompt" in data and choices != ("left", "right"):
        assert annotations.items.prompts == ["Why?"]


@pytest.mark.parametrize(
    ("data", "to", "prompt"),
    [
        ({"title": "T", "text": "X", "body": "B"}, "body", "B"),
        ({"title": "T", "text": "X"}, "tag", "X"),
        ({"title": "T", "abstract": "A", "year": 3}, "tag", "title: T\nabstract: A"),
        ({"talk": [{"author": "a", "text": "hi"}, {"author": "b", "text": "ho"}]}, "tag", "a: hi\nb: ho"),
        ({"image": "http://x/1.png"}, "tag", "http://x/1.png"),
        ({"$undefined$": "X"}, "tag", "X"),
        ({}, "tag", ""),
    ],
)
def test_what_the_annotator_saw(tmp_path: Path, data: dict[str, Any], to: str, prompt: str) -> None:
    annotations, _ = of(tmp_path, task(1, by(1, result({"choices": ["a"]}, "q", to)), data=data))
    assert annotations.items.prompts == [prompt]


def test_items_nobody_answered_get_the_questions_of_the_others(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, task(1, by(1, was_cancelled=True)), task(2), task(3, by(1, choice("a"))))
    assert annotations.items.tasks == ["sentiment"]
    assert sorted(annotations.items.ids) == ["1", "2", "3"]
    assert report.abstentions == {"cancelled": 1}


def test_ground_truths_that_disagree_are_no_gold(tmp_path: Path) -> None:
    both = [by(n, choice(c), ground_truth=True) for n, c in ((1, "a"), (2, "b"))]
    annotations, report = of(tmp_path, task(1, *both, by(3, choice("a"))), task(2, by(3, choice("b"))))
    assert gold_texts(annotations.items) == {"1": None, "2": None}
    assert report.notes["items whose ground truths disagree: read as without gold"] == 1


def test_one_person_by_number_and_by_mail(tmp_path: Path) -> None:
    annotations, report = of(
        tmp_path,
        task(1, by(user(10, "a@x.org"), choice("a"))),
        task(2, by(10, choice("b"))),
        task(3, by(11, choice("b"))),
    )
    assert annotations.annotators == ["a@x.org", "11"]
    assert sum(report.notes.values()) == 1


def test_a_storage_repeats_annotations_and_tasks(tmp_path: Path) -> None:
    annotations, report = read(lay(tmp_path, *SAMPLES["label-studio storage lines"]))
    assert said(annotations) == {("1", "10@x.org", "Positive"), ("1", "11@x.org", "Negative")}
    assert report.notes["copies of an annotation (same id) left out"] == 1
    folder, _ = read(lay(tmp_path, *SAMPLES["label-studio storage folder"]))
    assert said(folder) == said(annotations)
    files = [put(tmp_path, f"{n}.json", json.dumps(one)) for n, one in enumerate(STORED[:2])]
    assert said(read(files)[0]) == said(annotations)


def test_before_version_1(tmp_path: Path) -> None:
    one = {"id": 1, "result": [choice("x")], "created_username": "ann", "created_at": 1600000000, "lead_time": 2}
    two = {"id": 2, "result": [], "skipped": True, "created_username": "bob"}
    three = {"id": 3, "result": [choice("y")], "honeypot": True}
    annotations, report = of(tmp_path, {"id": 1, "data": {"text": "t"}, "completions": [one, two, three]})
    assert said(annotations) == {("1", "ann", "x")}
    assert gold_texts(annotations.items) == {"1": "y"}
    assert report.abstentions == {"cancelled": 1}


def test_numbers_instead_of_annotations_are_counted(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, task(1, by(1, choice("a")), predictions=[4, 5]), task(2, by(1, choice("b"))))
    assert len(annotations) == 2
    assert [n for note, n in report.notes.items() if "numbers alone" in note] == [2]


def test_the_last_of_two_submissions_counts(tmp_path: Path) -> None:
    late, early = by(1, choice("new")), by(1, choice("old"), updated_at="2020-01-01T00:00:00Z")
    annotations, report = of(tmp_path, task(1, late, early), task(2, by(2, choice("old"))))
    assert ("1", "1", "new") in said(annotations)
    assert report.repeated_rows == 1


def test_spans_alone_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no answer to a whole item \(spans, boxes"):
        of(tmp_path, TASKS[4])


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (task(1, by([1], choice("a"))), r"f\.json entry 2: not a task .*completed_by"),
        (task(1, by(1, "x")), r"f\.json entry 2: not a task .*result"),  # type: ignore[arg-type]
        (task(1, data=["x"]), r"f\.json entry 2: not a task .*data"),
        ({"id": 1}, r"f\.json entry 2: not a task .*neither data, annotations nor a result"),
        ([1], r"f\.json entry 2: .*list, not an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, broken: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        of(tmp_path, TASKS[0], broken)


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_truncated_export(tmp_path: Path, cut: int) -> None:
    text = json.dumps(TASKS)
    with pytest.raises(InputError):
        read(put(tmp_path, "f.json", text[: len(text) * cut // 30]))


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b" \n\t"])
def test_marks_and_blanks_before_the_list(tmp_path: Path, mark: bytes) -> None:
    annotations, _ = read(put(tmp_path, "f.json", mark + json.dumps(TASKS, ensure_ascii=False, indent=2).encode()))
    assert len(annotations) == 5


@pytest.mark.parametrize("hostile", [b'[{"id": 1, "data": {"text": "\xff"}, "annotations": []}]', b"[" * 100_000])
def test_bytes_that_are_no_text_and_deep_nesting(tmp_path: Path, hostile: bytes) -> None:
    with pytest.raises(InputError):
        read(put(tmp_path, "f.json", hostile), form="label-studio")


def test_deep_data_in_a_late_task(tmp_path: Path) -> None:
    deep = '{"id": 9, "data": {"x": ' + "[" * 5000 + "]" * 5000 + '}, "annotations": []}'
    with pytest.raises(InputError, match=r"nested too deeply|recursion"):
        read(put(tmp_path, "f.json", f"[{json.dumps(TASKS[0])}, {deep}]"))


@pytest.mark.slow
def test_a_line_of_100_megabytes(tmp_path: Path) -> None:
    long = json.dumps(task(2, by(1, choice("b")), data={"text": "x" * (100 << 20)}))
    for name in ("f.json", "f.jsonl"):
        text = f"[{json.dumps(TASKS[0])},{long}]" if name == "f.json" else f"{json.dumps(TASKS[0])}\n{long}\n"
        annotations, _ = read(put(tmp_path, name, text))
        assert len(annotations.items.prompts[1]) == 100 << 20


def given_in(tasks: list[Any]) -> int:
    """How many annotations and predictions there are."""
    return sum(len(one.get(name) or ()) for one in tasks for name in ("annotations", "predictions"))


@bounded
@given(records=damaged(TASKS))
def test_damaged_exports_are_read_or_refused_and_nothing_is_lost(records: list[Any]) -> None:
    keeps_the_contract("label-studio", "f.json", json.dumps(records), lambda: given_in(records))


@bounded
@given(records=damaged(STORED))
def test_damaged_storage(records: list[Any]) -> None:
    keeps_the_contract("label-studio", "f.jsonl", jsonl(records), lambda: len(records))
