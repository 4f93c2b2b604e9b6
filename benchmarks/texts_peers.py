"""What crowd-kit's TextRASA and TextHRRASA choose; run by texts.py under a Python that has crowd-kit with pandas < 3.

`python benchmarks/texts_peers.py GIVEN.json TABLE.npy CHOSEN.json`: the texts, and per crowd the columns item,
annotator and text, of codes; (A, D) embeddings of the texts; written is, per crowd and peer, each item's text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation.texts.text_hrrasa import TextHRRASA
from crowdkit.aggregation.texts.text_rasa import TextRASA


def chosen(peer: Any, crowd: dict[str, list[int]], texts: list[str], table: Any) -> dict[int, int]:
    """Item -> text."""
    place = {text: a for a, text in enumerate(texts)}
    frame = pd.DataFrame(
        {"task": crowd["item"], "worker": crowd["annotator"], "text": [texts[a] for a in crowd["text"]]}
    )
    found = peer(encoder=lambda text: table[place[text]]).fit_predict(frame, None)
    return {int(i): place[text] for i, text in found.items()}


def main() -> None:
    """Read, choose, write."""
    given, table = json.loads(Path(sys.argv[1]).read_text()), np.load(sys.argv[2])
    peers = {"TextRASA": TextRASA, "TextHRRASA": TextHRRASA}
    found = [
        {name: chosen(peer, crowd, given["texts"], table) for name, peer in peers.items()} for crowd in given["crowds"]
    ]
    Path(sys.argv[3]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
