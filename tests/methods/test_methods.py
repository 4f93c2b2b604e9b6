"""Every method through the one path, on tiny models of both kinds. Oracle: planted truth; limits between methods."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.lm.load import load
from crowdtune.methods import evaluate, predict, train
from crowdtune.methods._options import WRITING
from crowdtune.methods._plan import Anchor
from crowdtune.names import known
from crowdtune.simulate import reliability, simulate
from tests.tiny import word_items

TINY = {"template": "{prompt} Answer :", "style": "words", "epochs": "12", "learning_rate": "3e-3", "bf16": "false"}


def crowd(spec: str = "0.95,0.95,0.5", n: int = 240, n_tasks: int = 1, overlap: str = "shared") -> Annotations:
    items = word_items(n, n_tasks=n_tasks)
    return simulate(items, reliability(spec), overlap=overlap, rng=np.random.default_rng(0))


BELIEVERS = ("self-label", "self-select", "noise-al")  # trust the untrained model, which here knows nothing


@pytest.mark.parametrize("method", [m for m in known("crowdtune.methods") if m not in WRITING])
def test_every_method_learns_from_a_reliable_crowd_and_writes_a_whole_run(
    method: str, tiny: Path, tmp_path: Path
) -> None:
    settings = TINY | {"lm": str(tiny)} | ({"likelihood": "joint"} if method == "realm" else {})
    run = train(crowd(), method, settings, out=tmp_path / "run", test=word_items(40))
    learns = method not in BELIEVERS
    assert run.results["test"]["accuracy"] > 0.9 * learns
    assert run.results["posterior_accuracy"] > 0.9 * learns
    assert {p.name for p in run.folder.iterdir()} == {
        "annotators.csv", "config.json", "disagreement.parquet", "items.parquet", "metrics.jsonl", "model",
        "perspectives.npz", "results.json",
    }  # fmt: skip
    assert pq.read_table(run.folder / "items.parquet").num_rows == 240
    assert "How the labels were made" in (run.model / "README.md").read_text()
    again = predict(run, word_items(40))
    assert np.mean([a == b for a, b in zip(again["label"], ["yes", "no"] * 20, strict=True)]) > 0.9 * learns
    assert evaluate(run, word_items(40))["accuracy"] == pytest.approx(run.results["test"]["accuracy"])


def test_realm_with_everybody_an_expert_is_noisy(tiny_llama: Path, tmp_path: Path) -> None:
    """Limit: e = 1 makes the mixture cross-entropy with each label. Start and rate keep e at 1 to seven digits."""
    from crowdtune.annotators.expertise import Expertise
    from crowdtune.examples import from_annotations
    from crowdtune.lm.encode import encode
    from crowdtune.lm.prompts import PromptFormat
    from crowdtune.methods.noisy import Noisy
    from crowdtune.objectives.likelihood import Likelihood
    from crowdtune.runs import Run
    from crowdtune.training.dataset import CrowdDataset
    from crowdtune.training.finetune import finetune
    from crowdtune.training.options import Training

    made, options = crowd(n=40), Training(epochs=2, learning_rate=1e-3, bf16=False)
    experts = Expertise(3)
    experts.rho.data.fill_(30.0)
    noisy = Noisy().plan(made, Anchor(np.zeros((40, 2)), np.zeros((40, 0), np.float32)))
    weights = []
    for name, examples, objective in (
        ("noisy", noisy.examples, noisy.objective),
        ("realm", from_annotations(made), Likelihood(experts, n_labels=120)),
    ):
        lm = load(str(tiny_llama))
        encoded = encode(made.items, lm, PromptFormat("words", "{prompt} Answer :"), 64)
        run = Run.start(tmp_path / name, {})
        trained = finetune(lm, CrowdDataset(examples, encoded), objective, options, run, annotator_learning_rate=0.0)
        weights.append(trained.model.state_dict())
    torch.testing.assert_close(weights[0], weights[1], atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def informed(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that already knows most answers, as a pre-trained one would."""
    settings = TINY | {"lm": str(tiny_llama), "epochs": "5"}
    run = train(crowd(n=120, n_tasks=3), "oracle", settings, out=tmp_path_factory.mktemp("informed") / "run")
    return run.model


