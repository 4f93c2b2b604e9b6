"""What a training run tells of items held out: how right the model is, and how near to what people said."""

from __future__ import annotations

from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.methods._predict import measured, response_quality
from crowdtune.methods._start import Start
from crowdtune.metrics.people import against_people, contested
from crowdtune.runs import Run


def held_out(run: Run, annotations: Annotations, start: Start, after: Floats, table: Floats | None) -> dict[str, Any]:
    """How good the trained model is on the test items, {} without any, and how near to people it is.

    Where nobody answered the test items, the last is of the items trained on. They are kept in disagreement.parquet.

    Args:
        run: keeps what people said beside what the model says.
        annotations: N labels on the items trained on.
        start: with the test items.
        after: (I, K) log-probabilities of the trained model.
        table: the same of the test items, None without any.
    """
    found = dict[str, Any]()
    if start.test is not None and table is not None:
        items, encoded = start.test
        free = encoded.format.style == "responses"
        found["test"] = response_quality(table, encoded) if free else measured(np.exp(table), items, start.people)
        if start.people is not None:
            run.write_disagreement(contested(np.exp(table), start.people))
    if start.people is None and start.anchor.contrast is None:
        apart = against_people(np.exp(after), annotations, np.random.default_rng(0))
        if apart is not None:
            found["disagreement"] = apart
            run.write_disagreement(contested(np.exp(after), annotations))
    return found
