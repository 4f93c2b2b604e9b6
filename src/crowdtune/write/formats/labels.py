"""The label table: for every item its label, probability, posterior, entropy, and why where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from crowdtune.write.card import write_card
from crowdtune.write.labelled import Labelled, Written, label_table
from crowdtune.write.tables import beside, write_table


@dataclass(frozen=True)
class Labels:
    """A row per item, those with an open label too."""

    one_file: ClassVar[bool] = True

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write a table and, beside it, its card."""
        written = Written(len(labelled.items), {})
        says = "`label` is empty where it is open, `reason` says why. `entropy` is in nats."
        write_card(beside(path), labelled, written, [says])
        write_table(path, label_table(labelled.annotations, labelled.posterior, labelled.method, labelled.decided))
        return written
