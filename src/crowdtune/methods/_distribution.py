"""What a model predicts people would say of items, however the model tells it: three read-outs, one table."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.backends import Backend
from crowdtune.backends.ask import Spent, ask
from crowdtune.backends.store import Store
from crowdtune.denoise.question import Ask
from crowdtune.denoise.sampled import SAMPLES, sampled
from crowdtune.denoise.verbal import verbalised as in_words
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.local import Local
from crowdtune.lm.reading import Reading, load_trained
from crowdtune.lm.score import score
from crowdtune.lm.verbalise import verbalised
from crowdtune.metrics.temperature import tempered
from crowdtune.perspectives import FILE, Perspectives, load_perspectives
from crowdtune.runs import Run

logger = logging.getLogger(__name__)
ReadOut = Literal["auto", "logits", "verbal", "sampled"]
MAX_LENGTH = 1024  # tokens of a prompt, for a model without a reading


def predict_distribution(
    source: Run | str | Path | LanguageModel | Backend,
    items: Items,
    *,
    read_out: ReadOut = "auto",
    reading: Reading | None = None,
    samples: int = 0,
    temperature: float | None = None,
    store: Store | None = None,
    spent: Spent | None = None,
) -> Floats:
    """Predict how people would answer items.

    Args:
        source: a finished run or its folder; a language model; or a backend, e.g. an endpoint.
        items: I items with texts and choices.
        read_out: "logits": the probabilities a model gives the choices; "verbal": a distribution it writes as text;
            "sampled": shares among its answers; "auto": as a run was trained, of a backend samples.
        reading: how a language model reads items, for all but samples.
        samples: texts for each item; 0 takes 1 where distributions are written, else `denoise.sampled.SAMPLES`.
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
    if read_out not in get_args(ReadOut):
        raise InputError(f"read_out '{read_out}' is unknown. Allowed: {', '.join(get_args(ReadOut))}.")
    if isinstance(source, LanguageModel) and read_out != "sampled":
        found = _read(source, reading, items, read_out, samples)
    else:
        asking = functools.partial(ask, _backend(source, reading), store=store, spent=spent)
        found = _asked(items, asking, "sampled" if read_out == "auto" else read_out, samples)
    if temperature is None:  # what was fitted is of the run's own read-out
        temperature = reading.temperature if reading is not None and read_out in ("auto", own(reading)) else 1.0
    return tempered(found, temperature, items.choice_mask)


def own(reading: Reading) -> str:
    """The read-out a model was trained for."""
    return "verbal" if reading.format.style == "verbal" else "logits"


def _read(lm: LanguageModel, reading: Reading | None, items: Items, read_out: ReadOut, samples: int) -> Floats:
    """(I, K) of a model here: the probabilities it gives the choices, or the mean of the distributions it writes."""
    if reading is None:
        raise InputError("a language model is read with a reading: pass one, pass its run, or use read_out=sampled.")
    if read_out == "logits" and own(reading) == "verbal":
        raise InputError("this model was trained to write distributions. Use read_out=verbal.")
    if "verbal" in (read_out, own(reading)):
        how: dict[str, Any] = {"samples": samples, "temperature": 1.0} if samples > 1 else {}
        shares, kept = verbalised(lm, items, reading.format, max_length=reading.max_length, bf16=reading.bf16, **how)
        logger.info(
            f"{kept.parsed:.1%} of the distributions read, {len(kept.unread)} items without any, taken for even"
        )
        return shares
    return told(lm, reading, items)


def _asked(items: Items, asking: Ask, read_out: ReadOut, samples: int) -> Floats:
    """(I, K) of a backend, with what was lost on the way said."""
    if read_out == "logits":
        raise InputError("logits are read off a run or a language model, not off a backend. Use verbal or sampled.")
    if read_out == "verbal":
        wrote = in_words(items, asking, samples=max(samples, 1), temperature=float(samples > 1))
        logger.info(str(wrote))
        return wrote.shares
    counted = sampled(items, asking, samples=samples or SAMPLES)
    logger.info(str(counted))
    return counted.shares


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
        unnamed = "unnamed_labels" in folder(run).config.get("data", {})
        why = "on labels nobody is named for" if unnamed else "on free responses, on shares, or by an earlier version"
        raise InputError(
            f"{path.parent} knows nobody to answer as: it was trained {why}. Train again on labels with annotators, "
            "e.g. with --method soft or joint."
        )
    return load_perspectives(path)


def _backend(source: LanguageModel | Backend, reading: Reading | None) -> Backend:
    if not isinstance(source, LanguageModel):
        return source
    length, bf16 = (MAX_LENGTH, True) if reading is None else (reading.max_length, reading.bf16)
    return Local(source, max_length=length, bf16=bf16)
