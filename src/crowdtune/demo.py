"""The demo: a language model learns the truth from a crowd whose majority lies, and whom it learned to trust.

Importing this module imports torch.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.bundled import words
from crowdtune.errors import InputError
from crowdtune.lm.score import score
from crowdtune.methods import Start, options, prepare, quality, train
from crowdtune.runs import Run
from crowdtune.simulate import reliability, simulate
from crowdtune.write.folder import write_folder
from crowdtune.write.tables import occupied, write_json

TRAINED, HELD_OUT = 1024, 1000  # words
METHODS = ("noisy", "majority", "realm", "joint", "oracle")
QUICK = ("noisy", "realm", "joint")
SHOWN = ("reliability", "reliability_low", "reliability_high")  # of an annotator under joint
RELIABILITY = "dist1"  # 0.9, 0.1, 0.1
SETTINGS = {
    "template": "Sentiment of {prompt}:",
    "style": "words",
    "epochs": "1",
    "batch_size": "64",
    "accumulation": "1",
    "learning_rate": "4e-5",
}


def demo(
    out: Path, *, seed: int = 0, quick: bool = False, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Compare methods on simulated annotators; write a run per method and results.json on top.

    Args:
        out: folder; an earlier demo in it is replaced, anything else is refused.
        seed: of words, annotators and training.
        quick: leave out majority and oracle.
        say: told what happens, a line at a time.

    Returns:
        What results.json holds: accuracy of each method on held-out words, and planted and learned reliabilities.
    """
    clock = time.monotonic()
    _clear(out)
    settings = SETTINGS | {"seed": str(seed)}
    rng = np.random.default_rng(seed)
    items = words(TRAINED + HELD_OUT, rng)
    held_out = items.take(np.arange(TRAINED, TRAINED + HELD_OUT))
    planted = reliability(RELIABILITY)
    annotations = simulate(items.take(np.arange(TRAINED)), planted, rng=rng)
    write_folder(annotations, out / "data", {"simulated": RELIABILITY, "words": "vaderSentiment", "seed": seed})
    say(f"{TRAINED} words, each labelled by 3 simulated annotators who are right {planted.tolist()} of the time")
    say(f"{HELD_OUT} held-out words to test on")
    start = prepare(annotations, options("realm", settings)[1], held_out)
    accuracy = {"zero-shot": _zero_shot(start)}
    say(f"zero-shot: {accuracy['zero-shot']:.1%}")
    for method in QUICK if quick else METHODS:
        results = train(annotations, method, settings, out=out / method, start=start).results
        accuracy[method] = results["test"]["accuracy"]
        say(f"{method}: {accuracy[method]:.1%} ({results['seconds']:.0f} s)")
    learned, by_realm = _learned(Run(out / "joint")), _learned(Run(out / "realm"))
    summary = {
        "accuracy": accuracy,
        "annotators": [
            {
                "annotator": name,
                "planted_accuracy": float(right),
                "reliability": by_realm[name]["reliability"],
                "expertise": by_realm[name]["expertise"],
                "joint": {part: learned[name][part] for part in SHOWN},
            }
            for name, right in zip(annotations.annotators, planted, strict=True)
        ],
        "verdict": Run(out / "joint").results["verdict"],
        "seconds": round(time.monotonic() - clock, 1),
    }
    write_json(out / "results.json", summary)
    return summary


def _clear(out: Path) -> None:
    """Make room for a new demo, but only where an old one was."""
    if not occupied(out):
        return
    if not (out / "data" / "origin.json").exists():
        raise InputError(f"{out} holds something that is no demo. Choose another folder: crowdtune demo -o DIR.")
    shutil.rmtree(out)


def _zero_shot(start: Start) -> float:
    assert start.test is not None
    held_out, encoded = start.test
    return float(quality(np.exp(score(start.lm, encoded)), held_out)["accuracy"])


def _learned(run: Run) -> dict[str, dict[str, Any]]:
    return {row["annotator"]: row for row in run.annotators}
