"""What an earlier run saw of the same annotators, as pseudo-labels of a prior."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.runs import Run


def pseudo_labels(folder: str, names: Sequence[str], most: float) -> tuple[Floats, Floats]:
    """(J,) right and (J,) wrong labels of each annotator in an earlier run, together at most `most`.

    Annotators are matched by name; one the run did not meet has 0 of both.
    """
    run = Run(Path(folder))
    if not run.finished:
        raise InputError(f"history={folder} is no finished run. Name a folder that crowdtune train made.")
    rows = {row["annotator"]: row for row in run.annotators}
    weight = np.array([min(rows[name]["labels"], most) if name in rows else 0.0 for name in names])
    share = np.array([rows[name]["reliability"] if name in rows else 0.0 for name in names])
    return weight * share, weight * (1 - share)
