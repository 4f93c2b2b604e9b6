"""Oracle: records in the shape the data set's own page shows, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from crowdtune import read
from crowdtune.metrics.distances import js_distance
from crowdtune.read.formats.chaosnli import VOTE
from tests.crowds import put
from tests.read.formats._samples import jsonl
from tests.read.formats.shaken import Edit, bounded, edits, shaken_json, try_reading


def nli(uid: str, counter: dict[str, int], old: str, source: str = "mnli_agree_3") -> dict[str, Any]:
    return {
        "uid": uid, "label_counter": counter, "majority_label": max(counter, key=lambda k: counter[k]),
        "label_dist": [counter.get(k, 0) / 100 for k in "enc"], "label_count": [counter.get(k, 0) for k in "enc"],
        "entropy": 0.5, "old_label": old, "old_labels": ["neutral", "entailment"],
        "example": {"uid": uid, "premise": f"p {uid}", "hypothesis": f"h {uid}", "source": source},
    }  # fmt: skip


RECORDS = [
    nli("1e", {"e": 76, "n": 20, "c": 4}, "n"),
    nli("2n", {"n": 30, "e": 70}, "e", "snli_agree_2"),
    nli("3c", {"c": 100}, "c"),
]
ABDUCTIVE = [
    {
        "uid": "a1", "label_counter": {"2": 9, "1": 91}, "majority_label": 1, "label_dist": [0.91, 0.09],
        "label_count": [91, 9], "entropy": 0.43, "old_label": 1,
        "example": {"uid": "a1", "obs1": "She went out.", "obs2": "She came back.", "hyp1": "It rained.",
                    "hyp2": "She lost a shoe.", "source": "abdnli_dev"},
    },
    {
        "uid": "a2", "label_counter": {"1": 40, "2": 60}, "majority_label": 2, "old_label": 2,
        "example": {"uid": "a2", "obs1": "x", "obs2": "y", "hyp1": "same", "hyp2": "same", "source": "abdnli_dev"},
    },
]  # fmt: skip
SAMPLES = {
    "chaosnli nli": ("chaosNLI_mnli_m.jsonl", jsonl(RECORDS)),
    "chaosnli abductive": ("chaosNLI_alphanli.jsonl", jsonl(ABDUCTIVE)),
}


def test_letters_become_choices_in_one_order(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.jsonl", jsonl(RECORDS)))
    items = annotations.items
    assert items.common_choices == ("entailment", "neutral", "contradiction")
    assert annotations.counts.tolist() == [[76, 20, 4], [70, 30, 0], [0, 0, 100]]  # type: ignore[union-attr]
    assert items.gold.tolist() == [1, 0, 2]
    assert items.prompts[0] == "Premise: p 1e\nHypothesis: h 1e\nDoes the premise entail the hypothesis?"
    assert [items.tasks[m] for m in items.task] == ["mnli", "snli", "mnli"]
    assert (len(annotations), report.notes[VOTE]) == (0, 3)


@pytest.mark.parametrize("names", [("e", "n", "c"), ("entailment", "neutral", "contradiction")])
def test_sentences_beside_the_counts(tmp_path: Path, names: tuple[str, ...]) -> None:
    e, n, c = names
    rows = [
        {"id": "1", "premise": "p 1", "hypothesis": "h 1", "label_counter": {e: 7, n: 2, c: 1}, "old_label": "n"},
        {"id": "2", "premise": "p 2", "hypothesis": "h 2", "label_counter": {c: 10}, "old_label": "c"},
    ]
    annotations, report = read(put(tmp_path, "f.jsonl", jsonl(rows)))
    items = annotations.items
    assert (report.shape, items.ids) == ("chaosnli", ["1", "2"])
    assert items.common_choices == ("entailment", "neutral", "contradiction")
    assert annotations.counts.tolist() == [[7, 2, 1], [0, 0, 10]]  # type: ignore[union-attr]
    assert items.gold.tolist() == [1, 2]
    assert items.prompts[1] == "Premise: p 2\nHypothesis: h 2\nDoes the premise entail the hypothesis?"


def test_other_choices_are_another_s(tmp_path: Path) -> None:
    row = {"id": "1", "premise": "p", "hypothesis": "h", "label_counter": {"yes": 7, "no": 2}}
    assert read(put(tmp_path, "f.jsonl", jsonl([row])))[1].shape == "items"


def test_explanations_are_the_choices(tmp_path: Path) -> None:
    annotations, _ = read(put(tmp_path, "f.jsonl", jsonl(ABDUCTIVE)))
    items = annotations.items
    assert [items.choices(i) for i in range(2)] == [("It rained.", "She lost a shoe."), ("1", "2")]
    assert annotations.counts.tolist() == [[91, 9], [40, 60]]  # type: ignore[union-attr]
    assert items.gold.tolist() == [0, 1]
    assert items.prompts[0] == "First: She went out.\nLast: She came back.\nWhat happened in between?"


DATA = Path(__file__).parents[4] / "shared" / "data" / "crowd"


@pytest.mark.parametrize(("name", "size", "distance"), [("snli", 1514, 0.3829), ("mnli_m", 1599, 0.3022)])
def test_the_uniform_prediction_scores_as_published(name: str, size: int, distance: float) -> None:
    """The mean Jensen-Shannon distance (natural logarithm) that the data set's authors give for chance."""
    path = DATA / f"chaosnli_{name}.counts.jsonl.gz"
    if not path.exists():
        pytest.skip("ChaosNLI is not in ../shared/data/crowd")
    annotations, _ = read(path)
    shares = annotations.all_votes / annotations.all_votes.sum(axis=1, keepdims=True)
    assert len(shares) == size
    assert round(float(js_distance(shares, np.full_like(shares, 1 / 3), base=np.e).mean()), 4) == distance


@bounded
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    rows = shaken_json([*RECORDS, *ABDUCTIVE], changes)
    try_reading("f.jsonl", "\n".join(map(json.dumps, rows)))
