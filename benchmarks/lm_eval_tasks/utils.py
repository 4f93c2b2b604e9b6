"""What the tasks of this folder share."""

from __future__ import annotations

from typing import Any


def dev(dataset: Any) -> Any:
    """The items held out: those whose split is "dev"."""
    return dataset.filter(lambda row: row["split"] == "dev")
