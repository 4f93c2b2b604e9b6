"""Cells on language models, through the same path as `crowdtune train`; the big model folder is deleted afterwards."""

from __future__ import annotations

import functools
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.bench.grid import Cell
from crowdtune.bench.outcome import Trained
from crowdtune.bench.untrained import UNTRAINED, Known, untrained
from crowdtune.lm.embed import embed
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.score import score
from crowdtune.methods import Start, options, predict, prepare, train
from crowdtune.methods._learn import learn
from crowdtune.methods._options import WRITING
from crowdtune.runs import Run
from crowdtune.settings import apply
from crowdtune.training.finetune import Watch
from crowdtune.training.options import Training


def run_language_model(cell: Cell, annotations: Annotations, test: Items, aside: Path) -> Trained:
    """Train, predict the test items with the saved model, keep the run without its model.

    Args:
        cell: which.
        annotations: N labels.
        test: T items with gold.
        aside: folder of the cell; the run is in it.
    """
    settings = dict(cell.training) | {"lm": cell.model, "seed": str(cell.seed)}
    start, zero_shot = _started(annotations.items, test, options("noisy", settings | {"seed": "0"})[1])
    began = time.monotonic()
    if cell.method in UNTRAINED:
        told = apply(cell.method_settings, UNTRAINED[cell.method]())[0]
        texts = embed(annotations.items.prompts), embed(test.prompts)
        return untrained(told, annotations, Known(start.anchor.log_p, zero_shot, *texts), began)
    if not int(settings.get("points", 0)):
        start = replace(start, test=None)  # the saved model is asked, as a user would
    run = train(annotations, cell.method, cell.method_settings | settings, out=aside / "run", start=start)
    answers = [int(np.argmax(row)) for row in predict(run, test)["probabilities"]]
    shutil.rmtree(run.model)
    return Trained(
        anchor=start.anchor.log_p,
        zero_shot=zero_shot,
        answers=np.array(answers, dtype=np.int64),
        posterior=run.beliefs()[1],
        annotators=run.annotators,
        curve=run.curve("test_accuracy"),
        began=began,
        results=run.results,
    )


def language_path(cell: Cell, annotations: Annotations, held: Items, aside: Path) -> list[tuple[int, Floats]]:
    """Train, and what the model says of T held-out items along the way: steps with (T, K) log-probabilities.

    It learns as with `crowdtune train`, without its tables and its saved model.

    Args:
        cell: which; `points` of its training is how often it is asked.
        annotations: labels and counts.
        held: T items.
        aside: folder of the cell; the log of the training is in it.
    """
    settings = dict(cell.training) | {"lm": cell.model, "seed": str(cell.seed)}
    asked = cell.method if cell.method in WRITING else "noisy"  # a model that writes is asked otherwise
    start, zero_shot = _started(annotations.items, held, options(asked, settings | {"seed": "0"})[1])
    if cell.method in UNTRAINED:
        return [(0, zero_shot)]
    method, training = options(cell.method, cell.method_settings | settings)
    tables: list[Floats] = []

    def measure(lm: LanguageModel) -> dict[str, float]:
        assert start.test is not None
        tables.append(score(lm, start.test[1], bf16=training.bf16))
        return {"asked": len(tables)}

    run = Run.start(aside / "run", {"method": cell.method})
    plan, watch = method.plan(annotations, start.anchor), Watch(training.points, measure)
    learn(start.lm.copy(), start, plan, training, run, watch=watch)
    run.finish({"method": cell.method, "asked": len(tables)})
    return [(step, table) for (step, _), table in zip(run.curve("asked"), tables, strict=True)]


@functools.lru_cache(maxsize=1)
def _started(items: Items, test: Items, training: Training) -> tuple[Start, Floats]:
    """The untrained model with what it says of the items, and (T, K) what it says of the test items."""
    none = np.zeros(0, dtype=np.int64)
    start = prepare(Annotations(items, [], none, none, none), training, test)
    assert start.test is not None
    return start, score(start.lm, start.test[1], bf16=training.bf16)
