"""What looks wrong about single items: gold that labels contradict, votes that reliability overrules.

Where gold and sure labels differ one of the two is wrong, and labels cannot tell which: posteriors are too sure where
annotators err together. So such gold *may* be wrong, and is to be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Floats

SURE = 0.9  # posterior from which labels of two annotators or more contradict gold


@dataclass(frozen=True)
class ItemError:
    """An item to look at.

    Args:
        item: its id.
        what: what looks wrong, in words.
        probability: of the answer the labels give.
        gold: whether it is gold that looks wrong, else the vote.
    """

    item: str
    what: str
    probability: float
    gold: bool


def item_errors(annotations: Annotations, posterior: Floats) -> list[ItemError]:
    """Items whose gold or whose vote looks wrong, those that are surest first.

    Args:
        annotations: N labels.
        posterior: (I, K) P(truth = k).
    """
    items, votes = annotations.items, annotations.votes
    if not votes.size:
        return []
    best, top = posterior.argmax(axis=1), posterior.max(axis=1)
    clear = np.isclose(posterior, top[:, None]).sum(axis=1) == 1
    against = clear & (items.gold >= 0) & (items.gold != best) & (top >= SURE) & (annotations.labels_per_item > 1)
    most = votes.max(axis=1)
    won = ((votes == most[:, None]).sum(axis=1) == 1) & (most > 0)
    overruled = clear & won & (votes.argmax(axis=1) != best) & ~against
    found = []
    for i in np.flatnonzero(against | overruled).tolist():
        answer = f"'{items.text(i, int(best[i]))}' ({top[i]:.0%})"
        vote = f"'{items.text(i, int(votes[i].argmax()))}' ({int(most[i])} of {int(votes[i].sum())} labels)"
        what = (
            f"gold may be wrong: it says '{items.text(i, int(items.gold[i]))}', the annotators {answer}"
            if against[i]
            else f"most say {vote}, weighed by reliability it is {answer}"
        )
        found.append(ItemError(items.ids[i], what, float(top[i]), bool(against[i])))
    return sorted(found, key=lambda error: -error.probability)
