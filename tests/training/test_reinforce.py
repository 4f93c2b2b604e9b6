"""Reinforcement by TRL itself. Oracles: gradients under other weights; planted distributions; a run not broken."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from crowdtune.errors import InputError
from crowdtune.examples import from_targets
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.verbalise import verbalised
from crowdtune.metrics.distances import js_distance
from crowdtune.rewards import weighted
from crowdtune.runs import Run
from crowdtune.training.checkpoints import complete
from crowdtune.training.form_stage import learn_form, learn_to_write, shuffled
from crowdtune.training.options import Training
from crowdtune.training.reinforce import Reinforcement, Stage, make_trainer, reinforce
from tests.tiny import word_items

FORM = PromptFormat("verbal", template="{prompt}")
OPTIONS = Training(learning_rate=2e-2, bf16=False, lora_rank=8, save_steps=100)
pytestmark = pytest.mark.filterwarnings("ignore")  # of other libraries


def planted(n=8):
    """(I, 2) tenths that say yes, by the item's word."""
    yes = np.array([0.1, 0.5, 0.9, 1.0])[np.arange(n) % 4]
    return np.stack([yes, 1 - yes], axis=1)


def stage_in(folder, n=8, training=OPTIONS):
    items = word_items(n)
    return Stage(from_targets(items, planted(n), np.ones(n)), FORM, training, Run(folder))


@pytest.fixture(scope="module")
def formed(tiny_teller, tmp_path_factory):
    """A model that writes distributions, of no item its own."""
    made = learn_form(load(str(tiny_teller)), stage_in(tmp_path_factory.mktemp("formed")), 20, 2e-2)
    return made


def distance(lm, n=8):
    shares, told = verbalised(lm, word_items(n), FORM, bf16=False)
    return js_distance(planted(n), shares).mean(), told


@pytest.mark.slow
def test_a_model_writes_what_it_was_taught_and_it_is_read(tiny_teller, tmp_path):
    lm = load(str(tiny_teller))
    assert distance(lm)[0] > 0.1
    taught = learn_to_write(lm, stage_in(tmp_path), planted(), steps=100, batch=8)
    left, told = distance(taught)
    assert left < 0.01
    assert (told.parsed, told.sums_to_one, told.unread) == (1, 1, ())


def test_what_cannot_be_read_is_even_and_counted(tiny_llama):
    shares, told = verbalised(load(str(tiny_llama)), word_items(6), FORM, bf16=False)
    assert (shares == 0.5).all()
    assert (told.parsed, told.unread) == (0, tuple(range(6)))
    with pytest.raises(InputError, match="samples=4 at temperature=0"):
        verbalised(load(str(tiny_llama)), word_items(6), FORM, samples=4)


def test_samples_are_averaged(formed):
    shares, _ = verbalised(formed, word_items(6), FORM, samples=16, temperature=1.0, bf16=False)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (np.abs(shares * 10 - np.round(shares * 10)) > 1e-6).any()  # no longer tenths


def gradient(formed, folder, weight, scale):
    kept = {}

    class Keep(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, **kwargs):
            named = kwargs["model"].named_parameters()
            kept.update({name: p.grad.clone() for name, p in named if p.grad is not None})

    options = Reinforcement(steps=1, prompts_per_step=8, passes=1, ambiguity_weight=weight, temperature=2.0)
    own = replace(formed, model=formed.copy().model)
    trainer = make_trainer(own, stage_in(folder), replace(options, scale="group" if scale == "ours" else "none"))
    trainer.scale_rewards = "group" if scale == "trl" else "none"
    trainer.args.max_grad_norm = 0.0
    trainer.add_callback(Keep())
    trainer.train()
    return torch.cat([grad.flatten() for grad in kept.values()])


@pytest.mark.parametrize("scale", ["none", pytest.param("ours", marks=pytest.mark.slow), "trl"])
def test_lambda_changes_the_gradient_unless_groups_are_standardised_after_it(formed, tmp_path, scale):
    alike, more = (gradient(formed, tmp_path / str(weight), weight, scale) for weight in (0.0, 1.0))
    assert alike.norm() > 0
    change = ((more - alike).norm() / alike.norm()).item()
    assert change < 0.01 if scale == "trl" else change > 0.1


