"""Oracle: crowds small enough to know what must be said of them, and the promises of a run folder."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from crowdtune import InputError
from crowdtune.annotations import Annotations
from crowdtune.audit import Audit, audit, write_audit
from crowdtune.runs import Run
from tests.audit.planted import clean, planted
from tests.crowds import crowd, from_table, make_items, with_choices

GOOD = [[i % 2] * 4 for i in range(40)]


def said(found: Audit) -> str:
    return "\n".join(warning.what for warning in found.warnings)


@pytest.fixture(scope="module")
def made() -> Annotations:
    return planted(np.random.default_rng(0))


@pytest.fixture(scope="module")
def folder(made: Annotations, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("audit") / "run"
    return write_audit(audit(made), made, out, origin={"source": "crowd.csv"})


def test_the_folder_is_a_finished_run_without_a_model(folder: Run, made: Annotations) -> None:
    assert folder.finished
    names = {"config.json", "annotators.csv", "confusions.json", "items.parquet", "results.json"}
    assert {path.name for path in folder.folder.iterdir()} == names
    assert folder.config["method"] == "audit"
    assert folder.config["data"] == {"source": "crowd.csv", "items": 1500, "labels": len(made), "annotators": 66}
    ids, posterior, reliability, labels = folder.beliefs()
    assert (len(ids), posterior.shape, len(reliability), labels.sum()) == (1500, (1500, 3), 66, len(made))


def test_results_keep_what_was_agreed(folder: Run, made: Annotations) -> None:
    found = folder.results
    assert (found["method"], found["labels"], found["items"], found["annotators"]) == ("audit", len(made), 1500, 66)
    assert found["aggregator"] in found["why"]
    assert set(found["verdict"]) >= {"status", "words", "by", "camps", "gold_needed", "before_training"}
    assert all(set(warning) == {"what", "items", "annotators"} for warning in found["warnings"])
    (task,) = found["tasks"]
    assert (task["task"], task["kind"], task["choices"], task["items"]) == ("t0", "choice", ["c0", "c1", "c2"], 1500)
    assert [row["key"] for row in task["agreement"]] == ["alpha", "ac1", "fleiss", "cohen", "raw"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in task["agreement"])
    assert sum(row["labels"] for row in task["balance"]) == len(made)
    np.testing.assert_allclose([sum(row[key] for row in task["balance"]) for key in ("share", "expected")], 1)
    np.testing.assert_allclose(np.sum(task["confusion"], axis=1), 1)


def test_annotators_are_read_as_they_were_written(folder: Run, made: Annotations) -> None:
    columns = "annotator,labels,reliability,accuracy,thin,reliability_low,reliability_high,agreement,seconds,bias,flags"
    assert (folder.folder / "annotators.csv").read_text().splitlines()[0] == f"{columns},pseudonym"
    read = folder.annotators
    assert all(row.pop("pseudonym").startswith("a-") for row in read)
    assert read == audit(made).annotators


def test_confusions_are_of_those_with_most_labels(folder: Run) -> None:
    (task,) = json.loads((folder.folder / "confusions.json").read_text())
    assert len(task["annotators"]) == 40
    assert "new" not in task["annotators"]
    np.testing.assert_allclose(np.sum(task["annotators"]["always"], axis=1), 1, atol=1e-3)
    assert np.array(task["annotators"]["always"])[:, 1].min() > 0.9


def test_items_have_their_votes_and_what_looks_wrong(folder: Run, made: Annotations) -> None:
    table = pq.read_table(folder.folder / "items.parquet").to_pydict()
    assert set(table) >= {"item", "label", "posterior", "entropy", "task", "prompt", "gold", "votes", "error"}
    assert table["votes"] == made.votes.tolist()
    assert table["gold"][0] == made.items.text(0, int(made.items.gold[0]))


def test_a_folder_in_use_is_refused(folder: Run, made: Annotations) -> None:
    with pytest.raises(InputError, match="already holds a finished run"):
        write_audit(audit(from_table(GOOD)), from_table(GOOD), folder.folder)


def test_the_same_twice() -> None:
    made = clean(np.random.default_rng(0), 20, 200)
    first, second = (msgspec.json.encode(audit(made, seed=4).results()) for _ in range(2))
    assert first == second


def test_gold_that_the_labels_contradict() -> None:
    """Item 3 has gold 0, four say 1; item 4 too, with one label: that is not enough to say so."""
    table = [*GOOD[:4], [1, -1, -1, -1], *GOOD[5:]]
    gold = [row[0] for row in table]
    gold[3] = gold[4] = 0
    found = audit(from_table(table, gold))
    assert [(e.item, e.gold) for e in found.errors] == [("i3", True)]
    assert "gold may be wrong: it says 'c0', the annotators 'c1'" in found.errors[0].what
    assert "on 1 of 40 items with gold the labels contradict it" in said(found)


def test_reliability_overrules_a_vote() -> None:
    """Three guessers against two who are always right: on some items two outvote three; surest first."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    table = np.column_stack([truth, truth, *rng.integers(2, size=(3, 200))])
    found = audit(from_table(table.tolist()))
    outvoted = {f"i{i}" for i in np.flatnonzero((table[:, 2:] == 1 - truth[:, None]).all(axis=1))}
    assert {e.item for e in found.errors} == outvoted
    assert all(f"({3} of 5 labels), weighed by reliability it is" in e.what for e in found.errors)
    assert [e.probability for e in found.errors] == sorted((e.probability for e in found.errors), reverse=True)


