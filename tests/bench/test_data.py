"""Items of a cell: bundled, from files, from rows of the hub. Oracle: rows written by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from crowdtune.bench.data import load_split, missing, source
from crowdtune.bench.grid import Cell
from crowdtune.bench.hub import HUB, from_hub, read_rows
from crowdtune.errors import InputError


def put(path: Path, splits: list[str], task: str = "quiz") -> Path:
    """Questions of three choices each, the answer a letter."""
    rows = [
        {
            "id": f"q{i}",
            "task": task,
            "prompt": f"which {i}?",
            "choices": [f"a{i}", f"b{i}", f"c{i}"],
            "answer": "ABC"[i % 3],
            "split": split,
        }
        for i, split in enumerate(splits)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_bundled_items_are_the_same_for_every_seed_and_never_in_both_parts() -> None:
    first = load_split(Cell("grades", "", seed=0, trained=30, held_out=40), {})
    second = load_split(Cell("grades", "", seed=1, trained=30, held_out=40), {})
    assert [list(part.ids) for part in first] == [list(part.ids) for part in second]
    assert [len(part) for part in first] == [30, 40]
    assert not set(first[0].ids) & set(first[1].ids)


def test_a_files_own_split_is_kept(tmp_path: Path) -> None:
    path = put(tmp_path / "quiz.jsonl", ["train"] * 8 + ["dev"] * 4)
    train, test = load_split(Cell("quiz", ""), {"quiz": path})
    assert (len(train), len(test)) == (8, 4)
    assert train.gold.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert train.choices(1) == ("a1", "b1", "c1")


def test_a_file_with_one_split_is_cut_at_random(tmp_path: Path) -> None:
    path = put(tmp_path / "quiz.jsonl", ["train"] * 20)
    train, test = load_split(Cell("quiz", "", trained=10), {"quiz": path})
    assert (len(train), len(test)) == (10, 4)
    assert not set(train.ids) & set(test.ids)
    with pytest.raises(InputError, match="17 items were asked for, the data set has 16 in that split"):
        load_split(Cell("quiz", "", trained=17), {"quiz": path})


def test_several_data_sets_are_tasks_of_one(tmp_path: Path) -> None:
    paths = {name: put(tmp_path / f"{name}.jsonl", ["train"] * 3 + ["test"] * 2) for name in ("one", "two")}
    train, test = load_split(Cell("one+two", ""), paths)
    assert list(train.tasks) == ["one", "two"]
    assert train.task.tolist() == [0, 0, 0, 1, 1, 1]
    assert list(train.ids[:1]) == ["one:q0"]
    assert [train.choices(i) for i in (1, 4)] == [("a1", "b1", "c1")] * 2
    assert train.gold.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(test) == 4


ROWS = {
    "arc": {"question": "why?", "choices": {"label": ["1", "2"], "text": ["so", "because"]}, "answerKey": "2"},
    "obqa": {"question_stem": "why?", "choices": {"label": ["A", "B"], "text": ["so", "because"]}, "answerKey": "B"},
    "riddlesense": {"question": "why?", "choices": {"label": ["A", "B"], "text": ["so", "because"]}, "answerKey": "B"},
    "piqa": {"goal": "why?", "sol1": "so", "sol2": "because", "label": 1},
    "pubmedqa": {"question": "why?", "context": {"contexts": ["As", "is."]}, "final_decision": "no"},
    "mmlu": {"question": "why?", "choices": ["so", "because"], "answer": 1},
    "fpb": {"sentence": "why?", "label": 1},
}
CHOICES = {"pubmedqa": ("yes", "no", "maybe"), "fpb": ("negative", "neutral", "positive")}


@pytest.mark.parametrize("name", sorted(HUB.keys() - {"drop"}))
def test_rows_of_the_hub(name: str) -> None:
    items = read_rows(HUB[name], [("train", ROWS[name])])
    assert items.prompts == ["As is.\nwhy?" if name == "pubmedqa" else "why?"]
    assert items.choices(0) == CHOICES.get(name, ("so", "because"))
    assert (items.gold.tolist(), list(items.splits)) == ([1], ["train"])


def test_spans_are_chosen_among_other_answers_on_the_same_passage() -> None:
    """Two of three questions on a passage have the same answer; one alone on another has no wrong choice."""
    told = [("P", "who?", ["Ann"]), ("P", "when?", ["1900", "now"]), ("P", "she?", ["Ann"]), ("Q", "what?", ["it"])]
    rows = [("train", {"passage": p, "question": q, "answers_spans": {"spans": spans}}) for p, q, spans in told]
    items = read_rows(HUB["drop"], rows)
    assert items.prompts == ["P\nwho?", "P\nwhen?", "P\nshe?"]
    assert [items.text(i, int(gold)) for i, gold in enumerate(items.gold)] == ["Ann", "1900", "Ann"]
    assert {items.choices(i) for i in range(3)} == {("1900", "Ann")}


def test_hidden_answers_are_unknown() -> None:
    assert read_rows(HUB["riddlesense"], [("test", ROWS["arc"] | {"answerKey": ""})]).gold.tolist() == [-1]
    assert read_rows(HUB["piqa"], [("test", ROWS["piqa"] | {"label": -1})]).gold.tolist() == [-1]


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^data set 'trivia' is unknown. Name its file: --data trivia=FILE\.$"):
        missing(["arc+trivia", "words"], {})
    with pytest.raises(
        InputError, match=r"^data sets a, b are unknown\. Name their files: --data a=FILE --data b=FILE\.$"
    ):
        missing(["b", "c+a"], {"c": tmp_path})
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install datasets\. Or name a local file: --data arc=FILE"):
        from_hub("arc")
    (tmp_path / "bare.jsonl").write_text('{"id": "1", "prompt": "x", "choices": ["a", "b"]}\n')
    with pytest.raises(InputError, match="has no item with a gold answer"):
        load_split(Cell("bare", ""), {"bare": tmp_path / "bare.jsonl"})


def test_the_source_is_the_content(tmp_path: Path) -> None:
    path = put(tmp_path / "quiz.jsonl", ["train"] * 3)
    before = source("quiz", {"quiz": path})
    put(path, ["train"] * 4)
    assert before != source("quiz", {"quiz": path})
    assert source("arc", {}) == "allenai/ai2_arc"
    assert source("words", {}) == ""
