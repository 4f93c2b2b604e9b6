"""README.md of an export: what is in it and how its labels were made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from crowdtune import __version__
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import write_bytes


def write_card(
    path: Path, labelled: Labelled, written: Written, says: Sequence[str], splits: Iterable[str] = ()
) -> None:
    """Write the card.

    Args:
        path: the file.
        labelled: what was exported.
        written: how much of it.
        says: paragraphs on the format and its use.
        splits: names of the files data/NAME.parquet, for Hugging Face datasets to find.
    """
    head = _configs(splits)
    left_out = [f"- left out: {count}, because the {why}" for why, count in written.left_out.items() if count]
    notes = [f"- {note}" for note in written.notes]
    lines = [*head, "# Labels from a crowd", "", how_made(labelled), "", *left_out, *notes, ""]
    text = "\n".join([*lines, *(part for said in says for part in (said, ""))])
    write_bytes(path, text.encode())


def how_made(labelled: Labelled) -> str:
    """One sentence on where the labels come from."""
    given = labelled.annotations
    people = int((given.labels_per_annotator > 0).sum())
    known = int(np.sum(labelled.items.gold >= 0))
    gold = f" {known} items have a trusted (gold) answer." if known else ""
    return (
        f"{len(given)} labels by {people} annotators on {len(labelled.items)} items; labels and probabilities were "
        f"inferred by `{labelled.method}` (crowdtune {__version__}).{gold}"
    )


def _configs(splits: Iterable[str]) -> list[str]:
    """Front matter that tells Hugging Face datasets which file is which split."""
    files = [line for name in splits for line in (f"  - split: {name}", f"    path: data/{name}.parquet")]
    if not files:
        return []
    return ["---", "tags: [crowdtune]", "configs:", "- config_name: default", "  data_files:", *files, "---", ""]