TRIPLES = [(i, j, 1) for i in range(40) for j in range(3)]
CASES: list[tuple[Annotations, str]] = [
    (from_table([[i % 2] for i in range(30)]), "there is one annotator: nobody to compare with"),
    (from_table([[i % 2, -1] if i < 9 else [-1, i % 2] for i in range(30)]), "every item has one label"),
    (from_table([[i % 2, i % 2, -1] if i else [-1, -1, 0] for i in range(30)]), "no item in common with others: 1 ann"),
    (from_table([[i % 2, i % 2] for i in range(30)]), "no item has more than two labels"),
    (from_table([*GOOD, [1, -1, -1, -1]]), "one label, taken at its word: 1 of 41 items"),
    (from_table([*GOOD, [0, 0, 1, 1]]), "tied vote: 1 of 41 items"),
    (from_table([*GOOD, [-1] * 4]), "no label: 1 of 41 items"),
    (from_table(GOOD), "no item has gold: nothing here is checked"),
    (from_table(GOOD, [0] + [-1] * 39), "1 item with gold: nothing here is checked"),
    (from_table([[0] * 4] * 90 + [[1] * 4] * 10), "90% of the labels say 'c0': look at how often the rare"),
    (from_table([[0, 0, 0]] * 90 + [[0, 0, 1], [1, 0, 0], [0, 1, 0]] * 5), "Read AC1 (0.9"),
    (
        crowd(with_choices([("a", "b"), ("x", "y", "z")] * 20, [-1] * 40), TRIPLES),
        "items have different choices",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("annotations", "sentence"), CASES, ids=[sentence[:24] for _, sentence in CASES])
def test_what_limits_a_crowd_is_said(annotations: Annotations, sentence: str) -> None:
    assert sentence in said(audit(annotations))


def test_no_limit_is_said_without_cause() -> None:
    """40 items with gold, even choices, four who agree."""
    found = audit(from_table(GOOD, [row[0] for row in GOOD]))
    assert found.warnings == []
    assert found.in_words[0].startswith("Trust these labels: alpha 1.00")


def test_items_and_annotators_concerned_are_named() -> None:
    found = audit(from_table([*GOOD, [0, 0, 1, 1], [-1] * 4]))
    named = {warning.what.split(":")[0]: warning.items for warning in found.warnings}
    assert (named["tied vote"], named["no label"]) == (["i40"], ["i41"])


def test_two_camps_are_not_resolved_and_gold_decides() -> None:
    """Three say the opposite of the other three: nothing but gold can tell, and no model is spoken of."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    flips = rng.random((200, 6)) < 0.1
    table = np.where(flips, 1 - truth[:, None], truth[:, None])
    table[:, 3:] = 1 - table[:, 3:]
    found = audit(from_table(table.tolist()))
    assert found.verdict.status == "ambiguous"
    assert found.in_words[0].startswith("Do not trust these labels yet")
    assert "2 camps contradict each other" in found.verdict.words
    assert "untrained model" not in found.verdict.words
    assert found.warnings[0].what == found.verdict.words
    decided = audit(from_table(table.tolist(), truth.tolist()))
    assert (decided.verdict.status, decided.verdict.by) == ("resolved", "gold")


def test_nobody_agrees_with_anybody() -> None:
    rng = np.random.default_rng(0)
    found = audit(from_table(rng.integers(3, size=(100, 4)).tolist(), k=3))
    assert found.verdict.status != "resolved"
    assert found.in_words[0].startswith("Do not trust these labels yet")


def test_each_task_is_measured_by_itself() -> None:
    items = make_items([-1] * 60, task=[0] * 30 + [1] * 30)
    triples = [(i, j, (i + j * (i >= 30)) % 2) for i in range(60) for j in range(3)]
    found = audit(crowd(items, triples))
    raw = {t["task"]: next(a["value"] for a in t["agreement"] if a["key"] == "raw") for t in found.tasks}
    assert raw == {"t0": 1, "t1": pytest.approx(1 / 3)}
    assert [c["task"] for c in found.confusions] == ["t0", "t1"]


def test_free_texts() -> None:
    made = crowd(with_choices([("a", "b"), ("x",)] * 10, [-1] * 20), [(i, j, 0) for i in range(20) for j in range(3)])
    found = audit(replace(made, items=replace(made.items, kinds=("text",))))
    (task,) = found.tasks
    assert (task["choices"], task["balance"], task["confusion"]) == (None, [], None)
    assert [row["key"] for row in task["agreement"]] == ["raw"]


@pytest.mark.parametrize("name", ["majority", "one-coin"])
def test_the_aggregator_can_be_named(name: str) -> None:
    found = audit(from_table(GOOD), aggregator=name)
    assert found.aggregator == name
    assert all(0 < row["reliability_low"] < row["reliability_high"] <= 1 for row in found.annotators)


def test_without_labels_there_is_nothing_to_audit() -> None:
    with pytest.raises(InputError, match="there is no label by an annotator"):
        audit(from_table([[-1, -1]]))
