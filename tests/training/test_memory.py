"""What fits: options that take less memory and change nothing else, and the estimate of what training takes.

Oracles: the same step without the option, sizes counted by hand, what autograd itself says it keeps, and (slow) the
memory of a real process.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.memory import apart

from crowdtune.errors import InputError
from crowdtune.lm.load import load, outline
from crowdtune.lm.reading import load_trained
from crowdtune.lm.score import score
from crowdtune.methods import _memory, foresee, train
from crowdtune.training import CrowdTrainer
from crowdtune.training.finetune import adapter
from crowdtune.training.memory import Batch, Memory, cheaper, estimate
from crowdtune.training.options import Training
from tests.cli.test_cli import run
from tests.methods.test_methods import crowd as people
from tests.training.test_trainer import config, crowd, written

BATCH = Batch("words", 64, 24)


@pytest.mark.parametrize(
    ("name", "style", "lora"),
    [
        ("tiny_llama", "responses", True),
        ("tiny_t5", "words", False),
        pytest.param("tiny_llama", "words", False, marks=pytest.mark.slow),
        pytest.param("tiny_t5", "responses", True, marks=pytest.mark.slow),
    ],
)
def test_checkpointing_takes_the_same_step(
    name: str, style: str, lora: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Also of texts, which go on from what a model keeps of their prompts, and checkpointing keeps nothing."""
    after = []
    for checkpointing in (False, True):
        lm = load(str(request.getfixturevalue(name)))
        changes = {"activation_checkpointing": checkpointing, "num_train_epochs": 2, "style": "auto"}
        examples = crowd(16) if style == "words" else written(16)
        peft = adapter(lm, Training(lora=True)) if lora else None
        trainer = CrowdTrainer(lm, config(tmp_path, **changes), examples, peft_config=peft)
        trainer.train()
        assert trainer.model.is_activation_checkpointing == checkpointing
        moved = [p.detach().clone() for p in trainer.lm.model.parameters() if p.requires_grad]
        after.append((trainer.state.log_history[-1]["train_loss"], moved))
    assert after[1][0] == pytest.approx(after[0][0], rel=1e-5)
    for one, other in zip(after[0][1], after[1][1], strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=1e-5)


def test_an_adapter_on_bfloat16_is_float32_and_is_read_so_again(tiny_llama: Path, tmp_path: Path) -> None:
    settings = {"lm": str(tiny_llama), "lora": "true", "dtype": "bfloat16", "style": "words", "epochs": "1"}
    crowd = people()
    made = train(crowd, "majority", settings, out=tmp_path / "run")
    lm, reading = load_trained(made.model)
    kinds = {("lora" in name): p.dtype for name, p in lm.model.named_parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    whole = load(str(tiny_llama), adapter=made.model)
    few = crowd.items.take(range(8))  # type: ignore[arg-type]
    near = [score(m, reading.encode(few, m), bf16=False) for m in (lm, whole)]
    torch.testing.assert_close(*map(torch.tensor, near), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dtype": "bfloat16"}, "dtype=bfloat16 is for weights that LoRA leaves as they are.*Add lora=true"),
        ({"optimizer": "adamw"}, "unknown optimizer 'adamw'"),
        ({"optimizer": "adamw_8bit"}, "optimizer adamw_8bit is not installed. Run: pip install bitsandbytes"),
    ],
)
def test_options_that_cannot_be_are_answered(
    settings: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if "bits" in name else find(name, *more))
    with pytest.raises(InputError, match=said):
        train(people(), "majority", settings, out=tmp_path / "run")


def test_every_optimizer_is_known_to_transformers() -> None:
    from transformers.training_args import OptimizerNames

    from crowdtune.training.options import STATE

    assert set(STATE) <= {kind.value for kind in OptimizerNames}


def test_weights_gradients_and_states_are_counted(tiny_llama: Path) -> None:
    lm = load(str(tiny_llama))
    size = sum(p.numel() for p in lm.model.parameters())
    whole = estimate(lm, BATCH, Training())
    assert (whole.weights, whole.gradients, whole.optimizer) == (4 * size, 4 * size, 8 * size)
    assert estimate(lm, BATCH, Training(optimizer="adafactor")).optimizer == 0
    lora = estimate(lm, BATCH, Training(lora=True, lora_rank=2, dtype="bfloat16"))
    wide = 2 * 2 * ((32 + 32) * 2 + (32 + 16) * 2 + (32 + 64) * 3)  # layers x rank x (in + out) of q, o; k, v; MLP
    assert (lora.weights, lora.gradients, lora.optimizer) == (2 * size + 4 * wide, 4 * wide, 8 * wide)


