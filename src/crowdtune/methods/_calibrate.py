"""Calibrate a finished run: a temperature fitted on held-out items, kept with the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.lm.reading import load_reading, load_trained
from crowdtune.methods._distribution import folder, told
from crowdtune.methods._met import trained_on
from crowdtune.metrics.temperature import calibration
from crowdtune.runs import Run

FEWEST = 2  # items with labels: one to fit on and one to measure


def calibrate(run: Run | str | Path, annotations: Annotations, *, seed: int = 0) -> dict[str, Any]:
    """Fit a temperature to labels the run was not trained on, and save it, so that `predict` uses it.

    It is saved only where, by cross-validation, it makes held-out labels likelier; else 1 is. Where most of the items
    were trained on, nothing is saved.

    Args:
        run: a finished run, or its folder.
        annotations: labels of held-out items; votes of those nobody is named for count alike, and where an item has
            none, its soft labels count once.
        seed: of the folds.

    Returns:
        What `metrics.temperature.calibration` found, `saved`, the temperature the run now has, and `trained_on`, how
        many of the items the run was trained on: what it says of them tells little of new ones.
    """
    run = folder(run)
    counts = annotations.all_votes.astype(np.float64)
    if annotations.soft is not None:
        counts = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, annotations.soft)
    labelled = np.flatnonzero(counts.sum(axis=1) > 0)
    if len(labelled) < FEWEST:
        raise InputError(f"{len(labelled)} items have labels; a temperature is fitted on {FEWEST} or more.")
    items, counts = annotations.items.take(labelled), counts[labelled]
    lm, reading = load_trained(run.model)
    rng = np.random.default_rng(seed)
    counts = counts[:, : items.max_choices]
    found = calibration(told(lm, reading, items), counts, items.choice_mask, rng)
    found["saved"] = found["temperature"] if found["gain"] > 0 else 1.0
    found["trained_on"] = trained_on(run, items.ids, "calibrate")
    if found["trained_on"] > len(items) / 2:
        return found | {"saved": reading.temperature}
    set_temperature(run, found["saved"])
    return found


def saved_temperature(run: Run | str | Path) -> float:
    """The temperature a run's probabilities are taken at; 1 is as trained."""
    return load_reading(folder(run).model).temperature


def set_temperature(run: Run | str | Path, temperature: float) -> None:
    """Save a temperature with a run; 1 undoes what `calibrate` saved."""
    if not temperature > 0:
        raise InputError(f"temperature={temperature} must be above 0; 1 changes nothing.")
    model = folder(run).model
    replace(load_reading(model), temperature=temperature).save(model)
