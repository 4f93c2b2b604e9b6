"""One run read out in three ways, calibrated, and asked as its annotators. Oracles: closed forms, and the parts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.backends import Reply, Request
from crowdtune.errors import InputError
from crowdtune.lm.reading import load_reading, load_trained
from crowdtune.methods import annotators_of, calibrate, evaluate, predict, predict_distribution, train
from crowdtune.runs import Run
from tests.cli.test_cli import run as command
from tests.crowds import crowd, make_items
from tests.tiny import word_items

SETTINGS = {"epochs": "1", "template": "{prompt} Answer :", "bf16": "false"}


@pytest.fixture(scope="module")
def run(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    items = word_items(30)
    triples = [(i, j, (i + ((i + j) % (5 + j) == 0)) % 2) for i in range(30) for j in range(4)]
    said = replace(crowd(items, triples), traits={"age": ["20", "20", "40", "40"]})
    return train(said, "soft", SETTINGS | {"lm": str(tiny_llama)}, out=tmp_path_factory.mktemp("runs") / "run")


def test_a_run_its_folder_and_its_model_tell_the_same(run: Run) -> None:
    items = word_items(8)
    found = predict_distribution(run, items)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found == pytest.approx(np.array(predict(run, items)["probabilities"]))
    lm, reading = load_trained(run.model)
    assert predict_distribution(run.folder, items) == pytest.approx(found)
    assert predict_distribution(lm, items, reading=reading) == pytest.approx(found)
    squared = found**2 / (found**2).sum(axis=1, keepdims=True)
    assert predict_distribution(run, items, temperature=0.5) == pytest.approx(squared)
    told = predict(run, items, distribution=True)
    assert told["ambiguity"] == pytest.approx(-(found * np.log(found)).sum(axis=1))
    assert told["choices"] == [list(items.choices(i)) for i in range(8)]
    drawn = predict_distribution(run, items, read_out="sampled", samples=2)
    assert drawn.sum(axis=1) == pytest.approx(1)
    written = predict_distribution(run, items, read_out="verbal")
    assert written.sum(axis=1) == pytest.approx(1)


@dataclass
class Writes:
    """A backend that writes the same distribution about everything, but nothing about one item."""

    name: str = "writes"

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for place, request in enumerate(requests):
            silent = request.messages[0][1].startswith("text 1\n")
            yield place, Reply("I would rather not." if silent else "no 30%, yes 70%")


def test_a_backend_writes_distributions(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("crowdtune").propagate = True
    with caplog.at_level(logging.INFO):
        found = predict_distribution(Writes(), make_items([-1, -1]), read_out="verbal")
    assert found == pytest.approx(np.array([[0.3, 0.7], [0.5, 0.5]]))
    assert "1 of 2 distributions read; 1 items without any, taken for even" in caplog.text
    sampled = predict_distribution(Writes(), make_items([-1, -1]), samples=4)
    assert sampled == pytest.approx(np.full((2, 2), 0.5)), "a distribution is no answer"


def test_what_cannot_be_asked_is_refused(run: Run) -> None:
    items = word_items(2)
    lm, _ = load_trained(run.model)
    for words, call in {
        "not off a backend": lambda: predict_distribution(Writes(), items, read_out="logits"),
        "pass its run": lambda: predict_distribution(lm, items),
        "is unknown. Allowed: auto, logits": lambda: predict_distribution(run, items, read_out="x"),  # type: ignore[arg-type]
        "must be above 0": lambda: predict_distribution(run, items, temperature=0.0),
        "Leave out --temperature": lambda: predict(run, items, perspective="a0", temperature=2.0),
        "knows nobody to answer as": lambda: annotators_of(run.model),
    }.items():
        with pytest.raises(InputError, match=words):
            call()


def held_out(count: int) -> Annotations:
    """Items not trained on, each with labels of nobody named: ten to one for yes."""
    items = replace(word_items(count), ids=[f"new{i}" for i in range(count)])
    return replace(crowd(items, []), counts=np.tile([10, 1], (count, 1)))


def test_a_temperature_is_kept_with_the_run_and_used(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("crowdtune").propagate = True
    before, items = predict_distribution(run, word_items(12)), word_items(12)
    shown = replace(
        held_out(12), counts=np.round(1000 * np.sqrt(before) / np.sqrt(before).sum(1, keepdims=True)).astype(int)
    )
    found = calibrate(run, shown)
    try:
        assert found["temperature"] == pytest.approx(2, rel=0.02), "labels drawn from the root, counts rounded"
        assert (found["items"], found["trained_on"], caplog.text) == (12, 0, "")
        assert load_reading(run.model).temperature == found["saved"] == found["temperature"]
        root = np.sqrt(before) / np.sqrt(before).sum(axis=1, keepdims=True)
        assert np.array(predict(run, items)["probabilities"]) == pytest.approx(root, abs=0.01)
        assert predict_distribution(run, items, temperature=1.0) == pytest.approx(before)
        nll = -np.log(np.array(predict(run, items)["probabilities"])[np.arange(12), items.gold]).mean()
        assert evaluate(run, items)["negative_log_likelihood"] == pytest.approx(nll)
        met = calibrate(run, replace(shown, items=word_items(12)))
        assert met["trained_on"] == 12
        assert "12 of the 12 items were trained on" in caplog.text
    finally:
        replace(load_reading(run.model), temperature=1.0).save(run.model)
    with pytest.raises(InputError, match="1 items have labels"):
        calibrate(run, held_out(1))


def test_answers_as_annotators_on_the_command_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    items, new = word_items(4), tmp_path / "new.jsonl"
    new.write_text("".join(json.dumps({"id": f"n{i}", "prompt": items.prompts[i]}) + "\n" for i in range(4)))
    known, crowd_says = annotators_of(run), predict_distribution(run, items)
    for whom, members in {"a1": [1], "age=40": [2, 3], "everybody": [0, 1, 2, 3]}.items():
        capsys.readouterr()
        assert command(monkeypatch, "predict", run.folder, new, "--as", whom, "--json") == 0
        rows = json.loads(capsys.readouterr().out)
        expected = known.seen(crowd_says, items, np.isin(np.arange(4), members))
        assert np.array([row["probabilities"] for row in rows]) == pytest.approx(expected, abs=1e-5)
    assert command(monkeypatch, "predict", run.folder, new, "--as", "a9") == 2
    assert "annotator 'a9' gave this run no label. Did you mean 'a" in capsys.readouterr().err
    assert command(monkeypatch, "predict", run.folder, new, "--distribution", "--temperature", "2") == 0
    assert "yes 0." in (said := capsys.readouterr().out)
    assert " nats" in said
    rows = [
        {"id": f"n{i}", "prompt": items.prompts[i], "annotator": f"b{j}", "label": "yes"}
        for i in range(4)
        for j in range(2)
    ]
    new.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert command(monkeypatch, "calibrate", run.folder, new) == 0
    assert "fitted on 8 labels of 4 items" in capsys.readouterr().out
    replace(load_reading(run.model), temperature=1.0).save(run.model)
