"""Classification and reward heads from labels to predictions. Oracles: planted truth, gold, a plain forward pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from crowdtune.annotations import Annotations, Items
from crowdtune.errors import InputError
from crowdtune.methods import evaluate, options, predict, prepare, rewards, train
from crowdtune.methods._options import WRITING
from crowdtune.methods._plan import Anchor
from crowdtune.methods.joint import Joint
from crowdtune.names import known
from crowdtune.simulate import reliability, simulate
from tests.methods.test_methods import crowd
from tests.tiny import word_items

TINY = {"head": "head", "epochs": "8", "learning_rate": "5e-3", "bf16": "false"}
DEFAULT = ("joint",)
ASKING = ("confident-learning", "noise-al", "self-label", "self-select")  # need what a new head does not have


@pytest.mark.parametrize(
    "method",
    [
        m if m in DEFAULT else pytest.param(m, marks=pytest.mark.slow)
        for m in known("crowdtune.methods")
        if m not in (*ASKING, *WRITING)
    ],
)
def test_every_method_trains_a_new_head(method: str, tiny_bert: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny_bert)} | ({"likelihood": "joint"} if method == "realm" else {})
    run = train(crowd(), method, settings, out=tmp_path / "run", test=word_items(40))
    assert run.results["test"]["accuracy"] > 0.9
    assert run.results["posterior_accuracy"] > 0.9
    assert run.results["style"] == "head"
    assert run.results["zero_shot_accuracy"] is None
    assert "classification head" in (run.model / "README.md").read_text()
    again = predict(run, word_items(40))
    assert np.mean([a == b for a, b in zip(again["label"], ["yes", "no"] * 20, strict=True)]) > 0.9
    assert evaluate(run, word_items(40))["accuracy"] == pytest.approx(run.results["test"]["accuracy"])
    said = pipeline("text-classification", model=str(run.model), device="cpu")(word_items(4).prompts)
    assert [row["label"] for row in said] == again["label"][:4]
    assert said[0]["score"] == pytest.approx(again["probability"][0], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ASKING)
def test_methods_that_ask_the_untrained_model_refuse_a_new_head(method: str, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a new head"):
        train(crowd(), method, TINY | {"lm": str(tiny_bert)}, out=tmp_path / "run")


def test_a_new_head_knows_nothing_before_training(tiny_bert: Path) -> None:
    """Its random answers must tip no verdict and no EM: where the majority lies, gold is asked for."""
    made = crowd("dist1", n=240)
    chosen, training = options("joint", TINY | {"lm": str(tiny_bert)})
    anchor = prepare(made, training).anchor
    np.testing.assert_allclose(np.exp(anchor.log_p), 0.5)
    assert anchor.hidden.shape == (240, 0)
    said = chosen.plan(made, anchor).verdict
    assert said is not None
    assert said.status != "resolved"
    assert said.gold_needed > 0


@pytest.mark.slow
def test_where_the_majority_lies_a_new_head_asks_for_gold_and_is_solved_with_it(
    tiny_bert: Path, tmp_path: Path
) -> None:
    """By one of .9 and two of .1: the majority is right on .9 x .01 + .1 x .19 + 2 x .9 x .09 = .19."""
    made, settings = crowd("dist1", n=240), TINY | {"lm": str(tiny_bert)}
    blind = train(made, "joint", settings, out=tmp_path / "blind", test=word_items(40)).results
    assert blind["verdict"]["status"] != "resolved"
    assert "gold=" in blind["warnings"][0]
    told = train(made, "joint", settings | {"gold": "20"}, out=tmp_path / "told", test=word_items(40)).results
    assert (told["verdict"]["status"], told["verdict"]["by"]) == ("resolved", "gold")
    assert told["posterior_accuracy"] > 0.9
    assert told["test"]["accuracy"] > 0.9


def test_a_trained_head_is_an_anchor(tiny_bert: Path, tmp_path: Path) -> None:
    """Taught by gold, its folder is a model that knows: it resolves a crowd whose majority lies."""
    taught = train(crowd(n=120), "oracle", TINY | {"lm": str(tiny_bert)}, out=tmp_path / "taught").model
    settings = TINY | {"lm": str(taught), "epochs": "2", "learning_rate": "3e-4"}
    results = train(crowd("dist1", n=240), "joint", settings, out=tmp_path / "run").results
    assert results["zero_shot_accuracy"] > 0.9
    assert (results["verdict"]["status"], results["verdict"]["by"]) == ("resolved", "model")
    assert results["posterior_accuracy"] > 0.9


def test_em_leaves_the_even_start_of_a_model_that_knows_nothing() -> None:
    """From even truths every annotator is right half the time, and stays so; the vote is right on .95 or more."""
    made = crowd("0.95,0.95,0.05,0.9", n=240)
    nothing = Anchor(np.full((240, 2), -np.log(2)), np.zeros((240, 0), np.float32))
    plan = Joint(prior_alpha=2.0, prior_beta=2.0).plan(made, nothing)
    assert plan.verdict is not None
    assert plan.verdict.status == "ambiguous"
    posterior = plan.objective.annotators.solution.posterior
    assert (posterior[np.arange(240), made.items.gold] > 0.5).mean() > 0.95


def test_gold_that_cannot_decide_still_tells_em_where_to_begin() -> None:
    """Five choices by one of .9 and two of .1: with this seed the votes lead to the wrong ones."""
    items = word_items(1000, ("w1", "w2", "w3", "w4", "w5"))
    made = simulate(items, reliability("0.9,0.1,0.1"), rng=np.random.default_rng(4))
    nothing = Anchor(np.full((1000, 5), -np.log(5)), np.zeros((1000, 0), np.float32))
    right = []
    for gold in (0, 20):
        plan = Joint(gold=gold).plan(made, nothing)
        assert plan.verdict is not None
        assert plan.verdict.status != "resolved"
        right.append((plan.objective.annotators.solution.posterior.argmax(axis=1) == items.gold).mean())
    assert right[0] < 0.1
    assert right[1] > 0.8


@pytest.mark.parametrize("name", ["bert", pytest.param("llama", marks=pytest.mark.slow)])
def test_lora_saves_the_new_head_and_predicts_the_same(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lm = str(request.getfixturevalue(f"tiny_{name}"))
    settings = TINY | {"lm": lm, "lora": "true", "lora_rank": "4", "epochs": "4"}
    run = train(crowd(n=80), "majority", settings, out=tmp_path / "run", test=word_items(40))
    saved = load_file(run.model / "adapter_model.safetensors")
    assert any("classifier" in key or "score" in key for key in saved)
    assert any("lora_A" in key for key in saved)
    assert not any("lora_" in key for key in saved if "classifier" in key or "score" in key)
    assert evaluate(run, word_items(40))["negative_log_likelihood"] == pytest.approx(
        run.results["test"]["negative_log_likelihood"], abs=1e-4
    )


def pairs(n: int = 160) -> Annotations:
    """Which of two words is better: the one with the smaller number. Three annotators, one of whom is wrong."""
    rng = np.random.default_rng(0)
    words = np.array([rng.choice(40, 2, replace=False) for _ in range(n)])
    items = Items(
        ids=[f"i{i}" for i in range(n)],
        prompts=["task"] * n,
        choice_sets=[(f"w{a}", f"w{b}") for a, b in words],
        choice_set=np.arange(n),
        tasks=["t"],
        task=np.zeros(n, dtype=np.int64),
        gold=(words[:, 0] > words[:, 1]).astype(np.int64),
        splits=[""] * n,
        kinds=("pair",),
    )
    return simulate(items, reliability("0.95,0.95,0.3"), rng=rng)


@pytest.mark.parametrize("name", [pytest.param("llama", marks=pytest.mark.slow), "bert"])
def test_a_reward_head_prefers_what_its_annotators_did(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = pairs()
    settings = TINY | {"head": "reward", "lm": str(request.getfixturevalue(f"tiny_{name}"))}
    held_out = made.items.take(np.arange(100, 160))
    run = train(made.take_items(np.arange(100)), "joint", settings, out=tmp_path / "run", test=held_out)
    assert run.results["test"]["accuracy"] > 0.75
    table = predict(run, held_out)
    assert [label in held_out.choices(i) for i, label in enumerate(table["label"])] == [True] * 60
    first, second = (rewards(run, held_out.prompts, [held_out.choices(i)[k] for i in range(60)]) for k in (0, 1))
    probability = [row[0] for row in table["probabilities"]]
    np.testing.assert_allclose(1 / (1 + np.exp(second - first)), probability, atol=1e-5)
    model = AutoModelForSequenceClassification.from_pretrained(run.model).eval()
    reader = AutoTokenizer.from_pretrained(run.model)
    text = held_out.choices(0)[0]
    inputs = (
        reader("task", text, return_tensors="pt")
        if name == "bert"
        else reader(f"task {text} </s>", return_tensors="pt")
    )
    with torch.no_grad():
        plain = model(**inputs).logits
    assert plain.shape == (1, 1)
    assert float(plain) == pytest.approx(first[0], abs=1e-5)
    assert "prefers the text" in (run.model / "README.md").read_text()


def test_rewards_are_asked_of_reward_heads_alone(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(crowd(n=20), "majority", TINY | {"lm": str(tiny_bert), "epochs": "1"}, out=tmp_path / "run")
    with pytest.raises(InputError, match="answers with 'head', not with a reward"):
        rewards(run, ["w1"], ["w2"])


def test_a_reward_head_chooses_among_free_answers(tiny_bert: Path, tmp_path: Path) -> None:
    made = crowd(n=20)
    made = replace(made, items=replace(made.items, choice_sets=[("w1 w2", "w3")], kinds=("text",)))
    settings = TINY | {"lm": str(tiny_bert), "epochs": "1", "head": "reward"}
    run = train(made, "majority", settings, out=tmp_path / "run")
    assert run.results["style"] == "reward"
    assert predict(run, made.items.take(np.zeros(0, dtype=np.int64)))["label"] == []


def test_items_with_choices_of_their_own_are_told_what_to_use(tiny_bert: Path, tmp_path: Path) -> None:
    made = crowd(n=20)
    sets = [("yes", "no"), ("A", "B")]
    made = replace(made, items=replace(made.items, choice_sets=sets, choice_set=np.arange(20) % 2))
    with pytest.raises(InputError, match="style=texts"):
        train(made, "joint", TINY | {"lm": str(tiny_bert)}, out=tmp_path / "run")


@pytest.mark.slow
def test_tasks_share_an_encoder(tiny_bert: Path, tmp_path: Path) -> None:
    """The same words, asked two questions: the answer is yes to even ones, and no to them in the other task."""
    items = word_items(160, n_tasks=2)
    items = replace(items, gold=np.where(items.task == 1, 1 - items.gold, items.gold))
    made = simulate(items, reliability("0.95,0.95,0.9"), rng=np.random.default_rng(0))
    run = train(made, "joint", TINY | {"lm": str(tiny_bert), "epochs": "12"}, out=tmp_path / "run", test=items)
    assert run.results["test"]["accuracy"] > 0.9
