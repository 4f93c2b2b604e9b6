"""Plain tables beyond long, wide and nested. Oracle: the same answers written by hand beside each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, Policy, read
from crowdtune.read.builder import AS_FLOAT, ROUNDED
from crowdtune.read.pairs import EQUAL
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, shaken_json, try_reading

PEERANNOT = {"0": {"w1": 3, "w2": 3}, "1": {"w1": 1}}
GO = (
    "text,id,author,created_utc,rater_id,example_very_unclear,admiration,anger,neutral\n"
    "so good,e1,u,1546427744.0,37,False,1,0,0\nso good,e1,u,1546427744.0,18,False,1,1,0\n"
    "what,e2,u,1547162015.0,37,True,0,0,0\nwhat,e2,u,1547162015.0,61,False,0,0,1\n"
)


def lines(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    return put(tmp_path, "f.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def test_an_object_of_item_annotator_label(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "answers.json", json.dumps(PEERANNOT)))
    assert report.shape == "keyed"
    assert said(annotations) == {("0", "w1", "3"), ("0", "w2", "3"), ("1", "w1", "1")}


@pytest.mark.parametrize("name", ["annotations", "annotators", "labels"])
def test_an_object_of_labels_in_each_record(tmp_path: Path, name: str) -> None:
    rows = [{"id": 1, "text": "a", name: {"ann": "yes", "bob": "no"}}, {"id": 2, "text": "b", name: {"ann": "no"}}]
    annotations, report = read(lines(tmp_path, rows))
    assert report.shape == "nested"
    assert said(annotations) == {("1", "ann", "yes"), ("1", "bob", "no"), ("2", "ann", "no")}


def test_lists_side_by_side(tmp_path: Path) -> None:
    """As HateXplain is on the hub; lists of spans beside them are no answers."""
    rows = [{"id": "1", "annotators": {"label": [0, 2], "annotator_id": [1, 4], "target": [["None"], ["Other"]]}}]
    assert said(read(lines(tmp_path, rows))[0]) == {("1", "1", "0"), ("1", "4", "2")}
    rows[0]["annotators"] = {"label": [0, 2], "annotator_id": [1]}
    with pytest.raises(InputError, match=r"row 1: annotators holds 1 annotators and 2 labels\. Mend the record\.$"):
        read(lines(tmp_path, rows))
    rows[0]["annotators"] = {"ann": {"x": 1}}
    with pytest.raises(InputError, match="annotators holds objects inside an object"):
        read(lines(tmp_path, rows))


def test_a_column_per_option(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "go.csv", GO))
    assert report.shape == "options"
    assert report.abstentions == {"example_very_unclear": 1}
    assert report.rows == 4
    assert said(annotations) == {
        ("e1/admiration", "37", "yes"), ("e1/anger", "37", "no"), ("e1/neutral", "37", "no"),
        ("e1/admiration", "18", "yes"), ("e1/anger", "18", "yes"), ("e1/neutral", "18", "no"),
        ("e2/admiration", "61", "no"), ("e2/anger", "61", "no"), ("e2/neutral", "61", "yes"),
    }  # fmt: skip


def test_one_option_at_a_time_is_a_choice(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", "id,rater_id,joy,fear\n1,a,1,0\n1,b,0,1\n2,a,0,0\n"))
    assert said(annotations) == {("1", "a", "joy"), ("1", "b", "fear")}


def test_an_option_that_is_no_flag(tmp_path: Path) -> None:
    rows = "1,a,1,0\n" * 100 + "2,a,maybe,0\n"
    with pytest.raises(InputError, match=r"row 102: joy is 'maybe', where other rows say 0 or 1\. Mend the cell"):
        read(put(tmp_path, "f.csv", "id,rater_id,joy,fear\n" + rows))


PAIRS = "worker,left,right,label\nann,x,y,x\nbob,y,x,x\neve,x,z,z\n"


def test_comparisons_as_crowd_kit_has_them(tmp_path: Path) -> None:
    """The order in which a worker saw the two does not make another item."""
    annotations, report = read(put(tmp_path, "f.csv", PAIRS))
    assert report.shape == "pairs"
    assert annotations.items.kinds == ("pair",)
    assert annotations.items.choices(0) == ("x", "y")
    assert said(annotations) == {("x | y", "ann", "x"), ("x | y", "bob", "x"), ("x | z", "eve", "z")}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("left", "right", "tie"), ("x", "y", "tie")),
        (("1", "2", "1"), ("x", "y", "x")),
        (("1", "2", "0"), ("x", "y", "tie")),
        (("0", "1", "1"), ("x", "y", "y")),
        (("A", "b", "Tie"), ("x", "y", "tie")),
        (("model_a", "model_b", "tie (bothbad)"), ("x", "y", "tie")),
    ],
)
def test_words_for_a_side(tmp_path: Path, words: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    rows = "".join(f"1,a{n},x,y,{word}\n" for n, word in enumerate(words))
    annotations, _ = read(put(tmp_path, "f.csv", "id,annotator,response_a,response_b,preference\n" + rows))
    assert said(annotations) == {("1", f"a{n}", label) for n, label in enumerate(wanted)}


def test_a_side_by_word_in_a_row_turned_round(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", "worker,left,right,label\nann,x,y,left\nbob,y,x,left\n"))
    assert said(annotations) == {("x | y", "ann", "x"), ("x | y", "bob", "y")}


def test_chosen_and_rejected(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "good"}]
    rows = [
        {"prompt": "p", "chosen": chat, "rejected": "bad", "annotator": "ann"},
        {"prompt": "p", "chosen": "bad", "rejected": "good", "annotator": "bob"},
        {"prompt": "q", "chosen": "bad", "rejected": "good", "annotator": "bob"},
        {"prompt": "r", "chosen": "same", "rejected": "same", "annotator": "bob"},
    ]
    annotations, report = read(lines(tmp_path, rows))
    first, second = annotations.items.ids
    assert said(annotations) == {(first, "ann", "good"), (first, "bob", "bad"), (second, "bob", "bad")}
    assert annotations.items.prompts == ["p", "q"]
    assert report.notes[EQUAL] == 1


def test_the_place_of_what_was_chosen_tells_nothing(tmp_path: Path) -> None:
    """A fair coin over 400 items: five standard deviations are 50; the same place for the same two things."""
    rows = [{"prompt": f"p{i}", "chosen": f"c{i}", "rejected": f"d{i}"} for i in range(400)]
    said_by = [row | {"annotator": "ann"} for row in rows]
    annotations, _ = read(lines(tmp_path, said_by))
    assert abs(int((annotations.label == 0).sum()) - 200) < 50
    turned = [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in said_by]
    again, _ = read(lines(tmp_path, turned))
    assert [again.items.choices(i) for i in range(400)] == [annotations.items.choices(i) for i in range(400)]
    assert (again.label == 1 - annotations.label).all()
    held_out, report = read(lines(tmp_path, rows))
    assert (len(held_out), report.shape) == (0, "pairs")
    assert (held_out.items.gold == annotations.label).all()


def test_pairs_that_nobody_is_named_for(tmp_path: Path) -> None:
    """What is preferred there is gold; without that they are pairs to be predicted."""
    head = "prompt,response_a,response_b"
    held_out, _ = read(put(tmp_path, "f.csv", f"{head},label\np,x,y,B\nq,x,y,tie\n"))
    assert held_out.items.gold.tolist() == [1, 2]
    assert held_out.items.choices(0) == ("x", "y", "tie")
    new, _ = read(put(tmp_path, "f.csv", f"{head}\np,x,y\n"))
    assert (new.items.gold.tolist(), new.items.kinds) == ([-1], ("pair",))


def test_gold_of_pairs(tmp_path: Path) -> None:
    rows = "p,x,y,ann,rejected\nq,y,x,bob,y\n"
    annotations, _ = read(put(tmp_path, "f.csv", "prompt,chosen,rejected,annotator,gold\n" + rows))
    items = annotations.items
    assert [items.text(i, int(k)) for i, k in enumerate(items.gold)] == ["y", "y"]


@pytest.mark.parametrize("named", [True, False])
def test_gold_of_pairs_may_be_the_number_0(named: bool, tmp_path: Path) -> None:
    who = {"annotator": "ann", "label": 1} if named else {}
    rows = [{"prompt": f"p{i}", "response_a": "x", "response_b": "y", "gold": i} | who for i in (0, 1)]
    assert read(lines(tmp_path, rows))[0].items.gold.tolist() == [0, 1]


def test_gold_that_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has another gold than in"):
        read(put(tmp_path, "f.csv", "prompt,chosen,rejected\np,x,y\np,y,x\n"))


def test_a_side_that_is_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 3: right is empty\. Give both things that were compared\.$"):
        read(put(tmp_path, "f.csv", "worker,left,right,label\nann,x,y,x\nbob,x,,x\n"))


@pytest.mark.parametrize("column", ["judge", "judge_model", "model"])
def test_judges_are_models(tmp_path: Path, column: str) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", f"id,{column},label\n1,gpt,x\n1,claude,y\n2,gpt,x\n"))
    assert annotations.annotators == ["gpt", "claude"]
    assert annotations.traits == {"kind": ["model", "model"]}


def test_the_model_that_wrote_an_item_is_no_annotator(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", "id,text,model,label\n1,a,gpt,x\n2,b,claude,y\n"))
    assert (len(annotations), report.shape, annotations.items.gold.tolist()) == (0, "items", [0, 1])
    annotations, _ = read(put(tmp_path, "g.csv", "id,annotator,model,label\n1,ann,gpt,x\n2,ann,claude,y\n"))
    assert annotations.annotators == ["ann"]


def test_people_and_models_in_one_column(tmp_path: Path) -> None:
    text = "id,annotator,annotator_type,label\n1,ann,human,x\n1,gpt,LLM,y\n1,who,other,y\n"
    annotations, _ = read(put(tmp_path, "f.csv", text))
    assert annotations.traits == {"kind": ["person", "model", ""]}


@pytest.mark.parametrize("column", ["rating", "stars", "score", "grade"])
def test_ratings_are_grades(tmp_path: Path, column: str) -> None:
    text = f"item,annotator,{column}\n1,a,10\n1,b,2\n2,a,3\n"
    annotations, _ = read(put(tmp_path, "f.csv", text))
    assert annotations.items.kinds == ("grade",)
    assert annotations.items.choices(0) == ("2", "3", "10")
    assert read(put(tmp_path, "f.csv", text), policy=Policy(kind="choice"))[0].items.kinds == ("choice",)
    words = text.replace("10", "good").replace(",2", ",bad").replace(",3", ",good")
    assert read(put(tmp_path, "f.csv", words))[0].items.kinds == ("choice",)


def test_a_score_nobody_gave_is_not_gold(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", "id,text,score\n1,a,0.3\n2,b,0.4\n"),
                               policy=Policy(choices=("yes", "no")))  # fmt: skip
    assert annotations.items.gold.tolist() == [-1, -1]


def test_ids_a_spreadsheet_has_rewritten_are_told(tmp_path: Path) -> None:
    rows = "1.23457E+14,123456789012345.0,x\n1.23457E+14,ann,x\n12,ann,y\n"
    _, report = read(put(tmp_path, "f.csv", "item,annotator,label\n" + rows))
    assert dict(report.notes) == {ROUNDED: 1, AS_FLOAT: 1}


def test_zones_are_compared(tmp_path: Path) -> None:
    """09:00 in New York (UTC-4) is after 10:00 in Berlin (UTC+2), and after 12:00 that names no zone, so UTC."""
    rows = [("2026-06-01T10:00:00+02:00", "early"), ("2026-06-01T09:00:00-04:00", "late"), ("2026-06-01 12:00:00", "x")]
    text = "item,annotator,label,timestamp\n" + "".join(f"1,a,{label},{time}\n" for time, label in rows)
    assert said(read(put(tmp_path, "f.csv", text))[0]) == {("1", "a", "late")}


def test_one_file_of_texts_for_several_questions(tmp_path: Path) -> None:
    answers = put(tmp_path, "f.csv", "item,task,annotator,label\n1,mood,a,x\n1,mood,b,y\n1,size,a,p\n1,size,b,q\n")
    texts = put(tmp_path, "items.csv", "id,text\n1,hello\n")
    annotations, _ = read(answers, items=texts)
    assert annotations.items.prompts == ["hello", "hello"]
    assert annotations.items.tasks == ["mood", "size"]


NESTED: list[dict[str, Any]] = [
    {"id": 1, "annotations": {"ann": "yes", "bob": "no"}},
    {"id": 2, "annotations": {"label": ["x", "y"], "annotator_id": [1, 2], "time": [1, 2]}},
]


@bounded
@given(changes=edits)
def test_shaken_objects(changes: list[Edit]) -> None:
    """An object's labels are all answers, whatever they have become."""
    broken = shaken_json(PEERANNOT, changes)
    found = try_reading("f.json", json.dumps(broken))
    if found and found[1].shape == "keyed":
        assert found[1].rows == sum(len(given) for given in broken.values() if isinstance(given, dict))
    try_reading("f.json", json.dumps(shaken_json(NESTED, changes)))


@bounded
@given(changes=edits)
def test_shaken_tables(changes: list[Edit]) -> None:
    """A row is an answer, or a pair that is told to be none."""
    for text, rows in ((GO, 4), (PAIRS, 3)):
        found = try_reading("f.csv", shaken_csv(text, changes))
        if found and found[1].shape in ("options", "pairs"):
            assert found[1].rows + found[1].notes[EQUAL] == rows
        try_reading("f.csv", shaken_csv(text, changes, header=True))
