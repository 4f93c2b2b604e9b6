"""Oracle: the policy column of 'Top 10 failure modes of real data'; each policy must hold and be counted in words."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from crowdtune import Annotations, InputError, Policy, read
from crowdtune.aggregate import aggregator, names
from crowdtune.metrics.accuracy import recall
from crowdtune.read.report import ReadReport
from crowdtune.runs import annotator_table
from crowdtune.write.labelled import label_table
from tests.aggregate.test_contract import KIND
from tests.crowds import put, said

HEAD = "item,annotator,label\n"


def lines(read_: tuple[Annotations, ReadReport]) -> str:
    annotations, report = read_
    return "\n".join(report.lines(annotations))


def honest(n: int) -> str:
    """Ten annotators who all say yes on even and no on odd items."""
    return "".join(f"{i},a{j},{'no' if i % 2 else 'yes'}\n" for i in range(n) for j in range(10))


@pytest.mark.parametrize("name", [n for n in names() if n not in KIND])
def test_1_twenty_copies_of_a_wrong_answer_do_not_flip_the_label(tmp_path: Path, name: str) -> None:
    annotations, report = read(put(tmp_path, "f.csv", HEAD + honest(20) + "0,liar,no\n" * 20))
    posterior = aggregator(name).fit(annotations).posterior
    assert annotations.items.text(0, int(posterior[0].argmax())) == "yes"
    assert len(annotations) == 201
    assert (report.repeated_rows, report.repeats) == (19, [("0", "liar")])
    assert "19 repeated answers of one annotator to one item dropped, kept the last of each (0/liar)" in lines(
        (annotations, report)
    )


@pytest.mark.parametrize(("policy", "kept"), [("last", "b"), ("first", "a"), ("majority", "c")])
def test_1_which_repeat_is_kept(tmp_path: Path, policy: str, kept: str) -> None:
    path = put(tmp_path, "f.csv", HEAD + "".join(f"1,ann,{label}\n" for label in "accb"))
    annotations, report = read(path, policy=Policy(repeats=policy))
    assert said(annotations) == {("1", "ann", kept)}
    assert f"kept the {policy} of each" in lines((annotations, report))


@pytest.mark.parametrize(("policy", "kept"), [("last", "new"), ("first", "old"), ("majority", "new")])
@pytest.mark.parametrize("times", [("2026-01-02T00:00", "2026-01-01T00:00"), ("10", "9"), (10, 9.5)])
def test_1_time_decides_where_there_is_one(
    tmp_path: Path, policy: str, kept: str, times: tuple[str | float, str | float]
) -> None:
    records = [
        {"item": 1, "annotator": "x", "label": label, "timestamp": time}
        for label, time in zip(("new", "old"), times, strict=True)
    ]
    annotations, _ = read(put(tmp_path, "f.json", json.dumps(records)), policy=Policy(repeats=policy))
    assert said(annotations) == {("1", "x", kept)}


def test_1_repeats_can_be_an_error(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", HEAD + "1,ann,a\n1,bob,a\n1,ann,b\n")
    with pytest.raises(
        InputError,
        match=r"f\.csv row 4: annotator 'ann' answers item '1' again \(first in .*f\.csv row 2\)\. "
        r"Remove a row, or pass --repeats last, first or majority\.$",
    ):
        read(path, policy=Policy(repeats="error"))


def test_1_unknown_policy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^unknown policy for repeated answers 'lst'\. Did you mean 'last'\?"):
        read(put(tmp_path, "f.csv", HEAD + "1,a,b\n"), policy=Policy(repeats="lst"))


@pytest.mark.parametrize("name", [n for n in names() if n not in KIND])
def test_2_empty_and_null_never_become_a_choice(tmp_path: Path, name: str) -> None:
    rows = [{"item": 1, "annotator": f"a{j}", "label": x} for j, x in enumerate(["", None, "NaN", "null", "yes", "no"])]
    rows += [{"item": 2, "annotator": f"a{j}", "label": x} for j, x in enumerate(["", None, "  "])]
    rows += [{"item": 3, "annotator": "a4", "label": "yes"}]
    annotations, report = read(put(tmp_path, "f.json", json.dumps(rows)))
    assert annotations.items.choices(0) == ("no", "yes")
    assert annotations.labels_per_item.tolist() == [2, 0, 1]
    assert aggregator(name).fit(annotations).posterior.shape == (3, 2)
    assert "7 answers taken as abstentions, not as a choice ('' 5, 'NaN' 1, 'null' 1)" in lines((annotations, report))
    assert "1 items have no label; they keep their place, without an answer" in lines((annotations, report))


def test_2_majority_gives_an_unlabelled_item_null_with_its_reason(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.csv", HEAD + "1,a,yes\n2,a,\n3,a,no\n"))
    table = label_table(annotations, aggregator("majority").fit(annotations).posterior, "majority")
    assert table["label"] == ["yes", None, "no"]
    assert table["reason"] == ["", "no label", ""]


def test_2_words_for_no_answer(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", HEAD + "1,a,skip\n1,b,yes\n1,c,no\n")
    annotations, report = read(path, policy=Policy(abstain=("skip",)))
    assert annotations.items.choices(0) == ("no", "yes")
    assert "1 answers taken as abstentions, not as a choice ('skip' 1)" in lines((annotations, report))


def test_2_a_choice_named_null_is_a_choice(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", HEAD + "1,a,null\n1,b,NULL\n1,c,one\n")
    annotations, report = read(path, policy=Policy(choices=("null", "one")))
    assert ("1", "a", "null") in said(annotations)
    assert report.abstentions == {"NULL": 1}


def test_2_an_abstention_does_not_replace_an_earlier_answer(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", HEAD + "1,a,yes\n1,a,\n"))
    assert said(annotations) == {("1", "a", "yes")}
    assert (report.repeated_rows, report.abstentions) == (0, {"": 1})


def test_3_one_label_per_item_is_allowed_and_said(tmp_path: Path) -> None:
    said_ = lines(read(put(tmp_path, "f.csv", HEAD + "1,a,yes\n2,b,no\n")))
    assert "every item has one label: agreement cannot be measured" in said_
    assert "(crowdtune train)" in said_


def test_4_thin_annotators_are_counted_and_ranked_last(tmp_path: Path) -> None:
    rows = honest(6) + "0,lucky,yes\n" + "".join(f"{i},poor,yes\n" for i in range(6))
    annotations, report = read(put(tmp_path, "f.csv", HEAD + rows))
    posterior = aggregator("majority").fit(annotations).posterior
    table = annotator_table(annotations, posterior)
    assert [row["annotator"] for row in table][-2:] == ["poor", "lucky"]
    assert (table[-1]["reliability"], table[-1]["thin"], table[-2]["thin"]) == (1.0, True, False)
    assert "1 annotators gave fewer than 5 labels: too few to judge, ranked last" in lines((annotations, report))


def test_5_a_rare_choice_is_said_and_its_recall_kept_apart(tmp_path: Path) -> None:
    rows = "".join(f"{i},a,{'rare' if i == 0 else 'usual'},{'rare' if i < 2 else 'usual'}\n" for i in range(20))
    annotations, report = read(put(tmp_path, "f.csv", HEAD.replace("label", "label,gold") + rows))
    posterior = aggregator("majority").fit(annotations).posterior
    assert recall(posterior, annotations.items) == {"rare": 0.5, "usual": 1.0}
    assert "task default: 95% of the labels say 'usual'; look at the recall of each choice" in lines(
        (annotations, report)
    )


@pytest.mark.parametrize("order", ["a b", "b a"])
def test_6_ties_stay_split(tmp_path: Path, order: str) -> None:
    one, two = order.split()
    annotations, report = read(put(tmp_path, "f.csv", HEAD + f"1,x,{one}\n1,y,{two}\n2,x,a\n2,y,a\n"))
    posterior = aggregator("majority").fit(annotations).posterior
    np.testing.assert_array_equal(posterior, [[0.5, 0.5], [1, 0]])
    table = label_table(annotations, posterior, "majority")
    assert (table["label"], table["reason"], table["tied_vote"]) == ([None, "a"], ["tie", ""], [True, False])
    assert "1 items have a tied vote: it stays split" in lines((annotations, report))


COFFEE = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]


@pytest.mark.parametrize(
    ("spellings", "choices"),
    [
        ([" Positive", "positive", "positive ", "POSITIVE", "negative"], ("negative", "positive")),
        ([*COFFEE, "tea"], (COFFEE[0], "tea")),
        ([1, "1", 1.0, " 1", 2], ("1", "2")),
    ],
)
def test_8_spellings_of_one_choice_are_one_choice(
    tmp_path: Path, spellings: list[object], choices: tuple[str, ...]
) -> None:
    rows = [{"item": 1, "annotator": f"a{j}", "label": label} for j, label in enumerate(spellings)]
    annotations, _ = read(put(tmp_path, "f.json", json.dumps(rows)))
    assert annotations.items.choices(0) == choices
    assert annotations.votes.max() == len(spellings) - 1


@pytest.mark.parametrize("policy", [Policy(), Policy(choices=("negative", "positive"))])
def test_8_respelling_is_counted(tmp_path: Path, policy: Policy) -> None:
    rows = "1,a,positive\n1,b,Positive\n2,a,positive\n2,b,POSITIVE\n3,a,negative\n"
    read_ = read(put(tmp_path, "f.csv", HEAD + rows), policy=policy)
    assert read_[1].merged_rows == 2
    assert "2 labels respelled ('POSITIVE' -> 'positive', 'Positive' -> 'positive')" in lines(read_)


def test_8_rename(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", HEAD + "1,a,pos\n1,b,yes\n1,c,no\n")
    read_ = read(path, policy=Policy(rename={"pos": "yes"}))
    assert said(read_[0]) == {("1", "a", "yes"), ("1", "b", "yes"), ("1", "c", "no")}
    assert "1 labels respelled ('pos' -> 'yes')" in lines(read_)


def test_clean_data_says_nothing_alarming(tmp_path: Path) -> None:
    rows = honest(6).replace("\n", ",hello\n")
    annotations, report = read(put(tmp_path, "f.csv", HEAD.replace("label", "label,text") + rows))
    first, second = report.lines(annotations)
    assert first.endswith("(long; item = item, annotator = annotator, label = label, prompt = text)")
    assert second == "60 labels, 6 items, 10 annotators; 10.0 labels per labelled item"
