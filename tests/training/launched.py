"""Trainings that one process and several must do alike; run by torchrun as a script, imported for the oracle."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.simulate import reliability, simulate
from tests.tiny import WORDS, word_items

FIXED = {
    "batch_size": "8",
    "bf16": "false",
    "learning_rate": "0.01",
    "epochs": "3",
    "template": "{prompt} Answer :",
    "accumulation": "2",
}
TEXTS = {"style": "texts"}
CASES: dict[str, tuple[str, dict[str, str]]] = {  # the data, and method with settings; those with fsdp come last
    "frozen": (
        "labels",
        {"method": "soft", "batch_size": "34", "epochs": "1", "accumulation": "1", "learning_rate": "1e-30"},
    ),
    "realm": ("labels", {"method": "realm", "points": "2"}),
    "joint": ("labels", {"method": "joint"}),
    "shala": ("labels", {"method": "shala", "batch_size": "16", "accumulation": "1"}),
    "re-po": ("labels", {"method": "re-po"}),
    "lora": ("labels", {"method": "soft", "lora": "true"}),
    "texts": ("texts", {"method": "realm"} | TEXTS),
    "responses": ("responses", {"method": "noisy"}),
    "joint fsdp": ("labels", {"method": "joint", "points": "2", "fsdp": "true"}),
    "realm fsdp": ("labels", {"method": "realm", "fsdp": "true"}),
    "soft fsdp": ("labels", {"method": "soft", "fsdp": "true"}),
    "lora fsdp": ("labels", {"method": "joint", "lora": "true", "fsdp": "true"}),
    "texts fsdp": ("texts", {"method": "joint", "fsdp": "true"} | TEXTS),
    "responses fsdp": ("responses", {"method": "noisy", "fsdp": "true"}),
}


def crowd(kind: str) -> Annotations:
    """33 items, so that one is left over, with prompts of several lengths and one to three labels each."""
    choices = ("w1 w2 w3", "w4") if kind == "texts" else ("yes", "no")
    items = word_items(33, choices)
    longer = [f"{text} {' '.join(WORDS[: i % 5])}".strip() for i, text in enumerate(items.prompts)]
    made = simulate(
        replace(items, prompts=longer), reliability("0.95,0.8,0.6"), overlap="shared", rng=np.random.default_rng(0)
    )
    kept = (made.annotator == 0) | (np.random.default_rng(1).random(len(made)) < 0.7)
    made = replace(made, item=made.item[kept], annotator=made.annotator[kept], label=made.label[kept])
    return _written(made) if kind == "responses" else made


def _written(made: Annotations) -> Annotations:
    """The same people, who wrote one to four words."""
    sets = [(" ".join(WORDS[: 1 + i % 4]), " ".join(WORDS[i % 3 : 3])) for i in range(len(made.items))]
    own = np.arange(len(made.items))
    return replace(made, items=replace(made.items, choice_sets=sets, choice_set=own, kinds=("text",)))


def train(case: str, model: str, out: Path, ranks: int = 1, **more: str) -> Any:
    """The case, with as many items in a step whatever the number of ranks."""
    from crowdtune.methods import train as run

    kind, chosen = CASES[case]
    settings = FIXED | {"lm": model} | chosen | more
    method, one = settings.pop("method"), settings.get("fsdp", "")
    settings["batch_size"] = str(int(settings["batch_size"]) // ranks)
    if one and ranks == 1:
        del settings["fsdp"]
    data = crowd(kind)
    test = None if kind == "responses" else data.items.take(np.arange(0, 33, 3))
    return run(data, method, settings, out=out, test=test, resume=(out / "config.json").exists())


def _die(step: int) -> None:
    """The last rank dies by SIGKILL after an optimiser step, as when its machine is lost."""
    from crowdtune.ranks import n_ranks, rank
    from crowdtune.training.finetune import Log

    def on_step_end(self: Log, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == step and rank() == n_ranks() - 1:
            os.kill(os.getpid(), signal.SIGKILL)

    Log.on_step_end = on_step_end  # type: ignore[method-assign]


def main() -> None:
    """MODEL FOLDER CASE ...: run the cases, or go on with them, each in a folder of its name."""
    import torch

    from crowdtune.lm.together import part
    from crowdtune.ranks import n_ranks

    torch.set_num_threads(1)
    model, folder, *cases = sys.argv[1:]
    if "DIE" in os.environ:
        _die(int(os.environ["DIE"]))
    for case in cases:
        train(case, model, Path(folder) / case.replace(" ", "-"), n_ranks(), save_steps="2")
    part()


if __name__ == "__main__":
    main()
