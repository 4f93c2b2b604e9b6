"""Oracle: the uninterrupted run, bit by bit. The killed run dies by SIGKILL in the middle of an epoch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crowdtune.training.checkpoints import complete

RUN = """
import os, sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from transformers import TrainerCallback
from crowdtune.training import CrowdTrainer
from crowdtune.em.store import arrays
from crowdtune.lm.load import load
from crowdtune.objectives.evidence import Evidence
from tests.beliefs import belief_of
from tests.training.test_trainer import config, crowd

class Die(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 8:
            os.kill(os.getpid(), 9)

model, folder, how, moved = sys.argv[1:]
changes = dict(optim="adamw_torch", num_train_epochs=3, save_strategy="steps", save_steps=3, save_total_limit=2,
               lr_scheduler_type="cosine", gradient_accumulation_steps=2, per_device_train_batch_size=5)
if "bert" in model:
    model, changes = load(model, head="head", outputs=("yes", "no")), changes | dict(style="auto", template="")
objective = Evidence(belief_of(crowd())) if moved == "em" else None
trainer = CrowdTrainer(model, config(Path(folder), **changes), crowd(), objective=objective,
                       callbacks=[Die()] if how == "die" else [])
trainer.train(resume_from_checkpoint=how == "resume")
if moved == "em":
    numbers = arrays(trainer.annotators).items()
    annotators = {name: torch.tensor(value) for name, value in numbers if value.dtype.kind == "f"}
else:
    annotators = trainer.annotators.state_dict()
torch.save({"model": trainer.lm.model.state_dict(), "annotators": annotators, "step": trainer.state.global_step},
           Path(folder) / "final.pt")
"""


def run(model: Path, folder: Path, how: str, moved: str) -> int:
    here = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{here / 'src'}{os.pathsep}{here}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", RUN, str(model), str(folder), how, moved], env=environment, cwd=here
    ).returncode


@pytest.mark.parametrize(
    ("tiny", "moved"),
    [
        ("llama", "em"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("llama", "gradient"), ("t5", "em"), ("bert", "em"))
        ),
    ],
    indirect=["tiny"],
)
def test_a_killed_run_resumes_to_the_same_bits(tiny: Path, tmp_path: Path, moved: str) -> None:
    """12 steps in 3 epochs; killed after step 8, so it resumes from step 6, in the middle of the second epoch.

    BERT has a new head: what was trained of it before the kill must not be random again.
    """
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(tiny, whole, "whole", moved) == 0
    assert run(tiny, killed, "die", moved) == -signal.SIGKILL
    assert [p.name for p in complete(killed)] == ["checkpoint-3", "checkpoint-6"]
    torn = killed / "_aside" / "checkpoint-7"  # as if killed while writing
    torn.mkdir(parents=True)
    (torn / "trainer_state.json").write_text("{")
    assert run(tiny, killed, "resume", moved) == 0
    expected, found = (torch.load(folder / "final.pt", weights_only=True) for folder in (whole, killed))
    assert found["step"] == expected["step"] == 12
    for part in ("model", "annotators"):
        for name, value in expected[part].items():
            assert torch.equal(found[part][name], value), name


def test_resuming_without_a_checkpoint_says_so(tiny_llama: Path, tmp_path: Path) -> None:
    from crowdtune.training import CrowdTrainer
    from tests.training.test_trainer import config, crowd

    with pytest.raises(ValueError, match="holds no whole checkpoint"):
        CrowdTrainer(str(tiny_llama), config(tmp_path), crowd()).train(resume_from_checkpoint=True)