@pytest.mark.slow
def test_rewards_bring_the_model_nearer(formed, tmp_path):
    before, _ = distance(formed)
    own = replace(formed, model=formed.copy().model)
    trained = reinforce(own, stage_in(tmp_path), Reinforcement(steps=40, prompts_per_step=8, passes=1))
    after, told = distance(trained)
    assert after < 0.6 * before
    assert told.parsed == 1
    lines = dict(Run(tmp_path).curve("parsed"))
    assert len(lines) == 40


def test_prompts_are_messages_where_a_chat_template_is_used(formed, tmp_path):
    plain = make_trainer(replace(formed, model=formed.copy().model), stage_in(tmp_path), Reinforcement(steps=2))
    rows = plain.train_dataset
    assert len(rows) == 24
    assert set(rows["prompt"]) == set(word_items(8).prompts)
    assert rows["target"][0] == planted()[word_items(8).prompts.index(rows["prompt"][0])].tolist()
    stage = replace(stage_in(tmp_path), form=replace(FORM, chat=True))
    chat = make_trainer(replace(formed, model=formed.copy().model), stage, Reinforcement(steps=2)).train_dataset
    assert chat["prompt"] == [[{"role": "user", "content": text}] for text in rows["prompt"]]


def test_nothing_is_told_to_anybody(formed, tmp_path, monkeypatch):
    import trl.trainer.base_trainer as theirs

    monkeypatch.setattr(theirs, "send_telemetry", lambda *a, **k: pytest.fail("the network was used"))
    make_trainer(replace(formed, model=formed.copy().model), stage_in(tmp_path), Reinforcement(passes=1))


def test_our_rewards_serve_in_anybodys_trainer():
    """TRL logs a reward by its function's name."""
    assert weighted().__name__ == "weighted_distribution_reward"


@pytest.mark.slow
def test_a_broken_run_goes_on_to_the_same_end(formed, tmp_path):
    options, training = Reinforcement(steps=4, prompts_per_step=4, rollouts=4, passes=1), replace(OPTIONS, save_steps=2)

    class Break(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_training_stop = state.global_step == 3

    ends = []
    for broken in (False, True):
        stage = stage_in(tmp_path / str(broken), training=training)
        if broken:
            trainer = make_trainer(replace(formed, model=formed.copy().model), stage, options)
            trainer.add_callback(Break())
            trainer.train()
            assert [folder.name for folder in complete(stage.run.checkpoints)] == ["checkpoint-2"]
        lm = reinforce(replace(formed, model=formed.copy().model), replace(stage, resume=broken), options)
        ends.append(torch.cat([p.flatten() for p in lm.model.parameters()]))
    assert torch.equal(*ends)


def test_targets_are_dealt_out_so_that_none_keeps_its_own():
    items, targets = word_items(9), np.random.default_rng(1).dirichlet([1, 1], 9)
    dealt = shuffled(targets, items, np.random.default_rng(0))
    assert sorted(dealt[:, 0]) == sorted(targets[:, 0])
    assert not np.isclose(dealt, targets).all(axis=1).any()
    again = shuffled(targets, items, np.random.default_rng(0))
    assert (again == dealt).all()


def test_targets_are_dealt_out_among_items_with_the_same_choices():
    items = replace(
        word_items(5), choice_sets=[("yes", "no"), ("no", "yes"), ("A", "B")], choice_set=np.array([0, 1, 0, 1, 2])
    )
    dealt = shuffled(
        np.array([[1, 0], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6], [0.9, 0.1]]), items, np.random.default_rng(0)
    )
    assert dealt.tolist() == [[0.5, 0.5], [0.4, 0.6], [1, 0], [0.2, 0.8], [0.5, 0.5]]  # alone, an item has even shares


def test_the_format_stage_is_kept_for_a_resumed_run(tiny_teller, tmp_path):
    stage = stage_in(tmp_path, 8)
    made = learn_form(load(str(tiny_teller)), stage, 3, 2e-2)
    again = learn_form(load(str(tiny_teller)), replace(stage, resume=True), 3, 2e-2)
    pairs = zip(made.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_options_are_checked(tiny_t5, tmp_path):
    with pytest.raises(InputError, match="rollouts=1"):
        Reinforcement(rollouts=1)
    with pytest.raises(InputError, match="passes=5 must divide"):
        Reinforcement(passes=5)
    with pytest.raises(InputError, match="causal"):
        make_trainer(load(str(tiny_t5)), stage_in(tmp_path), Reinforcement())
