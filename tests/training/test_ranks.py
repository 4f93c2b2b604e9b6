"""Oracle: one process on the whole batch. Two processes with half of it each must take the same steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

RUN = """
import sys, torch
torch.set_num_threads(1)
from pathlib import Path
from crowdtune.annotators.averaged import Averaged
from crowdtune.training import CrowdTrainer
from crowdtune.objectives.evidence import Evidence
from crowdtune.objectives.reweighted import Reweighted
from tests.beliefs import belief_of
from tests.training.test_trainer import config, ragged, written

model, out, batch, moved = sys.argv[1:]
style = "auto" if moved == "responses" else "words"
order = {"train_sampling_strategy": "sequential", "style": style}
args = config(Path(out).parent, per_device_train_batch_size=int(batch), **order)
objectives = {"em": lambda: Evidence(belief_of(ragged())),
              "average": lambda: Reweighted(Averaged(int(ragged().annotators.max()) + 1, 0.8, 0.5))}
objective = objectives.get(moved, lambda: None)()
trainer = CrowdTrainer(model, args, written(24) if moved == "responses" else ragged(), objective=objective)
trainer.train()
if trainer.is_world_process_zero():
    found = trainer.annotators
    kept = {"em": lambda: {"evidence": torch.tensor(found.evidence).float()}, "responses": dict}
    annotators = kept.get(moved, lambda: found.state_dict())()
    torch.save({"model": trainer.lm.model.state_dict(), "annotators": annotators}, out)
trainer.accelerator.wait_for_everyone()  # a rank that leaves while another still talks to it aborts that one
trainer.accelerator.end_training()
"""


@pytest.mark.parametrize(
    "moved", [*(pytest.param(how, marks=pytest.mark.slow) for how in ("gradient", "responses", "average")), "em"]
)
def test_two_ranks_take_the_steps_of_one(tiny_llama: Path, tmp_path: Path, moved: str) -> None:
    """24 items with one to three labels each, or responses of one to four tokens: halves hold different numbers."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    here = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{here / 'src'}{os.pathsep}{here}", "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for launcher, name, batch in (([sys.executable], "one", 8), (launch, "two", 4)):
        command = [*launcher, str(script), str(tiny_llama), str(tmp_path / name), str(batch), moved]
        done = subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one", "two"))
    torch.testing.assert_close(two["model"], one["model"], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(two["annotators"], one["annotators"], atol=1e-6, rtol=1e-5)
