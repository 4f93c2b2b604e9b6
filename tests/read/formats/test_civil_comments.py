"""Oracle: rows in the shapes of the competition's file and of the public data set, worked out by hand."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings

from crowdtune import Policy, read
from crowdtune.read.formats.civil_comments import ODD, UNEVEN
from tests.crowds import put
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, try_reading

COUNTED = (
    "id,target,comment_text,severe_toxicity,insult,male,created_date,identity_annotator_count,toxicity_annotator_count\n"
    "59848,0.0,so cool,0.0,0.0,,2015-09-29,0,4\n"
    "59852,0.893617,haha you guys,0.021277,0.872340,0.0,2015-09-29,4,47\n"
    "59859,0.833333,oh,0.0,0.166667,,2015-09-29,0,6\n"
)
SHARES = (
    "text,toxicity,severe_toxicity,obscene,threat,insult,identity_attack,sexual_explicit\n"
    "so cool,0.3,0.0,0,0,0.1,0,0\nhm,0.5,0.0,0,0,0,2,0\n"
)
SAMPLES = {
    "civil-comments counted": ("train.csv", COUNTED),
    "civil-comments shares": ("civil_comments.csv", SHARES),
}


def test_shares_times_annotators_are_counts(tmp_path: Path) -> None:
    """42 of 47 annotators is .893617; 41 of 47 .872340; 5 of 6 .833333."""
    annotations, report = read(put(tmp_path, "f.csv", COUNTED), policy=Policy(questions=("toxicity",)))
    assert annotations.items.common_choices == ("no", "yes")
    assert annotations.counts.tolist() == [[4, 0], [5, 42], [1, 5]]  # type: ignore[union-attr]
    assert annotations.items.prompts == ["so cool", "haha you guys", "oh"]
    assert annotations.items.ids == ["59848", "59852", "59859"]
    assert not report.notes[UNEVEN]
    assert "male" in report.ignored
    annotations, _ = read(put(tmp_path, "f.csv", COUNTED))
    assert list(annotations.items.tasks) == ["toxicity", "severe_toxicity", "insult"]
    found = dict(zip(annotations.items.ids, annotations.counts.tolist(), strict=True))  # type: ignore[union-attr]
    assert (found["59852/insult"], found["59852/severe_toxicity"], found["59859/insult"]) == ([6, 41], [46, 1], [5, 1])


def test_shares_alone_are_soft_labels(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", SHARES))
    found = dict(zip(annotations.items.ids, annotations.soft.tolist(), strict=True))  # type: ignore[union-attr]
    assert annotations.counts is None
    assert (found["2/toxicity"], found["2/insult"]) == ([0.7, 0.3], [0.9, 0.1])
    assert found["3/identity_attack"] == [0, 0]
    assert report.notes[ODD] == 1


def test_a_share_of_no_whole_number_is_said(tmp_path: Path) -> None:
    row = "1,0.4,t,0,0,,2015,0,3\n"
    annotations, report = read(put(tmp_path, "f.csv", COUNTED.split("\n")[0] + "\n" + row))
    assert report.notes[UNEVEN] == 1
    assert annotations.counts.tolist()[0] == [2, 1]  # type: ignore[union-attr]


@settings(bounded, max_examples=50)
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    for text in (COUNTED, SHARES):
        try_reading("f.csv", shaken_csv(text, changes))
