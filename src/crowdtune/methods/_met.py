"""Items a finished run was trained on: what is measured on them says little of new ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow.parquet as pq

from crowdtune.runs import Run

logger = logging.getLogger(__name__)


def trained_on(run: Run, ids: Sequence[str], doing: str) -> int:
    """How many of some items a run was trained on, by their ids; a warning where there are any.

    Args:
        run: a finished run.
        ids: of the items.
        doing: what should be done with others, e.g. "evaluate".
    """
    path = run.folder / "items.parquet"
    met = set(pq.read_table(path, columns=["item"])["item"].to_pylist()) if path.exists() else set()
    found = len(met.intersection(ids))
    if found:
        logger.warning(
            f"{found} of the {len(ids)} items were trained on (by their ids), where a model is surer than elsewhere: "
            f"{doing} on others"
        )
    return found
