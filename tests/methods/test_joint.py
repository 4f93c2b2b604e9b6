"""The joint method on tiny models. Oracles: planted reliabilities, gold, and what must be said when nothing decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.errors import InputError
from crowdtune.methods import Start, options, prepare, train
from crowdtune.methods._plan import Anchor
from crowdtune.methods.joint import Joint
from crowdtune.simulate import reliability, simulate
from tests.em.priors import informed as informed_answers
from tests.methods.test_methods import TINY, crowd
from tests.methods.test_methods import informed as informed  # a fixture
from tests.tiny import word_items

GENTLE = {"epochs": "2", "learning_rate": "3e-4"}


@pytest.mark.parametrize("updates", ["em", "gradient"])
def test_planted_reliabilities_are_recovered_where_the_majority_lies(
    informed: Path, tmp_path: Path, updates: str
) -> None:
    """200 items a task: a reliability of .9 or .1 has a standard error of .02, and truths are uncertain."""
    made = crowd("multi1", n=600, n_tasks=3)
    run = train(made, "joint", TINY | GENTLE | {"lm": str(informed), "updates": updates}, out=tmp_path / "run")
    rows = {row["annotator"]: row for row in run.annotators}
    found = np.array([[rows[f"a{j + 1}"][f"reliability:t{m}"] for m in range(3)] for j in range(3)])
    assert np.abs(found - reliability("multi1")).max() < 0.1
    assert run.results["posterior_accuracy"] > 0.9 > 0.3 > run.results["majority_accuracy"]
    assert run.results["verdict"]["status"] == "resolved"
    assert run.results["verdict"]["by"] == "model"
    for row in rows.values():
        assert row["reliability_low"] < row["reliability"] < row["reliability_high"]


def test_a_model_that_knows_nothing_is_told_by_gold(tiny_llama: Path, tmp_path: Path) -> None:
    """One of three is reliable, nobody can tell which: the verdict says so, and with gold the model is right."""
    made, held_out = crowd("dist1", n=240), word_items(40)
    settings = TINY | {"lm": str(tiny_llama), "state_rank": "0"}
    blind = train(made, "joint", settings, out=tmp_path / "blind", test=held_out).results
    assert blind["verdict"]["status"] != "resolved"
    assert "gold=" in blind["warnings"][0]
    told = train(made, "joint", settings | {"gold": "30"}, out=tmp_path / "told", test=held_out).results
    assert told["verdict"]["status"] == "resolved"
    assert told["verdict"]["by"] == "gold"
    assert told["posterior_accuracy"] > 0.85
    assert told["test"]["accuracy"] > 0.85


def test_nothing_is_measured_on_gold_that_was_shown(tiny_llama: Path, tmp_path: Path) -> None:
    made = crowd("0.6,0.6,0.6", n=60)
    settings = TINY | {"lm": str(tiny_llama), "gold": "-1", "epochs": "1"}
    results = train(made, "joint", settings, out=tmp_path / "run").results
    assert "posterior_accuracy" not in results


def test_an_item_with_gold_and_no_label_is_trained_on() -> None:
    made = crowd(n=20)
    keep = made.item != 3
    thin = replace(made, item=made.item[keep], annotator=made.annotator[keep], label=made.label[keep])
    plan = Joint(gold=-1).plan(thin, Anchor(np.full((20, 2), -np.log(2)), np.zeros((20, 0), np.float32)))
    assert plan.examples.weights.tolist() == [1.0] * 20
    evidence = plan.objective.annotators.evidence[3]
    assert evidence.argmax() == made.items.gold[3]
    assert evidence.max() - evidence.min() > 20


def test_an_earlier_run_is_a_prior(informed: Path, tmp_path: Path) -> None:
    """Three labels each would leave the interval of a reliability of .1 wide; the history of 200 does not."""
    settings = TINY | GENTLE | {"lm": str(informed)}
    first = train(crowd("dist1", n=240, n_tasks=1), "joint", settings, out=tmp_path / "first")
    few = crowd("dist1", n=240).take_items(np.arange(3))
    widths = []
    for changes in ({"prior_alpha": "2", "prior_beta": "2"}, {"history": str(first.folder)}):
        run = train(few, "joint", settings | changes, out=tmp_path / f"run{len(widths)}")
        row = next(r for r in run.annotators if r["annotator"] == "a2")
        widths.append(row["reliability_high"] - row["reliability_low"])
    assert widths[1] < 0.7 * widths[0]
    with pytest.raises(InputError, match="no finished run"):
        train(few, "joint", settings | {"history": str(tmp_path / "nowhere")}, out=tmp_path / "no")


def test_whom_to_trust_on_which_items_is_found_and_shown() -> None:
    """Multi #1 with the tasks hidden: clusters of items in which each annotator is as reliable as planted there."""
    rng = np.random.default_rng(0)
    made = simulate(word_items(900, n_tasks=3), reliability("multi1"), rng=rng)
    task = made.items.task
    hidden = (np.eye(3)[task] @ rng.normal(size=(3, 16)) + 0.1 * rng.normal(size=(900, 16))).astype(np.float32)
    blind = replace(made, items=replace(made.items, tasks=["all"], task=np.zeros(900, dtype=np.int64), kinds=()))
    log_p = informed_answers(made.items.gold, 2, 0.75, rng)
    found = Joint().plan(blind, Anchor(log_p, hidden)).conclude(log_p)
    assert found.results["annotator_model"] == "statecoin"
    assert (found.posterior.argmax(axis=1) == made.items.gold).mean() > 0.85
    shown = [cluster["reliability"] for cluster in found.results["clusters"]]
    assert {max(reliabilities, key=reliabilities.get) for reliabilities in shown} == {"a1", "a2", "a3"}
    for reliabilities in shown:
        best, *others = sorted(reliabilities.values(), reverse=True)
        assert best == pytest.approx(0.9, abs=0.15)  # clusters are k-means, weights are shrunk
        assert others == pytest.approx([0.1, 0.1], abs=0.15)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"updates": "adam"}, "updates"),
        ({"prior_alpha": "3"}, "both be 1 or more"),
        ({"prior_alpha": "0.5", "prior_beta": "2"}, "both be 1 or more"),
        ({"state_rank": "-1"}, "state_rank=-1"),
        ({"gold": "-2"}, "gold=-2"),
        ({"gold": "5", "updates": "gradient"}, "evidence for EM alone"),
        ({"history_labels": "0"}, "history_labels=0.0 must be above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        options("joint", changes)


def test_gold_that_is_not_there_is_asked_for() -> None:
    made = crowd(n=20)
    none = replace(made, items=replace(made.items, gold=np.full(20, -1)))
    with pytest.raises(InputError, match="Add a gold column"):
        Joint(gold=5).plan(none, Anchor(np.zeros((20, 2)), np.zeros((20, 0), np.float32)))


def test_what_hidden_states_are_read_from_is_what_logits_are_made_of(tiny: Path) -> None:
    """The read-out times the head's weights gives the logits: the same position, the same item order."""
    made = crowd(n=7)
    start: Start = prepare(made, options("joint", TINY | {"lm": str(tiny)})[1])
    head = start.lm.model.get_output_embeddings().weight.detach().numpy()
    logits = start.anchor.hidden @ head.T
    chosen = np.take_along_axis(logits, start.encoded.answers, axis=1)
    gap = start.zero_shot[:, 0] - start.zero_shot[:, 1]
    np.testing.assert_allclose(chosen[:, 0] - chosen[:, 1], gap, atol=1e-4)
