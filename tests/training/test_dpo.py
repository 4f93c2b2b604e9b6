"""Oracles: DPO's loss and gradient in closed form, and TRL's own trainer on the same batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdtune.annotations import Items
from crowdtune.examples import from_targets
from crowdtune.lm.batch import collate
from crowdtune.lm.encode import encode
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import against
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.training import CrowdConfig, CrowdTrainer
from tests.tiny import word_items

N = 6
TEXTS = [("w1 w2", "w3"), ("w4", "w5 w6 w7"), ("w8 w9", "w1")]
FORM = PromptFormat("auto", "{prompt} Answer :")


def pairs() -> Items:
    """Texts of different lengths; the better one stands first and second in turn."""
    made = word_items(N)
    return replace(made, choice_sets=TEXTS, choice_set=np.arange(N) % 3, gold=np.arange(N) % 2, kinds=("pair",))


def moved(lm: LanguageModel) -> LanguageModel:
    """Another model than the one it began as, so that margins are not 0."""
    made, draw = lm.copy(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=draw))
    return made


def log_likelihood(lm: LanguageModel, prompt: str, text: str) -> torch.Tensor:
    before, ids = (lm.tokenizer(t, return_tensors="pt").input_ids for t in (prompt, text))
    ids = torch.cat([ids, torch.tensor([[lm.tokenizer.eos_token_id]])], dim=1)
    logits = lm.model(input_ids=torch.cat([before, ids], dim=1)).logits[0, before.shape[1] - 1 : -1]
    return logits.log_softmax(-1).gather(1, ids[0][:, None]).sum()


def ours(lm: LanguageModel, untrained: LanguageModel, folder: Path) -> torch.Tensor:
    """Mean loss of one batch, with one label per pair: that it is gold."""
    data = pairs()
    encoded = against(encode(data, lm, FORM, 64), untrained, bf16=False)
    config = CrowdConfig(output_dir=str(folder), use_cpu=True, report_to="none", bf16=False)
    examples = from_targets(data, np.eye(2)[data.gold], np.ones(N))
    trainer = CrowdTrainer(lm, config, examples, objective=SoftTarget(), encoded=encoded)
    rows = [trainer.train_dataset[i] for i in range(N)]
    loss: torch.Tensor = trainer.compute_loss(lm.model, collate(rows, lm))
    return loss


def test_loss_and_gradient_of_dpo_in_closed_form(tiny_llama: Path, tmp_path: Path) -> None:
    """-log sigmoid(b m), m the log ratio of the better less that of the other; its gradient -b sigmoid(-b m) dm."""
    untrained = load(str(tiny_llama))
    lm, data = moved(untrained), pairs()
    lm.model.eval()
    loss = ours(lm, untrained, tmp_path)
    loss.backward()
    found = lm.model.get_input_embeddings().weight.grad.clone()
    lm.model.zero_grad()
    wanted = 0.0
    for i in range(N):
        better, other = (data.choices(i)[k] for k in (data.gold[i], 1 - data.gold[i]))
        prompt = f"{data.prompts[i]} Answer :"
        with torch.no_grad():
            begun = log_likelihood(untrained, prompt, better) - log_likelihood(untrained, prompt, other)
        margin = log_likelihood(lm, prompt, better) - log_likelihood(lm, prompt, other)
        pull = 0.1 * (margin - begun).detach()
        (-0.1 * torch.sigmoid(-pull) / N * margin).backward()
        wanted -= float(torch.sigmoid(pull).log()) / N
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    torch.testing.assert_close(found, lm.model.get_input_embeddings().weight.grad, atol=1e-6, rtol=1e-3)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_one_step_is_trls(tiny_llama: Path, tmp_path: Path) -> None:
    """The loss of the same pairs in `trl.DPOTrainer`, sigmoid loss, beta 0.1."""
    import datasets
    import trl

    untrained = load(str(tiny_llama))
    lm, data = moved(untrained), pairs()
    lm.model.eval()
    rows = [
        {
            "prompt": f"{data.prompts[i]} Answer :",
            "chosen": f" {data.text(i, int(data.gold[i]))} ",
            "rejected": f" {data.text(i, 1 - int(data.gold[i]))} ",
        }
        for i in range(N)
    ]
    trainer = trl.DPOTrainer(
        model=lm.model,
        ref_model=untrained.model,
        args=trl.DPOConfig(
            output_dir=str(tmp_path / "trl"), beta=0.1, use_cpu=True, report_to="none", bf16=False, fp16=False,
            max_length=None, gradient_checkpointing=False,
        ),
        processing_class=untrained.tokenizer,
        train_dataset=datasets.Dataset.from_list(rows),
    )  # fmt: skip
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(N)])
    trainer.model.eval()
    theirs = trainer.compute_loss(trainer.model, batch)
    assert ours(lm, untrained, tmp_path).item() == pytest.approx(float(theirs), rel=1e-5)
    assert float(theirs) != pytest.approx(np.log(2), abs=1e-3)
