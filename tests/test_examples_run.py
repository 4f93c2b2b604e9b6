"""Every script in examples/ runs as a user would run it, here with a tiny model, and prints what its test looks for."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from crowdtune.methods._asking import Asking
from crowdtune.methods._clean import Options
from crowdtune.settings import apply, from_toml

EXAMPLES = Path(__file__).parents[1] / "examples"
PRINTS = {  # script -> parts of what it prints
    "texts": ["is right in", "answers right: "],
    "grades": ["than is right", "mean error, in grades: "],
    "responses": ["answers the question in", "What keeps a boat afloat?"],
    "classify": ["delivery  0.", "verdict: "],
    "preferences": ["held-out pairs right: "],
    "clean": ["kept, ", "given labels reliability "],
    "opinions": ["   model ", "distance to people: "],
    "questions": ["Is it urgent? ", "answers right: "],
}


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_runs_and_prints_its_result(
    name: str, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text().splitlines()) <= 40
    monkeypatch.setattr(sys, "argv", [str(path), str(tiny_llama)])
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    for part in PRINTS[name]:
        assert part in printed


def test_the_endpoints_options_are_options_of_clean() -> None:
    options, asking = apply(from_toml(EXAMPLES / "clean-endpoint.toml"), Options(), Asking())
    assert (options.reviewer, options.k, asking.experts, asking.dialect) == (True, 3, "paper", "vllm")
