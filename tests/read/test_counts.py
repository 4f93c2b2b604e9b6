"""Oracle: counts and shares written out by hand; counts that are none are an error, shares noted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdtune import Annotations, InputError, Policy, read
from crowdtune.aggregate import aggregator, require_for
from crowdtune.audit import audit
from crowdtune.metrics.distances import js_distance
from crowdtune.read.builder import NO_SHARES
from crowdtune.read.counts import BESIDE
from crowdtune.read.report import ReadReport
from crowdtune.write.folder import write_folder
from tests.crowds import crowd, lopsided, make_items, put, said, with_choices


def lines(tmp_path: Path, rows: list[dict[str, Any]], policy: Policy | None = None) -> tuple[Annotations, ReadReport]:
    return read(put(tmp_path, "f.jsonl", "\n".join(map(json.dumps, rows))), policy=policy)


def counts_of(annotations: Annotations) -> Any:
    return None if annotations.counts is None else annotations.counts.tolist()


def test_a_list_beside_choices(tmp_path: Path) -> None:
    """Five items in the shape of a public file of 100 answers each; entailment, neutral, contradiction."""
    given = [[30, 70, 0], [100, 0, 0], [34, 33, 33], [1, 2, 97], [50, 50, 0]]
    rows = [
        {"id": f"{n}n", "task": "nli", "prompt": f"p {n}", "choices": ["entailment", "neutral", "contradiction"],
         "counts": own, "gold": "B", "orig_labels": ["neutral"], "split": None}
        for n, own in enumerate(given)
    ]  # fmt: skip
    annotations, report = lines(tmp_path, rows)
    assert (counts_of(annotations), annotations.items.gold.tolist()) == (given, [1] * 5)
    assert (len(annotations), len(annotations.annotators), report.shape) == (0, 0, "items")
    assert report.columns["counts"] == "counts"
    assert "5 items have counts of 500 labels, annotators not named" in report.lines(annotations)
    assert any("nobody's expertise can be estimated" in line for line in report.lines(annotations))
    told = report.numbers(annotations)
    assert (told["items_with_counts"], told["unnamed_labels"], told["items_with_shares"]) == (5, 500, 0)
    assert told["items_without_label"] == 0
    # The uniform prediction on [100, 0, 0]: m = (2/3, 1/6, 1/6), JSD = (ln 3/2 + (ln 1/2 + 2 ln 2) / 3) / 2 = .318257
    distance = js_distance(annotations.all_votes / 100, np.full((5, 3), 1 / 3), base=np.e)
    assert distance[1] == pytest.approx(np.sqrt(0.3182570842), abs=1e-9)


def test_names_tell_which_is_which_and_those_that_occur_are_the_choices(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "t", "label_counter": {"n": 30, "e": 70}},
        {"id": 2, "text": "u", "label_counter": {"c": 4}},
    ]
    annotations, _ = lines(tmp_path, rows)
    assert annotations.items.choices(0) == ("c", "e", "n")
    assert counts_of(annotations) == [[0, 70, 30], [4, 0, 0]]
    wanted = Policy(choices=("entailment", "neutral"), rename={"e": "entailment", "n": "Neutral"}, abstain=("c",))
    annotations, report = lines(tmp_path, rows, wanted)
    assert counts_of(annotations) == [[70, 30], [0, 0]]
    assert report.abstentions == {"c": 4}


@pytest.mark.parametrize("name", ["counts", "label_counts", "vote_counts", "label_count", "votes", "Label_Counter"])
def test_names_of_the_column(tmp_path: Path, name: str) -> None:
    assert counts_of(lines(tmp_path, [{"id": 1, "text": "t", name: {"a": 2, "b": 1}}])[0]) == [[2, 1]]


def test_a_csv_holds_them_as_json(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", 'id,text,counts\n1,t,"{""no"": 3, ""yes"": 1}"\n2,u,\n3,v,"{""yes"": 2}"\n')
    assert counts_of(read(path)[0]) == [[3, 1], [0, 0], [0, 2]]


def test_a_name_that_is_no_choice(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "t", "choices": ["yes", "no"], "counts": {"yes": 3, "perhaps": 1}}]
    with pytest.raises(InputError, match=r"f\.jsonl row 1: label 'perhaps' is not one of the choices \(yes, no\)"):
        lines(tmp_path, rows)


def test_letters_and_codes_name_choices(tmp_path: Path) -> None:
    rows = [{"id": i, "text": "t", "choices": ["x", "y"], "counts": c} for i, c in enumerate([{"A": 3}, {"1": 2}])]
    assert counts_of(lines(tmp_path, rows)[0]) == [[3, 0], [0, 2]]


ODD = [[1], [1, 2, 3], [0.5, 0.5], [-1, 2], "many", {"yes": 1.5}, [10**18, 0], ["many", "few"], 7, "1;3", [1, "NaN"]]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_count_is_an_error_with_its_place(tmp_path: Path, odd: Any) -> None:
    row = {"text": "t", "choices": ["yes", "no"]}
    with pytest.raises(InputError) as e:
        lines(tmp_path, [row | {"id": 1, "counts": [3, 1]}, row | {"id": "2b", "counts": odd}])
    assert f"f.jsonl row 2: item '2b' has counts {str(odd)!r}" in str(e.value)
    assert "each of the 2 choices (yes, no)" in str(e.value)
    assert '"[1, 3]"' in str(e.value)
    assert "--choices" not in str(e.value)


@pytest.mark.parametrize("odd", ["many", "1;3", "yes: 3", "0.5|0.5"])
def test_a_column_of_counts_that_are_none_is_not_passed_over(tmp_path: Path, odd: str) -> None:
    with pytest.raises(InputError, match=r"f\.csv row 2: item '1' has counts '.*\"\[1, 3\]\""):
        read(put(tmp_path, "f.csv", f"id,text,choices,counts\n1,t,no|yes,{odd}\n"))


def test_counts_with_bars_are_a_list_as_choices_are(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,text,choices,counts\n1,t,no|yes,1|3\n2,u,no|yes,2 | 0\n3,v,no|yes,\n")
    annotations, report = read(path)
    assert (counts_of(annotations), report.ignored) == ([[1, 3], [2, 0], [0, 0]], [])


def test_a_number_of_answers_is_no_count_and_noted(tmp_path: Path) -> None:
    annotations, report = lines(tmp_path, [{"id": 1, "text": "t", "label_count": 5}])
    assert (annotations.counts, report.ignored) == (None, ["label_count"])
    assert dict(report.notes) == {"column 'label_count' without a number for each choice (row 1: '5'): not used": 1}


def test_a_list_without_choices_is_an_error_and_choices_mend_it(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "t", "label_count": [70, 30, 0]}]
    asks = r"f\.jsonl row 1: item '1' has counts '\[70, 30, 0\]' and no choices they are of. .* --choices"
    with pytest.raises(InputError, match=asks):
        lines(tmp_path, rows)
    assert counts_of(lines(tmp_path, rows, Policy(choices=("e", "n", "c")))[0]) == [[70, 30, 0]]


def test_two_counts_of_one_item_are_an_error(tmp_path: Path) -> None:
    row = {"id": 1, "text": "t", "choices": ["a", "b"]}
    with pytest.raises(InputError, match="item '1' has another counts than in"):
        lines(tmp_path, [row | {"counts": [1, 2]}, row | {"counts": [2, 1]}])


@pytest.mark.parametrize("name", ["posterior", "distribution", "label_distribution", "soft_label", "label_dist"])
@pytest.mark.parametrize("said", [[1, 3], {"b": 0.75, "a": 0.25}])
def test_shares_without_a_number_of_annotators(tmp_path: Path, name: str, said: Any) -> None:
    annotations, report = lines(tmp_path, [{"id": 1, "text": "t", "choices": ["a", "b"], name: said}])
    assert annotations.counts is None
    assert annotations.soft.tolist() == [[0.25, 0.75]]  # type: ignore[union-attr]
    assert "1 items have a share for each choice (a soft label)" in report.lines(annotations)
    assert not report.notes[NO_SHARES]


def test_beside_named_answers_they_are_sums_of_these(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "t", "counts": {"a": 2}, "soft_label": {"a": 1.0},
         "annotations": [{"annotator": "x", "label": "a"}, {"annotator": "y", "label": "b"}]}
    ]  # fmt: skip
    annotations, report = lines(tmp_path, rows)
    assert (annotations.counts, annotations.soft, report.notes[BESIDE]) == (None, None, 2)
    assert annotations.all_votes.tolist() == [[1, 1]]


def test_named_and_unnamed_of_two_files_are_both_kept(tmp_path: Path) -> None:
    answers = put(tmp_path, "a.csv", "id,annotator,label\n1,x,yes\n1,y,no\n")
    items = put(tmp_path, "i.jsonl", '{"id": "1", "prompt": "p", "choices": ["no", "yes"], "counts": [1, 4]}')
    annotations, _ = read(answers, items=items)
    assert annotations.votes.tolist() == [[1, 1]]
    assert annotations.all_votes.tolist() == [[2, 5]]
    assert aggregator("majority").fit(annotations).posterior.tolist() == [[0, 1]]


def test_a_folder_gives_them_back_unchanged(tmp_path: Path) -> None:
    items = with_choices([("a", "b"), ("x", "y", "z"), ("p", "q")], [0, 1, -1])
    counts = np.array([[2, 5, 0], [0, 0, 0], [1, 0, 0]])
    before = replace(crowd(items, [(0, 0, 0), (2, 0, 1)]), counts=counts)
    write_folder(before, tmp_path / "data", {})
    after, report = read(tmp_path / "data")
    assert counts_of(after) == counts.tolist()
    assert said(after) == said(before)
    assert not report.all_notes()
    assert counts_of(after.take_items(np.array([2, 0]))) == [[1, 0], [2, 5]]
    first, second = after.split(1 / 3, np.random.default_rng(0))
    assert sorted([*first.all_votes.sum(axis=1), *second.all_votes.sum(axis=1)]) == [0, 2, 8]


def test_thinning_draws_among_named_and_unnamed_alike() -> None:
    """Hypergeometric: of 6 named and 14 unnamed labels, 5 kept; named ones number 1.5 on average, s.d. .91 an item."""
    size = 2000
    named = [(i, j, j % 2) for i in range(size) for j in range(6)]
    before = replace(crowd(make_items([-1] * size), named), counts=np.tile([10, 4], (size, 1)))
    after = before.thin(5, np.random.default_rng(0))
    assert (after.all_votes.sum(axis=1) == 5).all()
    assert (after.all_votes <= before.all_votes).all()
    assert abs(len(after) / size - 1.5) < 5 * 0.91 / np.sqrt(size)
    assert after.all_votes[:, 0].sum() / (5 * size) == pytest.approx(13 / 20, abs=5 * 0.19 / np.sqrt(size))


def test_reliability_does_not_see_them() -> None:
    before = lopsided(60, np.random.default_rng(0))
    counts = np.zeros(before.items.choice_mask.shape, dtype=np.int64)
    counts[:, 2] = 50
    after = replace(before, counts=counts)
    for name in ("dawid-skene", "one-coin", "wawa", "mace"):
        np.testing.assert_array_equal(aggregator(name).fit(after).posterior, aggregator(name).fit(before).posterior)
    assert (aggregator("majority").fit(after).posterior[:, 2] == 1).all()


def test_what_needs_names_says_what_can_be_done_instead() -> None:
    unnamed = replace(crowd(make_items([0, 1]), [], 0), counts=np.array([[2, 1], [0, 3]]))
    asks = r"labels of 2 items come without their annotators.*train FILE --method shala.*evaluate"
    with pytest.raises(InputError, match=asks):
        audit(unnamed)
    with pytest.raises(InputError, match=asks):
        require_for(unnamed, "dawid-skene")
    require_for(unnamed, "majority")
    unnamed.require_answers()
    shares = replace(unnamed, counts=None, soft=np.array([[1.0, 0], [0, 0]]))
    shares.require_answers()
    assert shares.answered.tolist() == [True, False]
    with pytest.raises(InputError, match="labels of 1 items"):
        require_for(shares, "majority")
    with pytest.raises(InputError, match="there is no label by an annotator"):
        replace(unnamed, counts=None).require_answers()
