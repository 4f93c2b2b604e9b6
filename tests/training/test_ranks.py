"""Oracles: one process with as many items in a step, to rounding; the uninterrupted run, bit by bit; a formula."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from crowdtune.annotations import Floats
from crowdtune.lm.load import load
from crowdtune.runs import Run
from crowdtune.training.dataset import LengthGrouped, blank
from crowdtune.training.shares import Dealt, ready_to_shard
from tests.training.launched import CASES, FIXED, crowd, train

ALWAYS = ["frozen", "realm", "joint fsdp"]
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
HERE = Path(__file__).parents[2]
TIMES = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos")


def launch(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Two processes over gloo, whatever they return."""
    found = {"PYTHONPATH": f"{HERE / 'src'}{os.pathsep}{HERE}", "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    command = [*LAUNCH, *map(str, words)]
    return subprocess.run(command, env=os.environ | found | more, cwd=HERE, capture_output=True, text=True)


def launched(model: Path, folder: Path, *cases: str, **more: str) -> None:
    done = launch("-m", "tests.training.launched", model, folder, *cases, **more)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def two(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two processes."""
    folder = tmp_path_factory.mktemp("two")
    launched(tiny_llama, folder, *ALWAYS)
    return folder


def numbers(found: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of results.json but its time."""
    parts = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    if not parts:
        yield name, found
    for key, part in parts:
        if key != "seconds":
            yield from numbers(part, f"{name}/{key}")


def log(run: Run) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def weights(run: Run) -> dict[str, Floats]:
    (file,) = run.model.glob("*.safetensors")
    return load_file(file)


def assert_alike(one: Run, two: Run) -> None:
    """Losses, figures, annotators, posterior and weights, and nothing besides."""
    assert sorted(p.name for p in two.folder.iterdir()) == sorted(p.name for p in one.folder.iterdir())
    assert len(log(two)) == len(log(one))
    for theirs, ours in zip(log(two), log(one), strict=True):
        assert theirs == pytest.approx(ours, abs=1e-5)
    assert dict(numbers(two.results)) == pytest.approx(dict(numbers(one.results)), abs=2e-4)
    for row, own in zip(two.annotators, one.annotators, strict=True):
        assert row == pytest.approx(own, abs=2e-4)
    np.testing.assert_allclose(two.beliefs()[1], one.beliefs()[1], atol=1e-5)
    assert weights(two).keys() == weights(one).keys()
    for name, value in weights(one).items():
        np.testing.assert_allclose(weights(two)[name], value, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("case", ["realm", "joint fsdp"])
def test_two_processes_train_as_one(case: str, two: Path, tiny_llama: Path, tmp_path: Path) -> None:
    """33 items in batches of 8: one is left for two ranks, and the last step of an epoch has fewer batches."""
    assert_alike(train(case, str(tiny_llama), tmp_path / "one"), Run(two / case.replace(" ", "-")))


def test_the_loss_of_a_frozen_model_is_a_formula(two: Path, tiny_llama: Path) -> None:
    """A step over all 33 items at no learning rate: cross-entropy with the shares of the labels, mean over items."""
    from crowdtune.lm.encode import encode
    from crowdtune.lm.prompts import PromptFormat
    from crowdtune.lm.score import score

    data, lm = crowd("labels"), load(str(tiny_llama))
    log_p = score(lm, encode(data.items, lm, PromptFormat(template=FIXED["template"]), 512), bf16=False)
    share = data.votes / data.votes.sum(axis=1, keepdims=True)
    assert log(Run(two / "frozen"))[-1]["train_loss"] == pytest.approx(-(share * log_p).sum(axis=1).mean(), abs=1e-6)


@pytest.mark.slow
def test_other_methods_train_as_one(tiny_llama: Path, tmp_path: Path) -> None:
    """Targets, running means, adapters, choices that are texts, free responses; whole models and parts."""
    rest = [case for case in CASES if case not in ALWAYS]
    launched(tiny_llama, tmp_path / "two", *rest)
    for case in rest:
        place = case.replace(" ", "-")
        assert_alike(train(case, str(tiny_llama), tmp_path / place), Run(tmp_path / "two" / place))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["realm", "joint fsdp"])
def test_a_lost_rank_ends_all_and_resuming_gives_the_same_bits(
    case: str, two: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    """9 steps in 3 epochs; rank 1 is killed after step 5, so both go on from step 4, within the second epoch."""
    place = case.replace(" ", "-")
    done = launch("-m", "tests.training.launched", tiny_llama, tmp_path, case, DIE="5")
    assert done.returncode == 1
    assert f"Signal {signal.SIGKILL.value} (SIGKILL)" in done.stderr
    assert [p.name for p in (tmp_path / place / "checkpoints").iterdir()] == ["checkpoint-4"]
    launched(tiny_llama, tmp_path, case)
    for name, value in weights(Run(two / place)).items():
        assert np.array_equal(weights(Run(tmp_path / place))[name], value), name
    assert np.array_equal(Run(tmp_path / place).beliefs()[1], Run(two / place).beliefs()[1])


@pytest.mark.slow
def test_the_command_speaks_once_and_a_failure_names_its_rank(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [f"{i},w{i},ann,{'yes' if i % 2 else 'no'}" for i in range(9)]
    (tmp_path / "crowd.csv").write_text("\n".join(["item,prompt,annotator,label", *rows]) + "\n")
    words = ["train", tmp_path / "crowd.csv", "--model", tiny_llama, "--set", "bf16=false", "--method", "noisy"]
    done = launch("-m", "crowdtune", *words, "-o", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout)["items"] == 9
    assert done.stderr.count("training with noisy") == 1
    assert Run(tmp_path / "run").config["ranks"] == 2
    script = tmp_path / "one_lacks_the_data.py"
    script.write_text(
        "import os, sys\nfrom crowdtune.cli import main\n"
        "sys.argv[2] += '.gone' if os.environ['RANK'] == '1' else ''\nmain()\n"
    )
    done = launch(script, *words, "-o", tmp_path / "another")
    assert done.returncode == 1
    assert "rank 1 of 2 on" in done.stderr
    assert "crowd.csv.gone does not exist" in done.stderr
    assert "rank 0 of 2" not in done.stderr


@pytest.mark.parametrize("n", [1, 8, 33, 64])
def test_ranks_share_the_batches_of_one_process(n: int) -> None:
    """As accelerate gives three ranks their batches in turn: together they have what one process has, once."""
    order = LengthGrouped(np.random.default_rng(0).integers(1, 50, n), 12, seed=1)
    dealt = list(Dealt(order, batch=4, ranks=3, blank=blank(0)))
    assert len(dealt) == len(Dealt(order, 4, 3, blank(0))) == -(-n // 12) * 12
    one = list(order)
    for begin in range(0, len(dealt), 12):
        batches = np.array(dealt[begin : begin + 12]).reshape(3, 4)
        sizes = (batches >= 0).sum(axis=1)
        assert sorted(batches[batches >= 0]) == sorted(one[begin : begin + 12])
        assert set(batches[batches < 0]) <= {-1}
        assert np.ptp(sizes) <= 1


def test_a_model_ready_to_shard_is_the_same_model(tiny_t5: Path, tiny_bert: Path) -> None:
    """Oracle: its own weights and answers. T5's three embeddings are one; BERT's lie in no part that is kept whole."""
    for folder, head in ((tiny_t5, "lm"), (tiny_bert, "head")):
        model = load(str(folder), head=head, outputs=("yes", "no") if head == "head" else ()).model.eval()
        ids = {"input_ids": torch.tensor([[5, 6, 7]])}
        ids |= {"decoder_input_ids": torch.tensor([[0]])} if head == "lm" else {}
        before, names = model(**ids).logits, list(model.state_dict())
        ready_to_shard(model)
        assert torch.equal(model(**ids).logits, before)
        assert list(model.state_dict()) == names
        weights = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]
        assert len({id(w) for w in weights}) == len(weights)
        parts = [m for m in model.modules() if type(m).__name__ in model._no_split_modules]
        assert parts
        assert not any(model.get_input_embeddings() in part.modules() for part in parts)
