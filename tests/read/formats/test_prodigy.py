"""Oracle: what the lines, written by hand in Prodigy's shape, say in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, read
from tests.crowds import gold_texts, put, said
from tests.read.formats._samples import bounded, damaged, jsonl, keeps_the_contract

OPTIONS = [{"id": "POS", "text": "Positive"}, {"id": "NEG", "text": "Negative"}]
NOBODY = "answers of a session without a name: whose they are, and so expertise, cannot be known (open ?session=NAME)"


def line(item: int, who: str, answer: str = "accept", **more: Any) -> dict[str, Any]:
    return {
        "text": f"text {item}", "meta": {"source": "a"}, "_input_hash": item, "_task_hash": -item, "answer": answer,
        "_view_id": "choice", "_timestamp": 1690000000, "_annotator_id": f"news-{who}", "_session_id": f"news-{who}",
    } | more  # fmt: skip


def choice(item: int, who: str, *chosen: str, answer: str = "accept", style: str = "single") -> dict[str, Any]:
    more = {"options": OPTIONS, "accept": list(chosen), "config": {"choice_style": style}}
    return line(item, who, answer, **more)


def binary(item: int, who: str, label: str, answer: str) -> dict[str, Any]:
    return line(item, who, answer, label=label, _view_id="classification")


CHOICES = [
    choice(-1, "alex", "POS"),
    choice(-1, "anna", "NEG"),
    choice(2, "alex", "NEG"),
    choice(2, "anna", answer="ignore"),
]
BINARY = [
    binary(1, "alex", "INSULT", "accept"),
    binary(1, "anna", "INSULT", "reject"),
    binary(1, "alex", "SPAM", "reject"),
]
REVIEW = [
    choice(1, "boss", "POS") | {"_view_id": "review", "versions": [
        choice(1, "alex", "POS") | {"sessions": ["news-alex", "news-anna"], "default": True},
        choice(1, "eve", "NEG") | {"sessions": ["news-eve"], "default": False},
    ]}
]  # fmt: skip
SPANS = [line(1, "alex", _view_id="ner_manual", spans=[{"start": 0, "end": 4, "label": "ORG"}])]
SAMPLES = {
    "prodigy": ("choice.jsonl", jsonl(CHOICES)),
    "prodigy binary": ("textcat.jsonl", jsonl(BINARY)),
    "prodigy review": ("review.jsonl", jsonl(REVIEW)),
    "prodigy spans": ("ner.jsonl", jsonl(SPANS)),
    "prodigy list": ("choice.json", json.dumps(CHOICES)),
}


def of(folder: Path, records: list[dict[str, Any]]) -> Any:
    return read(put(folder, "f.jsonl", jsonl(records)))


def test_choices_in_words(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, CHOICES)
    assert said(annotations) == {("-1", "alex", "Positive"), ("-1", "anna", "Negative"), ("2", "alex", "Negative")}
    assert annotations.items.choices(0) == ("Positive", "Negative")
    assert annotations.items.prompts == ["text -1", "text 2"]
    assert report.abstentions == {"ignore": 1}


def test_several_choices(tmp_path: Path) -> None:
    styled = [choice(1, "alex", "POS", "NEG", style="multiple"), choice(1, "anna", style="multiple")]
    annotations, report = of(tmp_path, styled)
    assert report.options == {"choice": ["Negative", "Positive"]}
    assert ("1/Positive", "alex", "yes") in said(annotations)
    assert ("1/Positive", "anna", "no") in said(annotations)


def test_rejected_and_empty_choices_are_no_choice(tmp_path: Path) -> None:
    _, report = of(tmp_path, [*CHOICES, choice(3, "alex", "POS", answer="reject"), choice(3, "anna")])
    assert report.abstentions == {"ignore": 1, "reject": 1, "nothing accepted": 1}


def test_a_label_is_a_question_with_yes_or_no(tmp_path: Path) -> None:
    annotations, _ = of(tmp_path, BINARY)
    assert said(annotations) == {
        ("1/INSULT", "alex", "yes"), ("1/INSULT", "anna", "no"), ("1/SPAM", "alex", "no"),
    }  # fmt: skip


def test_accept_and_reject_alone(tmp_path: Path) -> None:
    annotations, _ = of(tmp_path, [line(1, "alex", _view_id="text"), line(1, "anna", "reject", _view_id="text")])
    assert said(annotations) == {("1", "alex", "yes"), ("1", "anna", "no")}


def test_a_typed_answer_is_a_text(tmp_path: Path) -> None:
    typed = [line(1, w, _view_id="text_input", field_id="why", why=f"so {w}") for w in ("alex", "anna")]
    annotations, _ = of(tmp_path, typed)
    assert annotations.items.kinds == ("text",)
    assert said(annotations) == {("1", "alex", "so alex"), ("1", "anna", "so anna")}


def test_a_review_gives_gold_and_the_answers_reviewed(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, REVIEW)
    assert said(annotations) == {("1", "alex", "Positive"), ("1", "anna", "Positive"), ("1", "eve", "Negative")}
    assert gold_texts(annotations.items) == {"1": "Positive"}
    assert report.notes["decisions of a review: read as gold, beside the answers reviewed"] == 1


def test_the_dataset_is_no_part_of_a_name(tmp_path: Path) -> None:
    alone, _ = of(tmp_path, CHOICES[:1])
    assert alone.annotators == ["alex"]
    mixed = [choice(n, "x", "POS") | {"_annotator_id": who} for n, who in enumerate(("a-alex", "b-alex"))]
    assert set(of(tmp_path, mixed)[0].annotators) == {"a-alex", "b-alex"}


def test_sessions_named_by_their_time_are_nobody(tmp_path: Path) -> None:
    anonymous = [choice(n, "x", "POS") | {"_annotator_id": "2023-01-01_12-00-00"} for n in (1, 2)]
    annotations, report = of(tmp_path, [*CHOICES, *anonymous])
    assert set(annotations.annotators) == {"alex", "anna"}
    assert (report.nameless, report.notes[NOBODY]) == (2, 2)
    annotations, report = of(tmp_path, anonymous)
    assert len(annotations) == 0
    assert any("expertise" in said for said in report.lines(annotations))


def test_older_files_name_the_session_alone(tmp_path: Path) -> None:
    old = [{n: v for n, v in one.items() if n != "_annotator_id"} for one in CHOICES]
    assert said(of(tmp_path, old)[0]) == said(of(tmp_path, CHOICES)[0])


def test_spans_alone_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no answer to a whole item \(spans"):
        of(tmp_path, SPANS)
    annotations, report = of(tmp_path, [*CHOICES, *SPANS])
    assert (len(annotations), sum(report.notes.values())) == (3, 1)


@pytest.mark.parametrize("change", [{"answer": "perhaps"}, {"accept": "POS"}, {"options": ["POS"]}, {"versions": [1]}])
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"f\.jsonl row 5: "):
        of(tmp_path, [*CHOICES, CHOICES[0] | change])


@bounded
@given(records=damaged([*CHOICES, *BINARY, *SPANS]))
def test_damaged_lines_are_read_or_refused_and_nothing_is_lost(records: list[Any]) -> None:
    keeps_the_contract("prodigy", "f.jsonl", jsonl(records), lambda: len(records))


@bounded
@given(records=damaged(REVIEW))
def test_damaged_reviews(records: list[Any]) -> None:
    keeps_the_contract("prodigy", "f.jsonl", jsonl(records), lambda: len(records))