@pytest.mark.parametrize(
    "name", ["tiny_bert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny_llama", "tiny_t5"))]
)
def test_activations_are_what_autograd_keeps(name: str, request: pytest.FixtureRequest) -> None:
    """A little more, for what comes and goes; and the same of a model whose weights were never loaded."""
    folder, head = str(request.getfixturevalue(name)), "head" if name == "tiny_bert" else "lm"
    lm, batch = load(folder, head=head, outputs=("no", "yes") * (head == "head")), replace(BATCH, style=head)
    told = estimate(lm, batch, Training(bf16=False))
    kept = _kept(lm.model, batch)
    assert kept < told.activations < 1.25 * kept
    assert estimate(outline(folder, head=head, outputs=("no", "yes")), batch, Training(bf16=False)) == told
    assert estimate(lm, batch, Training(bf16=False, checkpointing=True)).activations < 0.7 * kept


def _kept(model: Any, batch: Batch) -> int:
    """Bytes that autograd keeps of a real forward pass, parameters aside."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    met: dict[int, int] = {}
    ids = torch.full((batch.items, batch.prompt), 3)
    more = {"decoder_input_ids": ids[:, :1]} if model.config.is_encoder_decoder else {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            met[storage.data_ptr()] = storage.nbytes()
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=ids, attention_mask=torch.ones_like(ids), **more)
    return sum(met.values())


def test_of_several_processes_each_holds_its_part() -> None:
    told = Memory(weights=101, gradients=40, optimizer=80, activations=7, data=3).shared(4)
    assert told == Memory(weights=26, gradients=10, optimizer=20, activations=7, data=3)


@pytest.mark.slow
def test_what_takes_less_is_told_with_its_number(tiny_llama: Path) -> None:
    lm, texts = load(str(tiny_llama)), Batch("texts", 16, 16, 32, 8)
    told = estimate(lm, texts, Training())
    others = cheaper(lm, texts, Training())
    assert others["checkpointing=true"] == estimate(lm, texts, Training(checkpointing=True)).total < told.total
    half = Training(batch_size=8, accumulation=4)
    assert others["batch_size=8 accumulation=4"] == estimate(lm, replace(texts, items=8, texts=16), half).total
    assert "optimizer=adafactor" in others


def test_what_a_training_takes_is_said_and_a_warning_where_that_is_not_free(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = {"lm": str(tiny_llama), "style": "words"}
    told = foresee(people(), "majority", settings)
    assert caplog.records[-1].message.startswith("memory: about 0.0 of ")
    monkeypatch.setattr(_memory, "free", lambda device: told.total - 1)
    monkeypatch.setattr(_memory, "cheaper", lambda *known: {"lora=true": told.total + 1, "checkpointing=true": 2**30})
    monkeypatch.setattr(_memory, "estimate", lambda *known: replace(told, weights=2**31))
    foresee(people(), "majority", settings)
    assert caplog.records[-1].levelno == logging.WARNING
    assert "memory: too little, about 2.0 of 0.0 GiB free: weights 2.00" in caplog.records[-1].message
    assert caplog.records[-1].message.endswith("with --set of lora=true 0.0; checkpointing=true 1.0")


def test_a_training_that_cannot_be_traced_is_no_error(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And of the smallest models nothing is said."""

    def fails(*args: Any) -> None:
        raise RuntimeError("no kernel for this\nand so on")

    monkeypatch.setattr(_memory, "estimate", fails)
    settings = {"lm": str(tiny_llama), "style": "words", "epochs": "0.2"}
    train(people(), "majority", settings, out=tmp_path / "small")
    assert "memory" not in caplog.text
    monkeypatch.setattr(_memory, "SMALL", 0)
    train(people(), "majority", settings, out=tmp_path / "run")
    assert "memory: not estimated (RuntimeError: no kernel for this)" in caplog.text


def test_the_command_tells_it_without_training(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "item,prompt,annotator,label\n" + "".join(
        f"i{i},task w{i},a{i % 3},yes\ni{i},task w{i},b,no\n" for i in range(9)
    )
    (tmp_path / "data.csv").write_text(rows)
    command = ["train", str(tmp_path / "data.csv"), "--model", str(tiny_llama), "--set", "style=words"]
    assert run(monkeypatch, *command, "--estimate", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"] == sum(size for name, size in told.items() if name != "total")
    assert run(monkeypatch, *command, "--estimate") == 0
    assert "memory at the peak of training" in capsys.readouterr().out
    assert run(monkeypatch, *command) == 2
    assert "-o DIR" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_process_takes_what_was_told() -> None:
    """Within 15 %, as benchmarks/memory.py finds of larger models."""
    found = apart("a small Llama")
    assert found["estimate"] == pytest.approx(found["took"], rel=0.15)
