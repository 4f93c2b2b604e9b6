"""SHALA and its baselines. Oracles: planted truths, closed forms, other methods in the limit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations
from crowdtune.bench.head import HeadStart, HeadTraining, train_head
from crowdtune.errors import InputError
from crowdtune.methods import predict, train
from crowdtune.methods._plan import Anchor, Method
from crowdtune.methods.majority import Majority
from crowdtune.methods.sampled import Sampled
from crowdtune.methods.shala import Shala
from crowdtune.methods.soft import Soft
from crowdtune.metrics.distances import js_distance
from crowdtune.objectives.distribution import LOSSES
from tests.crowds import crowd, from_table, make_items, with_choices
from tests.methods.test_methods import TINY
from tests.tiny import word_items

TABLE = from_table([[0, 0, 1], [1, 1, 0], [-1, -1, -1], [-1, -1, -1]])


def anchor(n: int) -> Anchor:
    return Anchor(np.full((n, 2), -np.log(2)), np.zeros((n, 0), np.float32))


def counted(counts: list[list[int]]) -> Annotations:
    """Nobody is named."""
    items = make_items([-1] * len(counts), ["a", "b", "c"][: len(counts[0])])
    return replace(crowd(items, [], 0), counts=np.array(counts))


def features(n: int = 400) -> tuple[HeadStart, np.ndarray]:
    """Items whose distributions over three choices a linear head can learn exactly, and an even start."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4))
    logits = x @ rng.normal(size=(4, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    x = torch.from_numpy(x).float()
    return HeadStart(x, x, torch.zeros(3, 4), torch.zeros(3)), p


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss_finds_planted_distributions(loss: str) -> None:
    """A thousand labels an item leave shares within .016 of the truth."""
    assert learned(Shala(loss=loss)) < 0.03


def test_the_vote_ends_at_the_mode() -> None:
    assert learned(Majority()) > 0.09


def learned(method: Method) -> float:
    """Mean js_distance to the truth of what a head learns."""
    start, p = features()
    counts = np.stack([np.random.default_rng(i).multinomial(1000, row) for i, row in enumerate(p)])
    made, options = counted(counts.tolist()), HeadTraining(epochs=25, learning_rate=0.05)
    head = train_head(start, method.plan(made, start.anchor), options, seed=0)
    return float(js_distance(p, np.exp(head.test_log_p)).mean())


def test_without_lambda_and_weights_it_is_soft() -> None:
    plain = Shala(loss="cross-entropy", ambiguity_weight=0.0, weighting="even").plan(TABLE, anchor(4))
    soft = Soft().plan(TABLE, anchor(4))
    np.testing.assert_allclose(plain.examples.targets, soft.examples.targets)
    assert plain.examples.weights.tolist() == soft.examples.weights.tolist() == [1, 1, 0, 0]


def test_counts_and_soft_labels_are_enough() -> None:
    """i0 counts, i1 a soft label, i2 nothing, i3 both: labels come first."""
    made = counted([[3, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 1]])
    made = replace(made, soft=np.array([[0, 0, 0], [0.2, 0.2, 0.6], [0, 0, 0], [0, 0, 1]]))
    for method in (Shala(), Sampled()):
        plan = method.plan(made, anchor(4))
        np.testing.assert_allclose(plan.examples.targets[:2], [[0.75, 0.25, 0], [0.2, 0.2, 0.6]])
        np.testing.assert_allclose(plan.examples.targets[3], [0.5, 0, 0.5])
        assert plan.examples.weights.tolist() == [1, 1, 0, 1]
    assert Majority().plan(made, anchor(4)).examples.targets[:2].argmax(axis=1).tolist() == [0, 2]


def test_what_it_tells() -> None:
    """Twelve people agree with a truth, one says any choice; ambiguity of what is trained on is theirs."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    honest = np.where(rng.random((200, 12)) < 0.9, truth[:, None], 1 - truth[:, None])
    table = np.concatenate([honest, rng.integers(2, size=(200, 1))], axis=1)
    found = Shala().plan(from_table(table.tolist()), anchor(200)).conclude(np.log(np.full((200, 2), 0.5)))
    even = (
        Shala(weighting="even").plan(from_table(table.tolist()), anchor(200)).conclude(np.log(np.full((200, 2), 0.5)))
    )
    assert found.results["left_out"] == 1
    assert found.columns["weight"] == [1.0] * 12 + [0.0]
    assert found.results["ambiguity_of_targets"] < found.results["ambiguity"] - 0.05
    assert found.results["guesses"] == pytest.approx(1 / 13, abs=1e-3)
    assert even.results["ambiguity_of_targets"] == even.results["ambiguity"] == found.results["ambiguity"]
    assert list(even.columns) == ["reliability"]
    assert found.columns["reliability"][12] == pytest.approx(0.5, abs=0.05)
    assert found.columns["reliability"][0] == pytest.approx(0.82, abs=0.05)  # .9^2 + .1^2 of others' labels
    np.testing.assert_allclose(found.posterior, 0.5)


def test_an_item_only_guessers_labelled_hardly_counts() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(2, size=150)
    honest = np.where(rng.random((150, 6)) < 0.95, truth[:, None], 1 - truth[:, None])
    table = np.concatenate([honest, rng.integers(2, size=(150, 2))], axis=1)
    table[0, :6] = -1
    weights = Shala().plan(from_table(table.tolist()), anchor(150)).examples.weights
    assert weights[0] < 0.05
    assert (weights[1:] == 1).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "js"}, "unknown loss 'js'"),
        ({"weighting": "none"}, "unknown weighting 'none'"),
        ({"ambiguity_weight": -1.0}, "ambiguity_weight=-1.0 must be 0 or more"),
        ({"smoothing": float("nan")}, "smoothing=nan must be 0 or more"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Shala(**options)  # type: ignore[arg-type]


def test_label_smoothing_by_hand() -> None:
    """A tenth of the winner goes to the two other choices; of one with two choices to the other; ties stay even."""
    items = with_choices([("a", "b", "c"), ("x", "y"), ("a", "b", "c")], [-1] * 3)
    made = crowd(items, [(0, 0, 1), (1, 0, 0), (2, 0, 0), (2, 1, 2)])
    targets = Majority(smoothing=0.1).plan(made, anchor(3)).examples.targets
    np.testing.assert_allclose(targets, [[0.05, 0.9, 0.05], [0.9, 0.1, 0], [0.475, 0.05, 0.475]])
    with pytest.raises(InputError, match=r"smoothing=1\.0 must be a share"):
        Majority(smoothing=1.0)


SLOW = [pytest.param(method, marks=pytest.mark.slow) for method in ("sampled", "soft", "majority")]


@pytest.mark.parametrize("method", ["shala", *SLOW])
def test_a_run_on_labels_of_nobody_named(method: str, tiny_llama: Path, tmp_path: Path) -> None:
    """Every item is 3 : 1 for its true answer."""
    items = word_items(80)
    counts = np.where(np.arange(2)[None, :] == items.gold[:, None], 3, 1)
    made = replace(crowd(items, [], 0), counts=counts)
    settings = TINY | {"lm": str(tiny_llama), "epochs": "12"}
    run = train(made, method, settings, out=tmp_path / "run", test=items)
    assert run.results["warnings"] == []
    assert run.results["verdict"]["status"] == "not sought"
    assert run.results["unnamed_labels"] == 320
    assert run.annotators == []
    assert "320 labels by annotators not named on 80 items" in (run.model / "README.md").read_text()
    said = predict(run, items)
    assert np.mean([a == b for a, b in zip(said["label"], ["yes", "no"] * 40, strict=True)]) > 0.9
    if method == "shala":
        assert abs(np.mean(said["probability"]) - 0.75) < 0.1
        assert run.results["ambiguity_of_targets"] == pytest.approx(0.8113, abs=1e-4)  # H(.25) in bits


def test_methods_that_need_names_say_which_do_not(tiny_llama: Path, tmp_path: Path) -> None:
    made = counted([[3, 1], [1, 3]])
    with pytest.raises(InputError, match=r"'joint' needs to know who .* Use soft, noisy, majority, shala, sampled"):
        train(made, "joint", TINY | {"lm": str(tiny_llama)}, out=tmp_path / "run")
    with pytest.raises(InputError, match="there is no label by an annotator"):
        train(counted([[0, 0]]), "shala", TINY | {"lm": str(tiny_llama)}, out=tmp_path / "run")


def test_a_named_crowd_is_weighed_and_told(tiny_llama: Path, tmp_path: Path) -> None:
    rng, items = np.random.default_rng(0), word_items(120)
    said = np.where(rng.random((120, 6)) < 0.9, items.gold[:, None], 1 - items.gold[:, None])
    said[:, 5] = rng.integers(2, size=120)
    made = crowd(items, [(i, j, int(said[i, j])) for i in range(120) for j in range(6)])
    run = train(made, "shala", TINY | {"lm": str(tiny_llama), "epochs": "2"}, out=tmp_path / "run")
    weight = {row["annotator"]: row["weight"] for row in run.annotators}
    assert weight["a5"] < 0.1
    assert min(weight[f"a{j}"] for j in range(5)) > 0.9
    assert json.loads((run.folder / "config.json").read_text())["options"]["loss"] in LOSSES
    assert "without annotators who guess" in (run.model / "README.md").read_text()
    targets = label_distribution(made.take_labels(np.flatnonzero(made.annotator < 5)))
    assert run.results["ambiguity_of_targets"] == pytest.approx(
        float(-(targets * np.log2(np.maximum(targets, 1e-12))).sum(axis=1).mean()), abs=0.02
    )
