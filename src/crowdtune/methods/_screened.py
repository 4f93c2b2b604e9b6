"""What speaks against contributors to rounds, as sentences. Nobody is left out by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.lm.embed import embed
from crowdtune.methods._aims import Aim, HeldOut
from crowdtune.rounds.record import Round
from crowdtune.rounds.screen import harmful, own
from crowdtune.rounds.summary import attribution


def seen_before(annotations: Annotations, aims: Sequence[Aim]) -> list[str]:
    """Whether models are judged by items, by their texts, that contributions are about."""
    trained = set(annotations.items.prompts)
    held_out = {text for aim in aims if isinstance(aim, HeldOut) for text in aim.items.prompts}
    both = len(trained & held_out)
    if not both:
        return []
    return [
        f"{both} of {len(held_out)} held-out items are also contributed to: who knows their answers is credited for "
        "that. Hold others out."
    ]


def copied(annotations: Annotations) -> list[str]:
    """Who hands in free responses that others, or they themselves, handed in before, in the order of the data."""
    items = annotations.items
    free = np.array([kind == "text" for kind in items.kinds], dtype=bool)[items.task[annotations.item]]
    rows = np.flatnonzero(free)
    if not len(rows):
        return []
    said = [items.text(int(i), int(k)) for i, k in zip(annotations.item[rows], annotations.label[rows], strict=True)]
    texts = {text: at for at, text in enumerate(dict.fromkeys(map(str, said)))}
    meaning = embed(list(texts))[[texts[str(text)] for text in said]]
    found = own(meaning, annotations.annotator[rows], len(annotations.annotators))
    total = np.bincount(annotations.annotator[rows], minlength=len(annotations.annotators))
    names = annotations.annotators
    return [
        f"{names[j]}: of {total[j]} contributions {total[j] - found.count[j]} were handed in before, most by "
        f"{names[found.source[j]]}. Look at them; who copies is credited for another's work."
        for j in np.flatnonzero((total > 0) & ~found.enough()).tolist()
    ]


def damaging(rounds: Sequence[Round], players: Sequence[str]) -> list[str]:
    """Whose contributions surely make the model worse."""
    credit = attribution(rounds, players)
    if credit is None:
        return []
    return [
        f"{players[j]}: what is contributed makes the model worse, surely. Look at it before it is trained on again."
        for j in np.flatnonzero(harmful(credit)).tolist()
    ]
