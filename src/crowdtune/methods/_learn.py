"""A model learns what a plan says: by the trainer all methods share, or by the method's own."""

from __future__ import annotations

import numpy as np

from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.methods._plan import Plan
from crowdtune.methods._start import Start
from crowdtune.ranks import n_ranks
from crowdtune.runs import Run
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.finetune import Watch, finetune
from crowdtune.training.options import Training
from crowdtune.training.reinforce import Stage


def learn(
    lm: LanguageModel,
    start: Start,
    plan: Plan,
    training: Training,
    run: Run,
    *,
    watch: Watch | None = None,
    resume: bool = False,
) -> LanguageModel:
    """Train on the items that have weight.

    Args:
        lm: the untrained model, trained in place.
        start: the items as it reads them.
        plan: of a method, on the same items.
        training: how.
        run: keeps checkpoints and the log.
        watch: what to measure of the model while it trains.
        resume: go on from the newest whole checkpoint, if there is one.
    """
    used = np.flatnonzero(plan.examples.weights > 0)
    if not len(used):
        raise InputError("no item has a label to train on.")
    examples, encoded = plan.examples.take(used), start.encoded.take(used)
    if plan.train is not None:
        if n_ranks() > 1:
            raise InputError("models that are taught to write distributions train in one process. Leave out torchrun.")
        return plan.train(lm, Stage(examples, start.reading.format, training, run, watch, resume))
    if start.anchor.contrast is not None:
        encoded = encoded.keep(examples.targets > 0)
    return finetune(
        lm,
        CrowdDataset(examples, encoded),
        plan.objective,
        training,
        run,
        annotator_learning_rate=plan.annotator_learning_rate,
        watch=watch,
        resume=resume,
    )
