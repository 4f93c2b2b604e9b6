"""The text a model reads before it answers, and whether it answers with a word or a letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase as LETTERS
from typing import Any

from crowdtune.annotations import Items
from crowdtune.errors import InputError

TEMPLATES = {
    "words": "{prompt}\nAnswer with one of: {choices}.\nAnswer:",
    "letters": "{prompt}\n{choices}\nAnswer:",
}
STYLES = ("auto", *TEMPLATES)


@dataclass(frozen=True)
class PromptFormat:
    """How an item becomes text.

    Args:
        style: "words": the model answers with the choice itself; "letters": with A, B, ...; "auto": words where every
            choice is one distinct token after the prompt, else letters.
        template: text with {prompt} and, if wanted, {choices}; "" for the style's own.
        chat: wrap the text in the tokenizer's chat template.
    """

    style: str = "auto"
    template: str = ""
    chat: bool = False

    def answers(self, choices: Sequence[str]) -> list[str]:
        """What the model is to say for each choice."""
        if self.style == "words":
            return list(choices)
        if len(choices) > len(LETTERS):
            raise InputError(f"an item has {len(choices)} choices; letters reach to {len(LETTERS)}. Use style=words.")
        return list(LETTERS[: len(choices)])

    def text(self, items: Items, i: int, tokenizer: Any) -> str:
        """What the model reads for item `i`, up to where the answer comes."""
        choices = items.choices(i)
        if self.style == "words":
            listed = ", ".join(choices)
        else:
            listed = "\n".join(f"{a}. {c}" for a, c in zip(self.answers(choices), choices, strict=True))
        template = self.template or TEMPLATES[self.style]
        text = template.replace("{choices}", listed).replace("{prompt}", items.prompts[i])
        if not self.chat:
            return text
        if not tokenizer.chat_template:
            raise InputError("this model's tokenizer has no chat template. Leave out chat=true.")
        message = [{"role": "user", "content": text}]
        wrapped: str = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        return wrapped
