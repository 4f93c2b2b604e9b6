"""Preferences the whole way on tiny models. Oracles: targets by hand, Davidson's share, what was planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Annotations, Items
from crowdtune.errors import InputError
from crowdtune.lm.load import load
from crowdtune.lm.reading import load_reading, load_trained
from crowdtune.lm.score import score
from crowdtune.methods import evaluate, options, predict, prepare, train
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.methods._start import davidson
from crowdtune.methods.noisy import Noisy
from crowdtune.methods.rgpo import Rgpo
from crowdtune.read import read
from crowdtune.simulate import simulate
from tests.crowds import crowd, from_table, with_choices
from tests.tiny import word_items

TINY = {"template": "{prompt} Answer :", "epochs": "8", "learning_rate": "3e-3", "bf16": "false"}


def pairs(n: int, tie: bool = False) -> Items:
    """After a word of even number "yes yes" is better, else "no"; which stands first is drawn."""
    made = word_items(n)
    turned = np.random.default_rng(0).integers(0, 2, n)
    sets = [("yes yes", "no"), ("no", "yes yes")]
    sets = [(*both, "tie") for both in sets] if tie else sets
    return replace(made, choice_sets=sets, choice_set=turned, gold=made.gold ^ turned, kinds=("pair",))


def said(reliability: list[float], n: int = 160, tie: bool = False) -> Annotations:
    return simulate(pairs(n, tie), np.array(reliability), rng=np.random.default_rng(1))


def undecided(annotations: Annotations) -> Anchor:
    shape = annotations.items.choice_mask.shape
    return Anchor(np.full(shape, -np.log(shape[1])), np.zeros((shape[0], 0), np.float32))


def plan(method: Noisy | Rgpo, annotations: Annotations) -> Plan:
    return method.plan(annotations, undecided(annotations))


def test_smoothed_labels_by_hand() -> None:
    """Two labels for the first of two and one for the second, of three choices where the third does not exist."""
    annotations = crowd(
        with_choices([("a", "b"), ("a", "b", "c")], [-1, -1]), [(0, 0, 0), (0, 1, 0), (0, 2, 1), (1, 0, 2)]
    )
    found = plan(Noisy(smoothing=0.1), annotations).examples
    np.testing.assert_allclose(found.targets, [[(0.9 * 2 + 0.1) / 3, (0.9 + 0.1 * 2) / 3, 0], [0.05, 0.05, 0.9]])
    assert found.weights.tolist() == [3, 1]
    with pytest.raises(InputError, match=r"smoothing=1\.0 must be a share from 0 to below 1"):
        Noisy(smoothing=1.0)


def test_consensus_weights_by_hand() -> None:
    table = [[0, 0, 0], [1, 1, 0], [0, 1, -1], [-1, -1, -1]]
    found = plan(Rgpo(trust="alike"), from_table(table)).examples
    np.testing.assert_allclose(found.weights, [1, 1 / 3, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.targets[:2], [[1, 0], [0, 1]])
    # the majority agrees with a0 in 1, 1, 1/2 of 3 items, with a1 likewise, with a2 in 1 and 0 of 2
    trust = np.array([2.5 / 3, 2.5 / 3, 0.5])
    share = (trust[0] + trust[1]) / trust.sum()
    found = plan(Rgpo(), from_table(table)).examples
    np.testing.assert_allclose(found.weights, [1, 2 * share - 1, 0, 0], atol=1e-12)
    three = plan(Rgpo(trust="alike"), from_table([[0, 0, 1]], k=3)).examples
    np.testing.assert_allclose(three.weights, [(3 * 2 / 3 - 1) / 2])
    with pytest.raises(InputError, match="on no item do more of them agree than not"):
        plan(Rgpo(), from_table([[0, 1]]))
    with pytest.raises(InputError, match="trust 'all' is unknown"):
        Rgpo(trust="all")  # type: ignore[arg-type]


def test_ties_begin_at_the_crowds_share(tiny_llama: Path) -> None:
    """Davidson: two equals are called a tie with probability nu / (2 + nu); DPO begins where all are equal."""
    annotations = said([0.6, 0.6], tie=True)
    ties = int((annotations.label == 2).sum())
    share = (ties + 1) / (len(annotations) + 3)
    nu = davidson(annotations)
    assert nu / (2 + nu) == pytest.approx(share)
    start = prepare(annotations, options("noisy", TINY | {"lm": str(tiny_llama)})[1])
    begun = np.exp(score(start.lm, start.encoded, bf16=False))
    np.testing.assert_allclose(begun, np.tile([(1 - share) / 2, (1 - share) / 2, share], (160, 1)), atol=1e-5)
    assert start.reading.format.tie == nu
    centred = np.exp(start.anchor.log_p)
    np.testing.assert_allclose(centred[:, 2], nu * np.sqrt(centred[:, 0] * centred[:, 1]), atol=1e-6)


def test_without_ties_or_labels_davidsons_nu_is_harmless() -> None:
    assert davidson(said([0.9])) == 1.0
    assert davidson(said([0.9]).take_labels(np.zeros(0, np.int64))) == 1.0


@pytest.mark.parametrize("lora", [False, True])
def test_preferences_from_the_table_to_held_out_pairs(tiny_llama: Path, tmp_path: Path, lora: bool) -> None:
    """TRL's table with annotators in, ties of ours kept out; predictions afterwards are those of training's end."""
    annotations, held_out = said([0.95, 0.9, 0.5]), pairs(40)
    rows = ["id,prompt,chosen,rejected,annotator"]
    for i, j, label in zip(annotations.item, annotations.annotator, annotations.label, strict=True):
        first, second = annotations.items.choices(int(i))
        texts = f"{second},{first}" if label else f"{first},{second}"
        rows.append(f"{i},{annotations.items.prompts[i]},{texts},{annotations.annotators[j]}")
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    made, report = read(tmp_path / "pairs.csv")
    assert (report.shape, len(made.items), len(made)) == ("pairs", 160, 480)
    settings = TINY | {"lm": str(tiny_llama)} | ({"lora": "true", "learning_rate": "1e-2"} if lora else {})
    run = train(made, "joint", settings, out=tmp_path / "run", test=held_out)
    assert run.results["style"] == "texts"
    assert run.results["test"]["accuracy"] > (0.75 if lora else 0.9)  # by guessing 0.5, s.d. 0.08
    again = evaluate(run, held_out)
    assert again["accuracy"] == run.results["test"]["accuracy"]
    assert again["negative_log_likelihood"] == pytest.approx(run.results["test"]["negative_log_likelihood"], rel=1e-4)
    reading = load_reading(run.model)
    assert (reading.format.beta, reading.format.tie) == (0.1, 1.0)
    turned = replace(held_out, choice_sets=held_out.choice_sets[::-1], gold=1 - held_out.gold)
    both = [predict(run, which)["label"] for which in (held_out, turned)]
    assert both[0] == both[1]


def test_an_adapter_switched_off_is_the_untrained_model(tiny_llama: Path, tmp_path: Path) -> None:
    settings = TINY | {"lm": str(tiny_llama), "lora": "true", "epochs": "1"}
    run = train(said([0.9], n=40), "noisy", settings, out=tmp_path / "run")
    lm, reading = load_trained(run.model)
    off, other = reading.encode(pairs(8), lm), reading.encode(pairs(8), lm, untrained=load(str(tiny_llama)))
    np.testing.assert_allclose(off.offset, other.offset, atol=1e-5)


@pytest.mark.parametrize("method", ["dawid-skene", "re-po", "rgpo", "realm"])
def test_other_methods_learn_preferences_too(method: str, tiny_llama: Path, tmp_path: Path) -> None:
    run = train(said([0.95, 0.9, 0.5]), method, TINY | {"lm": str(tiny_llama)}, out=tmp_path / "run", test=pairs(40))
    assert run.results["test"]["accuracy"] > 0.9
    if method == "re-po":
        learned = [float(row["learned_reliability"]) for row in sorted(run.annotators, key=lambda r: r["annotator"])]
        assert learned[2] < learned[1] - 0.05  # they begin at 0.9, and move as far as the model is sure


def test_the_place_of_a_text_is_no_answer(tiny_llama: Path) -> None:
    """The better text always first, or always second: what the model knew, and what it is trained on, change places."""
    drawn = said([0.9])
    first, second = (with_gold_at(drawn, place) for place in (0, 1))
    begun = [prepare(made, options("noisy", TINY | {"lm": str(tiny_llama)})[1]) for made in (first, second)]
    np.testing.assert_allclose(begun[0].anchor.log_p, begun[1].anchor.log_p[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(begun[0].encoded.offset, begun[1].encoded.offset[:, ::-1], atol=1e-5)
    likelihood = np.exp(begun[0].anchor.log_p)
    assert np.ptp(likelihood[:, 0]) > 0.01  # it knows something of each item, and is left as it is
    np.testing.assert_allclose(likelihood, np.exp(begun[0].zero_shot), atol=1e-6)


def with_gold_at(annotations: Annotations, place: int) -> Annotations:
    """The same comparisons, turned so that the better text stands at `place`."""
    items = annotations.items
    turn = items.gold != place
    made = replace(items, choice_set=np.where(turn, 1 - items.choice_set, items.choice_set), gold=np.full(160, place))
    label = np.where(turn[annotations.item], 1 - annotations.label, annotations.label)
    return replace(annotations, items=made, label=label)
