"""Oracle: the tools themselves. TRL trains on what is written for it, crowd-kit aggregates what is written for it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from crowdtune.write.formats import make
from tests.write.exports import labelled, pairs

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


def loaded(name: str, tmp_path: Path, chat: bool) -> Any:
    datasets = pytest.importorskip("datasets")
    make(name, {"chat": chat}).write(pairs() if name == "trl-dpo" else labelled(), tmp_path / name)
    return datasets.load_dataset(str(tmp_path / name), cache_dir=str(tmp_path / "cache"))["train"]


def trained(kind: str, data: Any, model: Path, tmp_path: Path, chat: bool) -> Any:
    """One step of SFTTrainer or DPOTrainer."""
    trl = pytest.importorskip("trl")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    if chat:
        tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    args = getattr(trl, f"{kind}Config")(
        output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=1, use_cpu=True, bf16=False,
        report_to="none", save_strategy="no", logging_steps=1,
    )  # fmt: skip
    trainer = getattr(trl, f"{kind}Trainer")(str(model), args=args, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    return trainer


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize(("name", "kind"), [("trl-sft", "SFT"), ("trl-dpo", "DPO")])
def test_trl_trains_on_it(name: str, kind: str, chat: bool, tiny_llama: Path, tmp_path: Path) -> None:
    from trl import is_conversational

    data = loaded(name, tmp_path, chat)
    assert is_conversational(data[0]) == chat
    trainer = trained(kind, data, tiny_llama, tmp_path, chat)
    assert [log["loss"] > 0 for log in trainer.state.log_history if "loss" in log] == [True]


def test_crowd_kit_aggregates_it(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aggregation = pytest.importorskip("crowdkit.aggregation")
    make("crowd-kit", {}).write(labelled(), tmp_path / "out")
    labels = pandas.read_csv(tmp_path / "out" / "labels.csv", dtype=str, keep_default_na=False)
    found = aggregation.MajorityVote().fit_predict(labels)
    assert (found["i0"], found["i2"]) == ("yes", "no")
