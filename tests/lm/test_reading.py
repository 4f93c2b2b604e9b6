"""Oracles: files as other versions wrote them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from crowdtune.errors import InputError
from crowdtune.lm.centre import Centre
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.reading import FILE, Reading, load_reading
from tests.tiny import word_items

FIRST = {
    "lm": "embedded",
    "format": {"style": "words", "template": "", "chat": False},
    "max_length": 512,
    "choices": ["yes", "no"],
    "adapter": False,
    "bf16": False,
    "centre": [[[7, 8], [-0.5, -1.0]]],
}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = Reading("m", PromptFormat("head", name_task=True), 9, ("a",), Centre({(1, 2): (0.5, 0.25)}), outputs=("a",))
    made.save(tmp_path)
    assert load_reading(tmp_path) == made


def test_a_run_of_the_first_version_reads_as_it_did(tmp_path: Path, tiny_llama: Path) -> None:
    """It knew words and letters alone, and never put a task's name after a text."""
    (tmp_path / FILE).write_bytes(msgspec.json.encode(FIRST))
    found = load_reading(tmp_path)
    assert (found.outputs, found.head, found.format.refers) == ((), "lm", False)
    asked_twice = replace(word_items(2, n_tasks=2), prompts=["task w1"] * 2, task=np.arange(2))
    lm = load(str(tiny_llama))
    one, two = found.encode(asked_twice, lm).prompts
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize("change", [{"format": {"style": "words", "colour": "red"}}, {"max_length": None}])
def test_a_file_of_another_version_is_told_in_a_sentence(change: dict[str, object], tmp_path: Path) -> None:
    other = {name: value for name, value in (FIRST | change).items() if value is not None}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(other))
    with pytest.raises(InputError, match=r"crowdtune\.json is not as this version writes it .* or train again\."):
        load_reading(tmp_path)
