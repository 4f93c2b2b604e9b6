"""Oracle: what each label means, written out by hand; what fits two ways must be refused, never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune import Annotations, InputError, Policy, read
from crowdtune.read.report import ReadReport
from tests.crowds import gold_texts, put


def label(
    tmp_path: Path, labels: list[object], choices: list[str], policy: Policy | None = None
) -> tuple[Annotations, ReadReport]:
    records = [{"item": i, "annotator": "ann", "label": x, "choices": choices} for i, x in enumerate(labels)]
    return read(put(tmp_path, "f.json", json.dumps(records)), policy=policy)


WORDS, RATINGS = ["bad", "fair", "good"], ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("labels", "choices", "codes", "reading"),
    [
        (["good", "bad"], WORDS, [2, 0], "text"),
        (["Good", "BAD"], WORDS, [2, 0], "text"),
        (["C", "A"], WORDS, [2, 0], "letter"),
        ([2, 0], WORDS, [2, 0], "code"),
        (["2", "0"], WORDS, [2, 0], "code"),
        ([2.0, 0.0], WORDS, [2, 0], "code"),
        (["good", "A", "1"], WORDS, [2, 0, 1], "mixed"),
        ([5, 1, 3], RATINGS, [4, 0, 2], "text"),
        ([0, 4], RATINGS, [0, 4], "code"),
        (["A", "B"], ["A", "B"], [0, 1], "text"),
        (["C", "A", "B"], ["B", "A", "C"], None, None),
        (["0", "1"], ["1", "0"], None, None),
        ([1, 2], RATINGS, None, None),
    ],
)
def test_reading(
    tmp_path: Path, labels: list[object], choices: list[str], codes: list[int] | None, reading: str | None
) -> None:
    if codes is None:
        with pytest.raises(InputError, match=r"means .* and .*, and the other labels do not decide it\. .*--labels"):
            label(tmp_path, labels, choices)
        return
    annotations, report = label(tmp_path, labels, choices)
    assert annotations.label.tolist() == codes
    assert report.readings == {"": reading}


def test_zero_in_ratings_from_one_is_a_code_only_if_all_fit(tmp_path: Path) -> None:
    """0 is no text of 1..5 and 5 no code: no one reading fits, and 1 fits two ways."""
    with pytest.raises(InputError, match=r"entry 2|row 2"):
        label(tmp_path, [0, 1, 5], RATINGS)


@pytest.mark.parametrize(("wanted", "codes"), [("text", [0, 1]), ("code", [1, 2])])
def test_the_user_decides(tmp_path: Path, wanted: str, codes: list[int]) -> None:
    annotations, _ = label(tmp_path, [1, 2], RATINGS, Policy(labels=wanted))
    assert annotations.label.tolist() == codes


def test_ambiguous_wording(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"f\.json row 1: label '1' means '1' as text and '2' as code, and the other labels do not decide it\. "
        r"Say which: --labels text, --labels letter or --labels code\.$",
    ):
        label(tmp_path, [1, 2], RATINGS)


def test_a_text_that_two_choices_have_names_neither(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="label 'yes' is not one of the choices"):
        label(tmp_path, ["yes"], ["yes", "yes", "no"])
    assert label(tmp_path, ["B", "C"], ["yes", "yes", "no"])[0].label.tolist() == [1, 2]


def test_unknown_reading(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^unknown reading of labels 'txt'\. Did you mean 'text'\?"):
        label(tmp_path, ["good"], WORDS, Policy(labels="txt"))


def test_no_choice_wording(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"f\.json row 2: label 'fine' is not one of the choices \(bad, fair, good\), nor a letter or code "
        r"of one\. Fix the row, pass --choices, --rename 'fine=\.\.\.' or --abstain 'fine'\.$",
    ):
        label(tmp_path, ["good", "fine"], WORDS)


def test_a_number_of_5000_digits_is_no_choice(tmp_path: Path) -> None:
    """Python refuses to read so long a number; that must not show."""
    with pytest.raises(InputError, match="is not one of the choices"):
        label(tmp_path, ["9" * 5000], WORDS)


def test_each_task_is_read_by_itself(tmp_path: Path) -> None:
    rows = "item,task,annotator,label,choices\n1,a,x,B,bad|good\n2,b,x,1,no|yes\n"
    annotations, report = read(put(tmp_path, "f.csv", rows))
    assert annotations.label.tolist() == [1, 1]
    assert report.readings == {"a": "letter", "b": "code"}
    assert "labels read by a: letter, b: code" in report.lines(annotations)


def test_choices_may_differ_between_items(tmp_path: Path) -> None:
    rows = "item,annotator,label,choices,gold\n1,x,B,red|blue,A\n2,x,C,one|two|three,B\n3,x,A,red|blue,\n"
    items = read(put(tmp_path, "f.csv", rows))[0].items
    assert items.n_choices.tolist() == [2, 3, 2]
    assert items.choice_mask.tolist() == [[True, True, False], [True, True, True], [True, True, False]]
    assert items.shared_choices.tolist() == [False]
    assert gold_texts(items) == {"1": "red", "2": "two", "3": None}


def test_choices_of_the_policy_keep_their_order(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "item,annotator,label\n1,x,low\n")
    assert read(path, policy=Policy(choices=("low", "mid", "high")))[0].items.choices(0) == ("low", "mid", "high")


def test_a_gold_answer_nobody_gave_is_a_choice(tmp_path: Path) -> None:
    items = read(put(tmp_path, "f.csv", "item,annotator,label,gold\n1,x,no,yes\n"))[0].items
    assert items.choices(0) == ("no", "yes")
    assert items.gold.tolist() == [1]


def test_gold_is_read_as_the_labels_of_its_task(tmp_path: Path) -> None:
    """Ratings 1 to 3 are texts because of the 3; gold in 1 and 2 alone would fit as a code too."""
    lines = ["item,annotator,label,gold", "1,ann,3,2", "2,ann,1,1", "2,bob,2,1"]
    (tmp_path / "f.csv").write_text("\n".join(lines))
    annotations, _ = read(tmp_path / "f.csv", policy=Policy(choices=("1", "2", "3")))
    assert annotations.items.gold.tolist() == [1, 0]
