"""An item as a question in plain text, and what is answered for each choice: alike for training here and elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase as LETTERS

import numpy as np

from crowdtune.annotations import Items
from crowdtune.errors import InputError

TEMPLATES = {
    "words": "{prompt}\nAnswer with one of: {choices}.\nAnswer:",
    "letters": "{prompt}\n{choices}\nAnswer:",
    "free": "{prompt}\nAnswer:",
    "head": "{prompt}",
    "verbal": "{prompt}\nHow many percent of people answer each of {choices}?\nAnswer:",
}


def answers(style: str, choices: Sequence[str]) -> list[str]:
    """What is to be said for each choice: the choice itself, or with style "letters" A, B, ..."""
    if style != "letters":
        return list(choices)
    if len(choices) > len(LETTERS):
        raise InputError(
            f"an item has {len(choices)} choices; letters reach to {len(LETTERS)}. Use style=words or texts."
        )
    return list(LETTERS[: len(choices)])


def question(prompt: str, choices: Sequence[str], style: str, template: str = "") -> str:
    r"""Text that ends where the answer comes.

    Args:
        prompt: the item's text.
        choices: its allowed answers.
        style: "words", "letters", "verbal" or, without a list of choices, "free" or (nothing but the text) "head".
        template: text with {prompt} and, if wanted, {choices}; "" for the style's own.

    Example:
        >>> question("Is it?", ["no", "yes"], "words")
        'Is it?\nAnswer with one of: no, yes.\nAnswer:'
    """
    if style == "letters":
        listed = "\n".join(f"{a}. {c}" for a, c in zip(answers(style, choices), choices, strict=True))
    else:
        listed = ", ".join(choices)
    return (template or TEMPLATES[style]).replace("{choices}", listed).replace("{prompt}", prompt)


def compared(items: Items) -> list[bool]:
    """(M,) True for "pair" tasks whose choices are the two texts compared, not the same two names for all items."""
    sizes = np.bincount(items.task, minlength=len(items.tasks))
    return [
        kind == "pair" and not (shared and size > 1)
        for kind, shared, size in zip(items.kinds, items.shared_choices, sizes, strict=True)
    ]


def only_compared(items: Items) -> bool:
    """Whether there are items, and all compare two texts."""
    return len(items) > 0 and all(np.array(compared(items))[np.unique(items.task)])


def only_written(items: Items) -> bool:
    """Whether there are items, and the answers to all are free texts."""
    return len(items) > 0 and all(items.kinds[m] == "text" for m in np.unique(items.task))


def natural_style(items: Items) -> list[str]:
    """(M,) how to ask the items of each task: "free" where choices are no menu (written or compared), else "words"."""
    free = compared(items)
    return ["free" if kind == "text" or free[m] else "words" for m, kind in enumerate(items.kinds)]
