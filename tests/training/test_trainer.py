"""Oracles: the same steps in another arrangement, plain torch, and parameters that were planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdtune.annotators.expertise import Expertise
from crowdtune.errors import InputError
from crowdtune.examples import Examples, from_annotations, from_targets
from crowdtune.lm.load import load
from crowdtune.objectives.likelihood import Likelihood
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.ragged import ragged as rows
from crowdtune.simulate import reliability, simulate
from crowdtune.training import CrowdConfig, CrowdTrainer
from tests.tiny import word_items


def crowd(n: int = 40, overlap: str = "shared", seed: int = 0, spec: str = "dist1") -> Examples:
    made = simulate(word_items(n), reliability(spec), overlap=overlap, rng=np.random.default_rng(seed))
    return from_annotations(made)


def ragged(n: int = 24) -> Examples:
    """Items with one to three labels, so that counting items, labels or batches gives different numbers."""
    examples = crowd(n)
    kept = [slice(1 + i % 3) for i in range(n)]
    labels, annotators = (
        rows(row[own] for row, own in zip(full, kept, strict=True)) for full in (examples.labels, examples.annotators)
    )
    return replace(examples, labels=labels, annotators=annotators)


def written(n: int) -> Examples:
    """Responses of one to four tokens with weights of their own."""
    sets = [(" ".join(["w1", "w2", "w3", "w4"][: 1 + i % 4]),) for i in range(n)]
    items = replace(word_items(n), choice_sets=sets, choice_set=np.arange(n), gold=np.zeros(n, int), kinds=("text",))
    return from_targets(items, np.linspace(0.1, 2, n)[:, None], np.ones(n))


def config(folder: Path, **changes: object) -> CrowdConfig:
    fixed = dict(
        output_dir=str(folder),
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        template="{prompt} Answer :",
        style="words",
        learning_rate=1e-2,
        per_device_train_batch_size=8,
        num_train_epochs=1,
        save_strategy="no",
        optim="sgd",
        max_grad_norm=0.0,
        lr_scheduler_type="constant",
        seed=3,
    )
    return CrowdConfig(**(fixed | changes))  # type: ignore[arg-type]


def test_responses_weigh_the_same_in_any_arrangement(tiny_llama: Path, tmp_path: Path) -> None:
    """12 x 1, 4 x 3 and 1 x 12 take the same step."""
    after = []
    for batch, accumulation in ((12, 1), (4, 3), (1, 12)):
        changes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
        trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, style="auto", **changes), written(12))
        trainer.train()
        after.append(trainer.lm.model.model.embed_tokens.weight.detach().clone())
    torch.testing.assert_close(after[1], after[0], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(after[2], after[0], atol=1e-6, rtol=1e-5)


def test_of_several_gpus_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """transformers would cut the tensors of a batch in pieces by their first axis, which is not the items' in all."""
    monkeypatch.setattr(CrowdConfig, "n_gpu", property(lambda self: 4))
    assert config(tmp_path)._n_gpu == 1
    assert "torchrun --nproc-per-node 4" in caplog.text


def test_responses_without_weights_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    """Labels alone would make a loss of 0, whatever the model says."""
    made = crowd()
    with pytest.raises(InputError, match="make examples with from_targets"):
        CrowdTrainer(str(tiny_llama), config(tmp_path, style="responses"), made)


@pytest.mark.parametrize("kind", ["per-label", "joint", "soft"])
def test_accumulation_does_not_change_the_step(tiny_llama: Path, tmp_path: Path, kind: str) -> None:
    """One batch of 8 x 3 items equals three of 8 and twelve of 2, whatever the number of labels in each."""
    after = []
    for batch, accumulation in ((24, 1), (8, 3), (2, 12)):
        examples = ragged()
        objective = SoftTarget() if kind == "soft" else Likelihood(Expertise(3), n_labels=48, kind=kind)  # type: ignore[arg-type]
        if kind == "soft":
            targets = np.eye(2)[examples.items.gold]
            examples = from_targets(examples.items, targets, np.linspace(0.2, 3, len(examples)))
        changes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
        trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, **changes), examples, objective=objective)
        trainer.train()
        after.append((trainer.lm.model.model.embed_tokens.weight.detach().clone(), objective.annotators))
    for weights, annotators in after[1:]:
        torch.testing.assert_close(weights, after[0][0], atol=1e-6, rtol=1e-5)
        if annotators is not None:
            torch.testing.assert_close(annotators.rho, after[0][1].rho, atol=1e-5, rtol=1e-4)


