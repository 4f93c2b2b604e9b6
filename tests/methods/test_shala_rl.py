"""Methods whose models write distributions, through the whole path. Oracle: planted shares of a crowd's labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods import evaluate, options, predict, predict_distribution, train
from crowdtune.runs import Run
from tests.tiny import word_items

TINY = {
    "template": "{prompt}",
    "bf16": "false",
    "learning_rate": "2e-2",
    "lora_rank": "8",
    "weighting": "even",
    "format_rate": "2e-2",
}
pytestmark = pytest.mark.filterwarnings("ignore")  # of other libraries


def crowd(n: int = 8) -> Annotations:
    """Ten labels of nobody named on each item: 1, 5, 9 or 10 of them say yes."""
    items = word_items(n)
    yes = np.array([1, 5, 9, 10])[np.arange(n) % 4]
    none = np.zeros(0, dtype=np.int64)
    return Annotations(items, [], none, none, none, counts=np.stack([yes, 10 - yes], axis=1))


def test_a_run_of_writing_is_whole_and_read_back(tiny_teller: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny_teller), "steps": "6", "prompts_per_step": "8", "format_steps": "3"}
    run = train(crowd(), "shala-verbal", settings, out=tmp_path / "run", test=word_items(8))
    said = predict_distribution(run, word_items(8))
    assert np.allclose(said.sum(axis=1), 1)
    assert predict(run, word_items(8))["probabilities"][0] == pytest.approx(said[0].tolist())
    assert evaluate(run, word_items(8))["accuracy"] == pytest.approx(run.results["test"]["accuracy"])
    assert "It writes what share" in (run.model / "README.md").read_text()
    assert not (run.model / "adapter_config.json").exists()
    assert not run.checkpoints.exists()


@pytest.mark.slow
def test_a_model_shown_the_distributions_writes_them(tiny_teller: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny_teller), "prompts_per_step": "8", "format_steps": "5"}
    run = train(crowd(), "shala-verbal", settings, out=tmp_path / "run")
    assert np.abs(predict_distribution(run, word_items(8)) - crowd().counts / 10).max() < 0.06


@pytest.mark.slow
def test_rewards_bring_a_run_nearer_and_a_broken_one_goes_on(
    tiny_teller: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TINY | {"lm": str(tiny_teller), "steps": "30", "prompts_per_step": "8", "passes": "1"}
    settings |= {"format_steps": "20", "save_steps": "10"}
    run = train(crowd(), "shala-rl", settings, out=tmp_path / "whole")
    nearness = [value for _, value in run.curve("nearness")]
    assert np.mean(nearness[-5:]) > np.mean(nearness[:5]) + 0.05
    assert run.results["parsed"] > 0.9

    logged = Run.log

    def cut(self: Run, record: dict) -> None:
        if record.get("step") == 15:
            raise KeyboardInterrupt
        logged(self, record)

    monkeypatch.setattr(Run, "log", cut)
    with pytest.raises(KeyboardInterrupt):
        train(crowd(), "shala-rl", settings, out=tmp_path / "broken")
    monkeypatch.undo()
    again = train(crowd(), "shala-rl", settings, out=tmp_path / "broken", resume=True)
    assert np.array_equal(predict_distribution(run, word_items(8)), predict_distribution(again, word_items(8)))
    assert again.curve("nearness")[-1] == run.curve("nearness")[-1]


def test_styles_and_methods_that_do_not_fit_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="style=words"):
        train(crowd(), "shala-rl", {"style": "words", "lm": str(tiny_llama)}, out=tmp_path / "a")
    with pytest.raises(InputError, match="style=verbal is for methods whose models write: shala-rl, shala-verbal"):
        train(crowd(), "soft", {"style": "verbal", "lm": str(tiny_llama)}, out=tmp_path / "b")
    for wrong in ({"format_steps": "-1"}, {"format_rate": "0"}, {"rollouts": "1"}, {"beta": "-1"}, {"smoothing": "-1"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            options("shala-rl", wrong)