def test_realm_recovers_a_planted_reliability_matrix(informed: Path, tmp_path: Path) -> None:
    """Planted: annotator a is right in 90 % of task a and 10 % elsewhere, so the majority lies in every task."""
    made = crowd("multi1", n=600, n_tasks=3)
    settings = TINY | {"lm": str(informed), "epochs": "2", "learning_rate": "3e-4"}
    run = train(made, "realm", settings, out=tmp_path / "run")
    rows = {row["annotator"]: row for row in run.annotators}
    found = np.array([[float(rows[f"a{j + 1}"][f"reliability:t{m}"]) for m in range(3)] for j in range(3)])
    assert np.abs(found - reliability("multi1")).mean() <= 0.1
    assert run.results["posterior_accuracy"] > 0.85
    assert run.results["majority_accuracy"] < 0.3


def test_a_lying_majority_is_reported_when_it_turns_the_model_round(informed: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(informed), "epochs": "6"}
    run = train(crowd("dist1", n_tasks=3, n=240), "noisy", settings, out=tmp_path / "run")
    assert run.results["model_accuracy"] < 0.4
    assert "flipped in training" in run.results["warnings"][0]
    assert run.results["verdict"]["status"] == "ambiguous"
    assert run.results["verdict"]["before_training"] == "resolved"


def test_one_annotator_per_item_is_enough_for_realm(informed: Path, tmp_path: Path) -> None:
    made = crowd("0.9,0.9,0.1", n=600, n_tasks=3, overlap="exclusive")
    settings = TINY | {"lm": str(informed), "epochs": "2", "learning_rate": "3e-4", "per_task": "false"}
    rows = {
        r["annotator"]: float(r["reliability"]) for r in train(made, "realm", settings, out=tmp_path / "r").annotators
    }
    assert rows["a1"] > 0.75
    assert rows["a2"] > 0.75
    assert rows["a3"] < 0.3


def test_the_same_seed_gives_the_same_run(tiny_llama: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny_llama), "epochs": "1"}
    files = []
    for name in ("one", "two"):
        run = train(crowd(n=40), "realm", settings, out=tmp_path / name)
        files.append([(run.folder / f).read_bytes() for f in ("annotators.csv", "items.parquet")])
    assert files[0] == files[1]


def test_lora_saves_an_adapter_that_predicts_the_same(tiny: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny), "lora": "true", "lora_rank": "4", "epochs": "2"}
    run = train(crowd(n=40), "majority", settings, out=tmp_path / "run", test=word_items(40))
    assert (run.model / "adapter_model.safetensors").exists()
    assert evaluate(run, word_items(40))["negative_log_likelihood"] == pytest.approx(
        run.results["test"]["negative_log_likelihood"], abs=1e-4
    )


def test_a_centred_model_predicts_centred(tiny: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny), "centre": "true", "epochs": "1"}
    run = train(crowd(n=40), "majority", settings, out=tmp_path / "run", test=word_items(40))
    assert json.loads((run.model / "crowdtune.json").read_text())["centre"]
    assert evaluate(run, word_items(40))["negative_log_likelihood"] == pytest.approx(
        run.results["test"]["negative_log_likelihood"], abs=1e-4
    )


def test_items_without_labels_keep_their_place_and_get_the_models_answer(tiny_llama: Path, tmp_path: Path) -> None:
    made = crowd(n=80)
    rows = np.flatnonzero(made.item < 60)
    made = replace(made, item=made.item[rows], annotator=made.annotator[rows], label=made.label[rows])
    run = train(made, "realm", TINY | {"lm": str(tiny_llama), "epochs": "1"}, out=tmp_path / "run")
    table = pq.read_table(run.folder / "items.parquet").to_pydict()
    assert table["labels"][60:] == [0] * 20
    assert all(table["label"][60:])


def test_predict_abstains_below_its_threshold(tiny_llama: Path, tmp_path: Path) -> None:
    run = train(crowd(n=40), "majority", TINY | {"lm": str(tiny_llama), "epochs": "1"}, out=tmp_path / "run")
    table = predict(run, word_items(6), abstain_below=1.0)
    assert table["label"] == [None] * 6
    np.testing.assert_allclose(np.sum(table["probabilities"], axis=1), 1, atol=1e-6)
    with pytest.raises(InputError, match=r"abstain_below=1\.5 must be a probability"):
        predict(run, word_items(2), abstain_below=1.5)


