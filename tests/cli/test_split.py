"""A file with a split: what is trained on, measured and calibrated on, and what is said. Oracles: counts by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.lm.reading import load_reading
from crowdtune.metrics.temperature import calibration
from tests.cli.test_cli import run

FLAGS = ["--method", "soft", "--set", "epochs=1", "--set", "template={prompt} Answer :"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 items to train on and 12 to test on, a column of each named unlike what is looked for."""
    path = tmp_path_factory.mktemp("data") / "my labels.jsonl"
    rows = [
        {"id": f"i{i}", "prompt": f"w{i}", "choices": ["no", "yes"], "said": ["no", "yes"][int(j < i % 5)]}
        | {"annotator": f"a{j}", "split": "train" if i < 24 else "test"}
        for i in range(36)
        for j in range(4)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run, and what training said on stderr."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("crowdtune.cli._split.say", said.append)
        patch.setattr("crowdtune.cli.train.say", said.append)
        assert run(patch, "train", data, "--label", "said", "-o", folder, "--model", tiny_llama, *FLAGS) == 0
    return folder, "\n".join(said)


def test_training_names_the_split_it_left_out(data: Path, trained: tuple[Path, str]) -> None:
    folder, said = trained
    assert "training on the 24 items of split 'train'" in said
    typed = f"next: crowdtune evaluate {folder} '{data}' --label said measures it on the 12 items of split 'test'"
    assert typed in said


def test_what_was_held_out_is_measured_alone(
    data: Path, trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb = ["evaluate", trained[0], data, "--label", "said"]
    assert run(monkeypatch, *verb) == 0
    out, err = capsys.readouterr()
    assert "12 items several people answered" in out
    assert "measuring the 12 items of split 'test'" in err
    assert "trained on" not in err
    assert "temperature" not in err
    assert run(monkeypatch, *verb, "--split", "all") == 0
    out, err = capsys.readouterr()
    assert "36 items several people answered" in out
    assert "24 of the 36 items were trained on" in err
    assert run(monkeypatch, *verb, "--split", "dev") == 2
    assert "no item is of split 'dev'. Splits: test, train." in capsys.readouterr().err
    assert run(monkeypatch, "predict", *verb[1:], "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 36
    assert run(monkeypatch, "predict", *verb[1:], "--split", "test", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 12


def test_a_calibration_says_what_it_costs_and_is_undone(
    data: Path, trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, verb = trained[0], ["calibrate", trained[0], data, "--label", "said"]
    assert run(monkeypatch, *verb) == 0
    assert "calibrating on the 12 items of split 'test'" in capsys.readouterr().err
    reading = load_reading(folder / "model")
    replace(reading, temperature=1.5).save(folder / "model")
    assert run(monkeypatch, *verb, "--split", "train") == 0
    out, err = capsys.readouterr()
    assert "js_distance, base 2" in out
    assert "24 of the 24 items were trained on" in err
    assert "nothing was saved" in err
    assert load_reading(folder / "model").temperature == 1.5
    for other in (["predict", *verb[1:]], ["evaluate", *verb[1:]]):
        assert run(monkeypatch, *other) == 0
        assert "probabilities at temperature 1.50, as crowdtune calibrate saved" in capsys.readouterr().err
    assert run(monkeypatch, "predict", *verb[1:], "--temperature", "2") == 0
    assert "as crowdtune calibrate saved" not in capsys.readouterr().err
    assert run(monkeypatch, *verb, "--off") == 0
    assert load_reading(folder / "model").temperature == 1


def test_a_calibration_that_costs_distance_says_so(
    data: Path, trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four right and one wrong of five, all foretold at 99 %: T = log 99 / log 4 by hand, and further from one-hots."""
    counts = np.tile([1.0, 0.0], (100, 1))
    counts[::5] = [0.0, 1.0]
    q, mask = np.tile([0.99, 0.01], (100, 1)), np.ones((100, 2), dtype=bool)
    found = calibration(q, counts, mask, np.random.default_rng(0))
    assert found["temperature"] == pytest.approx(np.log(99) / np.log(4))
    told = found | {"saved": found["temperature"], "trained_on": 0}
    monkeypatch.setattr("crowdtune.methods.calibrate", lambda *a, **k: told)
    assert run(monkeypatch, "calibrate", trained[0], data, "--label", "said") == 0
    err = capsys.readouterr().err
    assert "js_distance got worse: a temperature is fitted by cross-entropy; js_distance rewards being sure" in err
    assert f"to undo it: crowdtune calibrate {trained[0]} '{data}' --label said --off" in err
