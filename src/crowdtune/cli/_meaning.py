"""Free texts by their meaning, as `--meaning` says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.denoise.answers import OFFERED, by_meaning, chosen, named
from crowdtune.errors import InputError, unknown_name


def check(name: str) -> None:
    """Refuse a comparison nobody knows."""
    if name not in ("", "auto", *OFFERED):
        raise unknown_name("comparison of answers", name, ("auto", *OFFERED))


def compared(annotations: Annotations, name: str) -> tuple[Annotations, list[str]]:
    """Annotations with meanings as choices, and a sentence on each task of texts; by "" as they are."""
    items = annotations.items
    tasks = [task for task, kind in zip(items.tasks, items.kinds, strict=True) if kind == "text"]
    if not name:
        free = ", ".join(f"'{task}'" for task in tasks)
        hint = f"answers to {free} are compared letter by letter; --meaning auto compares what they mean"
        return annotations, [f"{hint}, --method medoid chooses among long ones"] if tasks else []
    if not tasks:
        raise InputError("--meaning compares answers of kind 'text', and there are none. Say --kind text if these are.")
    notes = []
    for task in tasks:
        suited = chosen(annotations, task)
        why = suited.why if name == "auto" else f"answers to '{task}' are compared by {name}, as asked"
        before = _wordings(annotations, task)
        annotations = by_meaning(annotations, named(suited.name if name == "auto" else name, _embed), (task,))
        notes.append(f"{why}; {before} wordings have {_wordings(annotations, task)} meanings")
    return annotations, notes


def _wordings(annotations: Annotations, task: str) -> int:
    """How many different answers the items of a task were given, each in its item."""
    inside = (annotations.items.task == list(annotations.items.tasks).index(task))[annotations.item]
    return len(np.unique(np.stack([annotations.item[inside], annotations.label[inside]]), axis=1).T)


def _embed(texts: Sequence[str]) -> Floats:
    """By the sentence encoder, loaded when it is needed."""
    from crowdtune.lm.embed import embed

    return embed(texts)
