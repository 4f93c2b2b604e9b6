"""The text a model reads before it answers, and whether it answers with a word or a letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crowdtune.annotations import Items
from crowdtune.errors import InputError
from crowdtune.wording import answers, question

STYLES = ("auto", "words", "letters")


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
        return answers(self.style, choices)

    def text(self, items: Items, i: int, tokenizer: Any) -> str:
        """What the model reads for item `i`, up to where the answer comes."""
        text = question(items.prompts[i], items.choices(i), self.style, self.template)
        if not self.chat:
            return text
        if not tokenizer.chat_template:
            raise InputError("this model's tokenizer has no chat template. Leave out chat=true.")
        message = [{"role": "user", "content": text}]
        wrapped: str = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        return wrapped
