"""Oracle: what was decided, read back from every file; tables counted by hand."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections import Counter
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune import InputError, Items, Policy, read
from crowdtune.denoise.decide import Deciding, Judged, decide
from crowdtune.denoise.decision import RULES, Decision, told
from crowdtune.denoise.output import cleaned, labelled, write_clean
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Cut
from crowdtune.denoise.table import ALL, COLUMNS, cells, outcome_rows, rule_counts
from crowdtune.methods._plan import Anchor
from crowdtune.methods.soft import Soft
from crowdtune.write.labelled import label_table
from tests.crowds import gold_texts, make_items, said, with_choices

CHOICES = ("no", "yes", "maybe")
# kept no, relabelled no -> yes, soft (yes most probable), soft tie, dropped, unlabelled -> maybe
POSTERIOR = np.array(
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.38, 0.52, 0.1], [0.45, 0.45, 0.1], [0.34, 0.33, 0.33], [0, 0, 1.0]]
)
GIVEN = np.array([0, 0, 0, 2, 1, -1])


def made(**changes: Any) -> tuple[Items, list[Decision]]:
    items = replace(make_items([0, 1, -1, 2, 1, 2], CHOICES), **{"splits": ["train"] * 5 + ["dev"]} | changes)
    return items, decide(Judged(POSTERIOR, GIVEN, np.full(6, 3)), Deciding(margin=0.3, flat=0.95))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_what_is_left_and_how_it_is_labelled() -> None:
    items, decisions = made()
    assert [d.outcome for d in decisions] == ["keep", "relabel", "soft", "soft", "drop", "relabel"]
    left = cleaned(items, decisions)
    assert said(left) == {(f"i{i}", "cleaned", x) for i, x in [(0, "no"), (1, "yes"), (2, "yes"), (5, "maybe")]}
    assert left.items.ids == ["i0", "i1", "i2", "i3", "i5"]
    soft = np.zeros((5, 3))
    soft[2:4] = POSTERIOR[2:4]
    np.testing.assert_allclose(left.soft, soft)
    found = labelled(items, decisions)
    assert found.label.tolist() == [0, 1, 1, -1, 2]
    np.testing.assert_allclose(found.probability, [0.8, 0.8, 0.52, 0.45, 1.0])
    with pytest.raises(ValueError, match="a decision is needed for each of 6 items"):
        cleaned(items, decisions[1:])


def test_soft_labels_sum_to_one_where_nobody_may_be_right() -> None:
    """Of free texts a part of the posterior is of answers nobody gave; 0.4 and 0.2 are 2/3 and 1/3 of the rest."""
    items = make_items([-1, -1], CHOICES)
    left = cleaned(
        items, [Decision(i, "soft", 0, 0, p, 0.2, "close") for i, p in enumerate([(0.4, 0.2, 0), (1, 0, 0)])]
    )
    np.testing.assert_allclose(left.soft, [[2 / 3, 1 / 3, 0], [1, 0, 0]])


def test_the_reviewers_label_has_the_posteriors_probability() -> None:
    """As the paper does, against the posterior; and where there is no posterior a weight of 1."""
    items = make_items([-1, -1], CHOICES)
    judged = Judged(
        np.array([[0.8, 0.1, 0.1], [0, 0, 0]]),
        np.array([0, 0]),
        np.full(2, 3),
        review=np.array([1, 1]),
        experts=np.array([[2, 2]]),
    )
    found = labelled(items, decide(judged, Deciding(way="checker")))
    assert (found.label.tolist(), found.probability.tolist()) == ([1, 1], [0.1, 1.0])
    table = label_table(found.annotations, found.posterior, found.method, found.decided)
    assert (table["label"], table["probability"]) == (["yes", "yes"], [0.1, 1.0])


def test_every_file_says_the_same(tmp_path: Path) -> None:
    items, decisions = made()
    opinions = {"direct": [Opinion("no", (1.0, 0.0, 0.0), "half \ud800", 0.0, "entropy of choices")] + [None] * 5}
    decisions = told(decisions, opinions, np.array([nan, 0.4, 0.5, nan, nan, nan]), ["entropy of choices"] * 6)
    cut = Cut("entropy of choices", 3, 1, 1, 0.7, 0)
    summary = write_clean(
        tmp_path / "clean", items, decisions, to=["trl-sft", "labels", "trl-dpo"], cuts=[cut], facts={"seconds": 3}
    )
    folder, left = tmp_path / "clean", cleaned(items, decisions)
    for source in (folder, folder / "labels.jsonl"):
        again, report = read(source)
        assert said(again) == said(left)
        assert gold_texts(again.items) == gold_texts(left.items)
        assert again.items.splits == left.items.splits
        assert again.traits == {"kind": ["model"]}
        np.testing.assert_allclose(again.soft, left.soft)
        assert not report.notes
        plan = Soft().plan(again, Anchor(np.log(np.full((5, 3), 1 / 3)), np.zeros((5, 1), np.float32)))
        expected = [[1, 0, 0], [0, 1, 0], POSTERIOR[2], POSTERIOR[3], [0, 0, 1]]
        np.testing.assert_allclose(plan.examples.targets, expected)
        assert plan.examples.weights.tolist() == [1] * 5
    rows = lines(folder / "decisions.jsonl")
    assert [(r["item"], r["outcome"], r["given"], r["label"]) for r in rows] == [
        ("i0", "keep", "no", "no"),
        ("i1", "relabel", "no", "yes"),
        ("i2", "soft", "no", "yes"),
        ("i3", "soft", "maybe", None),
        ("i4", "drop", "yes", None),
        ("i5", "relabel", None, "maybe"),
    ]
    assert rows[0]["experts"] == {
        "direct": {
            "answer": "no",
            "shares": [1, 0, 0],
            "reason": "half ?",
            "uncertainty": 0,
            "measure": "entropy of choices",
        }
    }
    assert all(r["because"] == RULES[r["rule"]] for r in rows)
    assert [r["uncertainty"] for r in rows] == [None, 0.4, 0.5, None, None, None]
    np.testing.assert_allclose([r["posterior"] for r in rows], POSTERIOR)
    assert json.loads((folder / "summary.json").read_text()) == json.loads(json.dumps(summary))
    assert summary["outcomes"] == {"kept": 1, "relabelled": 2, "softened": 2, "dropped": 1}
    assert (summary["left"], summary["seconds"], summary["selection"][0]["wrong"]) == (5, 3, 0.7)
    assert summary["formats"]["trl-sft"] == {
        "path": "trl-sft",
        "rows": 4,
        "left_out": summary["formats"]["trl-sft"]["left_out"],
    }
    assert sum(summary["formats"]["trl-sft"]["left_out"].values()) == 1  # the tie
    assert (folder / "labels.csv").exists()
    assert "trl-dpo needs comparisons" in summary["formats"]["trl-dpo"]["why"]
    readme = (folder / "README.md").read_text()
    for name in ("decisions.jsonl", "labels.jsonl", "summary.json", "items.parquet", "`trl-sft`", "trl-dpo was not"):
        assert name in readme
    with pytest.raises(InputError, match="is not empty"):
        write_clean(folder, items, decisions)
    with pytest.raises(InputError, match="unknown format 'trl-stf'"):
        write_clean(tmp_path / "other", items, decisions, to=["trl-stf"])
    assert not (tmp_path / "other").exists()


def test_nothing_is_left(tmp_path: Path) -> None:
    items = make_items([0, 1])
    flat = decide(Judged(np.full((2, 2), 0.5), np.array([-1, -1]), np.full(2, 2)))
    summary = write_clean(tmp_path / "clean", items, flat, to=["trl-sft"])
    assert (summary["left"], summary["formats"]["trl-sft"]["path"]) == (0, None)
    assert len(lines(tmp_path / "clean" / "decisions.jsonl")) == 2


def test_written_answers(tmp_path: Path) -> None:
    """Items of kind text: choices are the answers given; a kept, a relabelled and a dropped one."""
    sets = [("It is.", "It was."), ("Never\n\x00", "\u2028Always"), ("Only",)]
    items = replace(with_choices(sets, [0, -1, -1]), kinds=["text"])
    posterior = np.array([[0.9, 0.1], [0.1, 0.9], [1.0, 0]])
    decisions = decide(Judged(posterior, np.array([0, 0, 0]), np.array([2, 2, 1])))
    write_clean(tmp_path / "clean", items, decisions, to=["trl-sft"])
    for source in (tmp_path / "clean", tmp_path / "clean" / "labels.jsonl"):
        again, _ = read(source)
        assert said(again) == {
            ("i0", "cleaned", "It is."),
            ("i1", "cleaned", "\u2028Always".strip()),
            ("i2", "cleaned", "Only"),
        }
        assert set(again.items.kinds) == {"text"}


hostile = st.text(st.sampled_from("aÅ \n\r\t\"'\\,|\x00\u0301\u2028\u0085\ufeff🙂\u202e{}[]"), max_size=8)
bounded = settings(deadline=None, max_examples=8, derandomize=True, database=None)


@bounded
@given(prompts=st.lists(hostile, min_size=4, max_size=4), names=st.lists(hostile, min_size=6, max_size=6))
def test_hostile_texts_come_back(prompts: list[str], names: list[str]) -> None:
    """Ids and choices as reading makes them: Unicode NFC without outer blanks, different from each other."""
    unlike = [unicodedata.normalize("NFC", f"{n}x{text}".strip()) for n, text in enumerate(names)]
    items = replace(make_items([0, 1, -1, 0], unlike[:2]), ids=[*unlike[2:]], prompts=[f"{p}." for p in prompts])
    posterior = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    decisions = told(
        decide(Judged(posterior, np.zeros(4, dtype=int), np.full(4, 2))),
        {"any": [Opinion(prompts[0], (), prompts[1] + "\udfff")] * 4},
    )
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there) / "clean"
        write_clean(folder, items, decisions, to=["llamafactory"])
        left = cleaned(items, decisions)
        for source in (folder, folder / "labels.jsonl"):
            again, _ = read(source, policy=Policy(labels="text"))
            assert said(again) == said(left)
            assert list(again.items.prompts) == list(left.items.prompts)
        assert [row["text"] for row in lines(folder / "decisions.jsonl")] == items.prompts


def test_rows_by_hand() -> None:
    items, decisions = made()
    rows = outcome_rows(items, decisions)
    assert [(r["given"], r["items"], r["kept"], r["relabelled"], r["softened"], r["dropped"]) for r in rows] == [
        ("no", 3, 1, 1, 1, 0),
        ("yes", 1, 0, 0, 0, 1),
        ("maybe", 1, 0, 0, 1, 0),
        ("(no label)", 1, 0, 1, 0, 0),
        (ALL, 6, 1, 2, 2, 1),
    ]
    assert [r["after"] for r in rows] == [1, 2, 1, None, None]
    assert rows[0]["rules"] == {"probable": 1, "ahead": 1, "close": 1}
    assert rows[0]["kept_share"] == pytest.approx(1 / 3)
    assert cells(rows[1]) == ["yes", "1", "0 (0.0%)", "0 (0.0%)", "0 (0.0%)", "1 (100.0%)", "2", "flat 1"]
    assert len(cells(rows[0])) == len(COLUMNS)
    assert list(rule_counts(decisions)) == ["ahead", "close", "probable", "flat"]
    assert outcome_rows(make_items([]), []) == [
        {"given": ALL, "items": 0, "kept": 0, "relabelled": 0, "softened": 0, "dropped": 0}
        | {f"{word}_share": 0 for word in ("kept", "relabelled", "softened", "dropped")}
        | {"after": None, "rules": {}}
    ]


def test_rows_of_tasks_and_of_choices_that_differ() -> None:
    items = with_choices([("a", "b"), ("c", "d")], [0, 1])
    decisions = decide(Judged(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 0]), np.full(2, 2)))
    (row,) = outcome_rows(items, decisions)
    assert (row["given"], row["kept"], row["relabelled"], "task" in row) == (ALL, 1, 1, False)
    both = replace(make_items([0, 1], task=[0, 1]), tasks=["wet", "cold"])
    rows = outcome_rows(both, decisions)
    assert [(r["task"], r["given"], r["items"], r["after"]) for r in rows] == [
        ("wet", "no", 1, 1),
        ("cold", "no", 1, 0),
        ("cold", "yes", 0, 1),
        (ALL, ALL, 2, None),
    ]
    assert cells(rows[2])[:3] == ["cold", "yes", "0"]


def test_many_choices_share_a_row() -> None:
    rng = np.random.default_rng(0)
    names = [f"c{k}" for k in range(30)]
    items = make_items([-1] * 500, names)
    label = np.minimum(rng.geometric(0.15, size=500) - 1, 29)
    decisions = [Decision(i, "keep", int(k), int(k), (), 0.0, "unjudged") for i, k in enumerate(label)]
    rows = outcome_rows(items, decisions)
    count = Counter(label.tolist())
    assert len(rows) == 14
    assert rows[-2]["given"] == f"{len(count) - 12} others"
    assert sum(r["items"] for r in rows[:-1]) == sum(r["after"] for r in rows[:-1]) == 500
    assert {r["given"] for r in rows[:12]} == {f"c{k}" for k, _ in count.most_common(12)}
