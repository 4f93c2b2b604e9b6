"""Oracle: batches written by hand, with what every row says beside them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given

from crowdtune import InputError, Policy, read
from crowdtune.read.formats.mturk import EMPTY, REJECTED, SHARED_TIME, UNITED
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, shaken_json, try_reading

HEAD = [
    "HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime", "MaxAssignments",
    "RequesterAnnotation", "AssignmentDurationInSeconds", "AutoApprovalDelayInSeconds", "Expiration",
    "NumberOfSimilarHITs", "LifetimeInSeconds", "AssignmentId", "WorkerId", "AssignmentStatus", "AcceptTime",
    "SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime", "RequesterFeedback", "WorkTimeInSeconds",
    "LifetimeApprovalRate", "Last30DaysApprovalRate", "Last7DaysApprovalRate",
]  # fmt: skip
RATES = ["100% (12/12)", "100% (3/3)", "0% (0/0)"]


def batch(columns: str, *rows: str) -> str:
    """A batch; a row is `HIT worker status seconds submitted ...cells`, with ; between."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([*HEAD, *columns.split(";"), "Approve", "Reject"])
    for n, row in enumerate(rows):
        hit, worker, status, seconds, when, *cells = row.split(";")
        known = dict.fromkeys(HEAD, "") | {
            "HITId": hit, "Title": "Rate", "Reward": "$0.10", "AssignmentId": f"A{n}", "WorkerId": worker,
            "AssignmentStatus": status, "SubmitTime": when, "WorkTimeInSeconds": seconds,
        }  # fmt: skip
        writer.writerow([*known.values()][:24] + RATES + cells + ["x" if status == "Approved" else "", ""])
    return out.getvalue()


NOON = "Thu Oct 09 12:00:00 UTC 2025"
RADIO = batch(
    "Input.text;Answer.label.positive;Answer.label.negative;Answer.comment",
    f"H1;W1;Approved;12;{NOON};good film;true;false;nice",
    f"H1;W2;Rejected;3;{NOON};good film;false;true;",
    f"H2;W3;Submitted;4;{NOON};good film;true;false;",
    f"H3;W3;Approved;5;{NOON};bad film;false;false;",
)
PLACES = batch(
    "Input.text1;Input.text2;Answer.label1;Answer.label2",
    f"H1;W1;Approved;12;{NOON};one;two;x;y",
    f"H1;W2;Approved;10;{NOON};one;two;x;x",
    f"H2;W3;Approved;8;{NOON};two;;y;",
)
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><QuestionFormAnswers xmlns="http://mechanicalturk.amazonaws.com/'
    'AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd">{}</QuestionFormAnswers>'
)
ANSWER = "<Answer><QuestionIdentifier>{}</QuestionIdentifier><{tag}>{}</{tag}></Answer>"


def api(*answers: str, wrap: bool = True) -> str:
    found = [
        {"AssignmentId": f"A{n}", "WorkerId": f"W{n}", "HITId": "H1", "AssignmentStatus": "Submitted",
         "AcceptTime": "2025-10-09T12:00:00+00:00", "SubmitTime": "2025-10-09T12:00:09+00:00", "Answer": answer}
        for n, answer in enumerate(answers)
    ]  # fmt: skip
    return json.dumps({"NumResults": len(found), "Assignments": found} if wrap else found)


ASKED = api(*(XML.format(ANSWER.format("mood", mood, tag="FreeText")) for mood in ("good", "bad &amp; sad")))
SAMPLES = {
    "mturk batch": ("Batch_1_batch_results.csv", RADIO),
    "mturk several items": ("places.csv", PLACES),
    "mturk api": ("assignments.json", ASKED),
}


