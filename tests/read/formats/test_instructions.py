"""Oracle: records of each kind of fine-tuning data, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, read
from crowdtune.read.formats.instructions import NO_ANSWER
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_json, try_reading


def talk(*turns: tuple[str, str], role: str = "role", text: str = "content") -> list[dict[str, str]]:
    return [{role: who, text: what} for who, what in turns]


ALPACA = [
    {"instruction": "Add.", "input": "2 and 2", "output": "4"},
    {"instruction": "Name a river.", "input": "", "output": "Elbe"},
]
CHAT = [
    {"messages": talk(("user", "Hi"), ("assistant", "Hello"))},
    {"messages": talk(("system", "Be short."), ("user", "Who?"), ("assistant", "Me"))},
    {"messages": talk(("user", "Nobody answers"))},
]
SAMPLES = {
    "instructions alpaca": ("alpaca.json", json.dumps(ALPACA)),
    "instructions messages": ("chat.json", json.dumps(CHAT)),
}


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_instruction_input_output(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.json", json.dumps(ALPACA)))
    assert annotations.items.prompts == ["Add.\n\n2 and 2", "Name a river."]
    assert {(who, label) for _, who, label in said(annotations)} == {("given", "4"), ("given", "Elbe")}
    assert annotations.items.kinds == ("text",)
    assert report.shape == "instructions"


def test_messages(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.jsonl", lines(CHAT)))
    assert annotations.items.prompts == ["Hi", "System: Be short.\n\nUser: Who?", "Nobody answers"]
    assert {label for _, _, label in said(annotations)} == {"Hello", "Me"}
    assert report.notes[NO_ANSWER] == 1


def test_conversations_prompts_and_whoever_is_named(tmp_path: Path) -> None:
    shared = [{"id": "a", "conversations": talk(("human", "Q"), ("gpt", "A"), role="from", text="value")}]
    annotations, _ = read(put(tmp_path, "s.jsonl", lines(shared)))
    assert said(annotations) == {("a", "given", "A")}
    pairs = [
        {"id": "a", "prompt": "Q", "completion": "A", "annotator": "ann"},
        {"id": "a", "prompt": "Q", "completion": "B", "annotator": "ben"},
        {"id": "b", "prompt": talk(("user", "R")), "completion": talk(("assistant", "C")), "annotator": "ann"},
    ]
    annotations, _ = read(put(tmp_path, "p.jsonl", lines(pairs)))
    assert said(annotations) == {("a", "ann", "A"), ("a", "ben", "B"), ("b", "ann", "C")}
    assert annotations.items.prompts == ["Q", "R"]


def test_a_table_with_such_a_name_stays_a_table(tmp_path: Path) -> None:
    rows = [{"id": "1", "messages": "two new ones", "annotator": "a", "label": "yes"}]
    annotations, _ = read(put(tmp_path, "t.jsonl", lines(rows)))
    assert said(annotations) == {("1", "a", "yes")}


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no fine-tuning data"):
        read(put(tmp_path, "f.csv", "id,annotator,label\n1,a,yes\n"), form="instructions")


@bounded
@given(edits)
def test_shaken(changes: list[Edit]) -> None:
    for whole in (ALPACA, CHAT):
        broken = shaken_json(whole, changes)
        try_reading("f.json", json.dumps(broken), "instructions")