def test_the_first_loss_is_the_mean_over_labels(tiny_llama: Path, tmp_path: Path) -> None:
    examples = ragged()
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, per_device_eval_batch_size=24), examples, examples)
    loss = trainer.evaluate()["eval_loss"]
    features = [trainer.eval_dataset[i] for i in range(24)]
    batch = trainer.data_collator(features)
    from crowdtune.lm.read_out import at_answer

    with torch.no_grad():
        log_p = at_answer(trainer.lm.model.eval(), batch)
        p = log_p.exp()[torch.arange(24)[:, None], batch["labels"].clamp(min=0)]
        mixture = (0.5 * p + 0.25).log()[batch["labels"] >= 0]
    assert loss == pytest.approx(-mixture.mean().item(), abs=1e-5)


def test_evaluation_does_not_depend_on_batches(tiny: Path, tmp_path: Path) -> None:
    found = []
    for size in (5, 40):
        trainer = CrowdTrainer(str(tiny), config(tmp_path, per_device_eval_batch_size=size), crowd(), crowd())
        found.append(trainer.evaluate()["eval_accuracy"])
    assert found[0] == found[1]


def test_a_tiny_model_learns_the_truth_and_whom_to_trust(tiny: Path, tmp_path: Path) -> None:
    """Planted: accuracies .95, .95, .5 are e = .9, .9, 0; five s.d. of an estimate from 240 labels are .14 and .33."""
    examples = crowd(240, spec="0.95,0.95,0.5")
    objective = Likelihood(Expertise(3), n_labels=720, kind="joint")
    changes = {"optim": "adamw_torch", "num_train_epochs": 16, "learning_rate": 3e-3, "warmup_steps": 0.1}
    changes |= {"lr_scheduler_type": "cosine"}
    trainer = CrowdTrainer(str(tiny), config(tmp_path, **changes), examples, examples, objective=objective)
    trainer.train()
    assert trainer.evaluate()["eval_accuracy"] > 0.95
    e = trainer.annotators.expertise()[:, 0]
    assert (e[:2] - 0.9).abs().max() < 0.14
    assert e[2] < 0.33


def test_annotators_are_no_part_of_the_saved_model(tiny_llama: Path, tmp_path: Path) -> None:
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path), crowd())
    trainer.train()
    trainer.save_model(str(tmp_path / "saved"))
    again = load(str(tmp_path / "saved"))
    assert not any("rho" in name for name, _ in again.model.named_parameters())
    torch.testing.assert_close(again.model.state_dict(), trainer.lm.model.state_dict())


def test_lora_trains_the_adapter_and_the_annotators_alone(tiny: Path, tmp_path: Path) -> None:
    import peft

    lora = peft.LoraConfig(r=4, target_modules="all-linear")
    trainer = CrowdTrainer(str(tiny), config(tmp_path, optim="adamw_torch"), crowd(), peft_config=lora)
    before = {n: p.detach().clone() for n, p in trainer.lm.model.named_parameters()}
    trainer.train()
    moved = {n for n, p in trainer.lm.model.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    assert all("lora_" in name for name in moved)
    assert not torch.allclose(trainer.annotators.expertise(), torch.tensor(0.5))


def test_bf16_autocast_keeps_float32_parameters(tiny: Path, tmp_path: Path) -> None:
    trainer = CrowdTrainer(str(tiny), config(tmp_path, bf16=True), crowd())
    trainer.train()
    assert {p.dtype for p in trainer.lm.model.parameters()} == {torch.float32}


def test_fp16_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp16 scales losses"):
        config(tmp_path, fp16=True)


def test_annotators_have_a_learning_rate_of_their_own(tiny_llama: Path, tmp_path: Path) -> None:
    """Adam's first step is its learning rate in size, whatever the gradient; the model's rate is 0."""
    changes = {"learning_rate": 0.0, "annotator_learning_rate": 0.03, "per_device_train_batch_size": 40}
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, **changes), crowd())
    before = trainer.lm.model.model.embed_tokens.weight.detach().clone()
    trainer.train()
    torch.testing.assert_close(trainer.annotators.rho.abs(), torch.full((3, 1), 0.03), atol=1e-4, rtol=0)
    torch.testing.assert_close(trainer.lm.model.model.embed_tokens.weight, before)


def test_examples_without_labels_train_on_their_targets(tiny_llama: Path, tmp_path: Path) -> None:
    items = word_items(40)
    examples = from_targets(items, np.eye(2)[items.gold], np.ones(40))
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path), examples)
    assert trainer.annotators is None
    trainer.train()