def test_radio_buttons_contents_and_status(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", RADIO))
    assert said(annotations) == {("H1", "W1", "positive"), ("H1", "W2", "negative"),
                                 ("H1", "W3", "positive")}  # fmt: skip
    assert annotations.items.prompts == ["good film", "bad film"]
    assert annotations.seconds is not None
    assert annotations.seconds.tolist() == [12, 3, 4]
    assert report.shape == "mturk"
    assert dict(report.notes) == {REJECTED: 1, UNITED: 1}
    assert report.left_questions == ["comment"]
    assert report.abstentions == {"": 1}
    assert report.ignored == []


@pytest.mark.parametrize("names", ["text1;text2", "text_1;text_2", "text.1;text.2", "text-1;text-2"])
@pytest.mark.parametrize("asked", ["label1;Answer.label2", "label_1;Answer.label_2", "label.1;Answer.label.2"])
def test_several_items_of_a_hit(tmp_path: Path, names: str, asked: str) -> None:
    columns = "Input." + names.replace(";", ";Input.") + ";Answer." + asked
    plain = "Input.text1;Input.text2;Answer.label1;Answer.label2"
    text = PLACES.replace(plain.replace(";", '","'), columns.replace(";", '","'))
    annotations, report = read(put(tmp_path, "f.csv", text))
    assert said(annotations) == {("H1/1", "W1", "x"), ("H1/2", "W1", "y"), ("H1/1", "W2", "x"), ("H1/2", "W2", "x"),
                                 ("H1/2", "W3", "y")}  # fmt: skip
    assert annotations.items.prompts == ["one", "two"]
    assert annotations.items.tasks == ["label"]
    assert annotations.seconds is not None
    assert annotations.seconds.tolist() == [6, 6, 5, 5, 8]
    assert dict(report.notes) == {SHARED_TIME: 2, EMPTY: 1, UNITED: 1}


def test_two_texts_and_one_answer_are_one_item(tmp_path: Path) -> None:
    text = batch("Input.text1;Input.text2;Answer.better", f"H1;W1;Approved;1;{NOON};one;two;first")
    annotations, _ = read(put(tmp_path, "f.csv", text))
    assert said(annotations) == {("H1", "W1", "first")}
    assert annotations.items.prompts == ["text1: one\ntext2: two"]


def test_checkboxes_are_lists(tmp_path: Path) -> None:
    text = batch(
        "Input.text;Answer.topic.a;Answer.topic.b",
        f"H1;W1;Approved;1;{NOON};one;true;true", f"H1;W2;Approved;1;{NOON};one;false;true",
    )  # fmt: skip
    annotations, report = read(put(tmp_path, "f.csv", text))
    assert said(annotations) == {("H1/a", "W1", "yes"), ("H1/b", "W1", "yes"), ("H1/a", "W2", "no"),
                                 ("H1/b", "W2", "yes")}  # fmt: skip
    assert report.options == {"topic": ["a", "b"]}


def test_checkboxes_of_one_name_are_split(tmp_path: Path) -> None:
    text = batch("Input.t;Answer.topic", f"H1;W1;Approved;1;{NOON};one;a|b", f"H1;W2;Approved;1;{NOON};one;b")
    _, report = read(put(tmp_path, "f.csv", text))
    assert report.options == {"topic": ["a", "b"]}


def test_task_answers(tmp_path: Path) -> None:
    cells = [
        '[{"sentiment": {"label": "Positive"}, "sure": {"yes": true, "no": false}}]',
        '[{"sentiment": {"label": "Negative"}}, {"box": {"boundingBoxes": [{"top": 1}]}}]',
    ]
    text = batch("Input.t;Answer.taskAnswers", *(f"H1;W{n};Approved;1;{NOON};one;{c}" for n, c in enumerate(cells)))
    annotations, report = read(put(tmp_path, "f.csv", text))
    assert said(annotations) == {("H1/sentiment", "W0", "Positive"), ("H1/sentiment", "W1", "Negative"),
                                 ("H1/sure", "W0", "yes")}  # fmt: skip
    assert sum(report.notes.values()) == 1


def test_task_answers_of_several_items(tmp_path: Path) -> None:
    cell = '[{"q1": {"label": "x"}, "q2": {"label": "y"}}]'
    text = batch("Input.s1;Input.s2;Answer.taskAnswers", f"H1;W1;Approved;1;{NOON};one;two;{cell}")
    annotations, _ = read(put(tmp_path, "f.csv", text))
    assert said(annotations) == {("H1/1", "W1", "x"), ("H1/2", "W1", "y")}
    assert annotations.items.prompts == ["one", "two"]


@pytest.mark.parametrize("wrap", [True, False])
def test_assignments_of_the_api(tmp_path: Path, wrap: bool) -> None:
    selection = ANSWER.format("topics", "a</SelectionIdentifier><SelectionIdentifier>b", tag="SelectionIdentifier")
    one = XML.format(ANSWER.format("mood", "good", tag="FreeText") + selection)
    annotations, report = read(put(tmp_path, "f.json", api(one, one, wrap=wrap)))
    assert ("H1/mood", "W0", "good") in said(annotations)
    assert report.options == {"topics": ["a", "b"]}


BOMB = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (BOMB, r"Answer declares a document type, which Mechanical Turk never writes\. Remove it\.$"),
        ('<?xml version="1.0"?><!doctype x><x/>', "declares a document type"),
        ("<QuestionFormAnswers><Answer>", r"Answer is not a whole XML document \(.+\)\. Fetch the assignment again"),
        ("<a>" * 5000, "Answer is not a whole XML document"),
        (XML.format(ANSWER.format("taskAnswers", "[{", tag="FreeText")), "taskAnswers: not valid JSON"),
        (XML.format(ANSWER.format("taskAnswers", "[3]", tag="FreeText")), r"must be a list of objects, not '\[3\]'"),
    ],
)
def test_hostile_xml(tmp_path: Path, answer: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(put(tmp_path, "f.json", api(answer, wrap=False)))


def test_a_gold_column_is_not_shown(tmp_path: Path) -> None:
    text = batch("Input.text;Input.gold;Answer.label", f"H1;W1;Approved;1;{NOON};one;x;x",
                 f"H2;W1;Approved;1;{NOON};two;y;x")  # fmt: skip
    annotations, _ = read(put(tmp_path, "f.csv", text))
    assert annotations.items.prompts == ["one", "two"]
    assert annotations.items.gold.tolist() == [0, 1]


def test_times_of_different_zones_decide_repeats(tmp_path: Path) -> None:
    """13:00 in UTC is earlier than 07:00 on the Pacific coast in summer."""
    text = batch("Input.t;Answer.a", "H1;W1;Approved;1;Thu Oct 09 07:00:00 PDT 2025;one;new",
                 "H1;W1;Approved;1;Thu Oct 09 13:00:00 UTC 2025;one;old")  # fmt: skip
    assert said(read(put(tmp_path, "f.csv", text))[0]) == {("H1", "W1", "new")}
    assert said(read(put(tmp_path, "f.csv", text), policy=Policy(repeats="first"))[0]) == {("H1", "W1", "old")}


def test_bom_semicolons_and_utf16(tmp_path: Path) -> None:
    text = RADIO.replace('","', '";"')
    for n, data in enumerate((b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"))):
        annotations, report = read(put(tmp_path, f"f{n}.csv", data))
        assert (report.shape, len(annotations)) == ("mturk", 3)


def test_long_remarks_are_texts(tmp_path: Path) -> None:
    rows = [f"H{n};W1;Approved;1;{NOON};t{n};x;because of reason number {n} which is a long one" for n in range(30)]
    _, report = read(put(tmp_path, "f.csv", batch("Input.t;Answer.label;Answer.why", *rows)))
    assert report.left_questions == ["why"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RADIO.replace('"H3"', '""'), r"row 5: HITId is empty\. Download the results again\.$"),
        (RADIO[: RADIO.index("H3") + 20], r"fields where the header has"),
        (
            RADIO.replace('"false","true"', '"flase","true"'),
            r"row 3: Answer.label.positive is 'flase', neither true nor",
        ),
        ("a,b\n1,2\n", r"f\.csv: no column 'HITId', so these are no batch results of Mechanical Turk\.$"),
    ],
)
def test_broken_batches(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(put(tmp_path, "f.csv", text), form="mturk")


@bounded
@given(changes=edits)
def test_shaken_batches(changes: list[Edit]) -> None:
    """Every answer column of every row is an answer: none is lost without a word."""
    found = try_reading("f.csv", shaken_csv(RADIO, changes), "mturk")
    assert found is None or found[1].rows == 8
    found = try_reading("f.csv", shaken_csv(PLACES, changes), "mturk")
    assert found is None or found[1].rows + found[1].notes[EMPTY] == 6
    try_reading("f.csv", shaken_csv(RADIO, changes, header=True))


@bounded
@given(changes=edits)
def test_shaken_assignments(changes: list[Edit]) -> None:
    try_reading("f.json", json.dumps(shaken_json(json.loads(ASKED), changes)))