def test_oracle_without_gold_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    made = crowd(n=10)
    made = replace(made, items=replace(made.items, gold=np.full(10, -1)))
    with pytest.raises(InputError, match="trains on gold answers, and no item has one"):
        train(made, "oracle", TINY | {"lm": str(tiny_llama)}, out=tmp_path / "run")


def test_annotators_csv_has_expertise_beside_reliability(tiny_llama: Path, tmp_path: Path) -> None:
    run = train(crowd(n=40), "realm", TINY | {"lm": str(tiny_llama), "epochs": "1"}, out=tmp_path / "run")
    with (run.folder / "annotators.csv").open() as file:
        assert next(csv.reader(file)) == ["annotator", "labels", "reliability", "accuracy", "thin", "expertise"]


def test_an_interrupted_run_goes_on_where_it_was(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the uninterrupted run. 40 items in batches of 4 make 10 steps; a checkpoint every 3, the stop after 7."""
    from crowdtune.training import annotator_step

    settings = TINY | {"lm": str(tiny_llama), "epochs": "1", "batch_size": "4", "accumulation": "1", "save_steps": "3"}
    whole = train(crowd(n=40), "realm", settings, out=tmp_path / "whole")
    step = annotator_step.AnnotatorStep.on_pre_optimizer_step

    stops, done = [7], []

    def counted(self: object, args: object, state: object, control: object, **kwargs: object) -> None:
        if state.global_step in stops:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        done.append(state.global_step)  # type: ignore[attr-defined]
        step(self, args, state, control, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(annotator_step.AnnotatorStep, "on_pre_optimizer_step", counted)
    with pytest.raises(KeyboardInterrupt):
        train(crowd(n=40), "realm", settings, out=tmp_path / "run")
    assert not (tmp_path / "run" / "results.json").exists()
    with pytest.raises(InputError, match="was started with another data"):
        train(crowd(n=39), "realm", settings, out=tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="--resume goes on with it"):
        train(crowd(n=40), "realm", settings, out=tmp_path / "run")
    stops.clear()
    done.clear()
    resumed = train(crowd(n=40), "realm", settings, out=tmp_path / "run", resume=True)
    assert done == [6, 7, 8, 9]
    assert (resumed.folder / "annotators.csv").read_bytes() == (whole.folder / "annotators.csv").read_bytes()
    assert not resumed.checkpoints.exists()


@pytest.mark.parametrize("likelihood", ["per-label", "joint"])
def test_items_with_two_and_three_choices_train_together(likelihood: str, tiny: Path, tmp_path: Path) -> None:
    items = word_items(60)
    sets = [("w1 w2", "w3 w4"), ("w5 w6", "w7 w8", "w9 w9")]
    items = replace(items, choice_sets=sets, choice_set=np.arange(60) % 2, gold=np.arange(60) % 2)
    made = simulate(items, reliability("0.9,0.9,0.2"), rng=np.random.default_rng(0))
    settings = TINY | {"lm": str(tiny), "style": "letters", "epochs": "2", "likelihood": likelihood}
    run = train(made, "realm", settings, out=tmp_path / "run")
    posterior = pq.read_table(run.folder / "items.parquet")["posterior"].to_pylist()
    assert [len(row) for row in posterior[:4]] == [2, 3, 2, 3]
    np.testing.assert_allclose([sum(row) for row in posterior], 1, atol=1e-6)
    assert run.results["style"] == "letters"


def test_a_learning_curve_ends_where_the_run_ends(tiny: Path, tmp_path: Path) -> None:
    """Measured on the way, and measuring changes nothing."""
    settings = TINY | {"lm": str(tiny), "epochs": "2"}
    watched = train(crowd(n=80), "noisy", settings | {"points": "5"}, out=tmp_path / "watched", test=word_items(40))
    plain = train(crowd(n=80), "noisy", settings, out=tmp_path / "plain", test=word_items(40))
    steps, values = zip(*watched.curve("test_accuracy"), strict=True)
    assert steps == (0, 2, 3, 4, 6)  # 80 items, 32 in a step, twice: six steps, at quarters rounded
    assert values[-1] == watched.results["test"]["accuracy"]
    assert watched.results["test"] == plain.results["test"]
    assert plain.curve("test_accuracy") == []
