"""What a model predicts people would say of items, however the model tells it: three read-outs, one table."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Literal

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.backends import Backend
from crowdtune.backends.ask import Spent, ask
from crowdtune.backends.store import Store
from crowdtune.denoise.sampled import SAMPLES, sampled
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.local import Local
from crowdtune.lm.reading import Reading, load_trained
from crowdtune.lm.score import score
from crowdtune.metrics.temperature import tempered
from crowdtune.perspectives import FILE, Perspectives, load_perspectives
from crowdtune.runs import Run

logger = logging.getLogger(__name__)
ReadOut = Literal["auto", "logits", "sampled"]
MAX_LENGTH = 1024  # tokens of a prompt, for a model without a reading


def predict_distribution(
    source: Run | str | Path | LanguageModel | Backend,
    items: Items,
    *,
    read_out: ReadOut = "auto",
    reading: Reading | None = None,
    samples: int = SAMPLES,
    temperature: float | None = None,
    store: Store | None = None,
    spent: Spent | None = None,
) -> Floats:
    """Predict how people would answer items.

    Args:
        source: a finished run or its folder; a language model; or a backend, e.g. an endpoint.
        items: I items with texts and choices.
        read_out: "logits": the probabilities a model gives the choices; "sampled": shares among `samples` answers;
            "auto": logits, and of a backend samples.
        reading: how a language model reads items, for logits.
        samples: answers drawn for each item.
        temperature: of the distribution (see `metrics.temperature`); None takes what `calibrate` saved, else 1.
        store: where a backend's replies are kept; None keeps none.
        spent: what a backend's replies cost is added to it.

    Returns:
        (I, K) rows sum to 1; 0 for choices an item lacks.
    """
    if temperature is not None and not temperature > 0:
        raise InputError(f"temperature={temperature} must be above 0; 1 changes nothing.")
    if isinstance(source, Run | str | Path):
        lm, reading = load_trained(folder(source).model)
        source = lm
    if read_out == "auto":
        read_out = "logits" if isinstance(source, LanguageModel) else "sampled"
    if read_out == "logits":
        if not isinstance(source, LanguageModel) or reading is None:
            raise InputError("logits are read off a run, or off a language model with a reading. Use read_out=sampled.")
        found = told(source, reading, items)
    elif read_out == "sampled":
        backend = _backend(source, reading)
        counted = sampled(items, functools.partial(ask, backend, store=store, spent=spent), samples=samples)
        logger.info(str(counted))
        found = counted.shares
    else:
        raise InputError(f"read_out '{read_out}' is unknown. Allowed: auto, logits, sampled.")
    usual = reading.temperature if reading is not None else 1.0
    return tempered(found, usual if temperature is None else temperature, items.choice_mask)


def told(lm: LanguageModel, reading: Reading, items: Items) -> Floats:
    """(I, K) probabilities a model gives the choices, as trained: at temperature 1."""
    if reading.format.style == "responses":
        raise InputError("this run writes free responses and predicts no distribution over choices.")
    if not items.max_choices:
        return np.zeros((len(items), 0))
    return np.asarray(np.exp(score(lm, reading.encode(items, lm), bf16=reading.bf16)))


def folder(run: Run | str | Path) -> Run:
    """A run, or that of a folder."""
    return run if isinstance(run, Run) else Run(Path(run))


def annotators_of(run: Run | str | Path) -> Perspectives:
    """How a run's annotators answer; a run that knows none is refused with what to do."""
    path = folder(run).folder / FILE
    if not path.exists():
        raise InputError(
            f"{path.parent} knows nobody to answer as: it was trained on free responses, on labels nobody is named "
            "for, or by an earlier version. Train again on labels with annotators, e.g. with --method soft or joint."
        )
    return load_perspectives(path)


def _backend(source: LanguageModel | Backend, reading: Reading | None) -> Backend:
    if not isinstance(source, LanguageModel):
        return source
    length, bf16 = (MAX_LENGTH, True) if reading is None else (reading.max_length, reading.bf16)
    return Local(source, max_length=length, bf16=bf16)
