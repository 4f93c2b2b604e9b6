"""Which items of a file a verb is about, where the file names splits."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.cli._screen import say
from crowdtune.errors import InputError

ALL = "all"  # asks for the items of every split


def of_split(annotations: Annotations, doing: str, asked: str, usual: tuple[str, ...] = ()) -> Annotations:
    """The items of one split, which is said, or all.

    Args:
        annotations: of a whole file.
        doing: what is done with them, as it is said: "training".
        asked: name of the split, `ALL`, or "" for the usual one.
        usual: names, the first the data has is taken; all items where it has none.
    """
    names = sorted(set(annotations.items.splits))
    wanted = asked or next((name for name in usual if name in names), "")
    if not wanted or (wanted == ALL and ALL not in names):
        return annotations
    index = [i for i, name in enumerate(annotations.items.splits) if name == wanted]
    if not index:
        raise InputError(f"no item is of split '{wanted}'. Splits: {', '.join(n for n in names if n) or 'none'}.")
    say(f"{doing} the {len(index)} items of split '{wanted}'")
    return annotations.take_items(np.array(index))
