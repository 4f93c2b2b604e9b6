"""The folder every verb of crowdtune reads: items, labels, annotators, origin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from crowdtune.write.card import write_card
from crowdtune.write.folder import write_folder
from crowdtune.write.formats.annotations import NAMED, PSEUDONYMS
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import whole


@dataclass(frozen=True)
class Folder:
    """Items and labels as they were given.

    Args:
        keep_ids: leave annotators their names and traits; else pseudonyms, and whether they are persons or models.
    """

    keep_ids: bool = False
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write a folder."""
        given = (labelled if self.keep_ids else labelled.without_names()).annotations
        written = Written(len(given), {}, [NAMED if self.keep_ids else PSEUDONYMS])
        with whole(path) as folder:
            write_folder(given, folder, {"exported": True})
            write_card(folder / "README.md", labelled, written, ["Every verb of crowdtune reads this folder."])
        return written
