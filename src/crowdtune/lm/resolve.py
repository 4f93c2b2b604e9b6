"""What "auto" means for some items, and whether they can be read so at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.annotations import Items
from crowdtune.errors import InputError
from crowdtune.lm.heads import HEADS
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import NORMALISE, STYLES, PromptFormat
from crowdtune.ragged import text_lengths
from crowdtune.wording import only_compared, only_written

BETA = 0.1  # of DPO, where things are compared
FEWEST = {"responses": (0, "none is"), "reward": (1, "one is")}  # choices of an item; elsewhere two


def resolved(items: Items, lm: LanguageModel, form: PromptFormat) -> PromptFormat:
    """The format with what "auto" and None mean for these items; words or letters are left open."""
    pairs = only_compared(items)
    style = form.style
    if style == "auto":
        style = lm.head if lm.head != "lm" else "responses" if only_written(items) else "texts" if pairs else "auto"
    beta = form.beta if form.beta is not None else BETA if pairs and style == "texts" else 0.0
    normalise = form.normalise if form.normalise != "auto" else "sum" if beta or style != "texts" else "mean"
    name = _asked_twice(items) if form.name_task is None else form.name_task
    return replace(form, style=style, beta=beta, normalise=normalise, name_task=name)


def _asked_twice(items: Items) -> bool:
    """Whether a text belongs to items of several tasks."""
    if len(np.unique(items.task)) < 2:
        return False
    met: dict[int, int] = {}  # texts by their hashes: there may be more texts than memory
    return any(met.setdefault(hash(text), m) != m for text, m in zip(items.prompts, items.task.tolist(), strict=True))


def check(items: Items, lm: LanguageModel, form: PromptFormat) -> None:
    """Refuse a format that does not suit the model, and items without a text or with too few choices."""
    for name, value, allowed in (("style", form.style, STYLES), ("normalise", form.normalise, NORMALISE)):
        if value not in allowed:
            raise InputError(f"{name} '{value}' is unknown. Allowed: {', '.join(allowed)}.")
    head = form.style if form.style in HEADS else "lm"
    if head != lm.head:
        raise InputError(f"style '{form.style}' needs head={head}, the model has head={lm.head}. Leave style at auto.")
    if form.template and "{prompt}" not in form.template:
        raise InputError(f"template {form.template!r} has no {{prompt}}: every item would read the same. Add it.")
    fewest, words = FEWEST.get(form.style, (2, "two are"))
    for i, length in enumerate(text_lengths(items.prompts).tolist()):
        if not length:
            raise InputError(f"item '{items.ids[i]}' has no text to read. Add a prompt column, or pass --items FILE.")
        if items.n_choices[i] < fewest:
            raise InputError(
                f"item '{items.ids[i]}' has {items.n_choices[i]} choices, at least {words} needed. Pass --choices."
            )
