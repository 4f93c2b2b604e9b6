"""The text a model reads before it answers, what it answers with, and how its answers are weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crowdtune.annotations import Items
from crowdtune.errors import InputError
from crowdtune.wording import answers, question

STYLES = ("auto", "words", "letters", "texts", "responses", "head", "reward", "verbal")
NORMALISE = ("auto", "sum", "mean", "characters", "pmi")


@dataclass(frozen=True)
class PromptFormat:
    """How an item becomes text.

    Args:
        style: what a choice is to the model. "words": one token, the choice itself; "letters": one token, A, B, ...;
            "texts": any text, by its likelihood after the prompt; "responses": the same, each by itself, for
            fine-tuning on what people wrote; "head": an output of a classification head; "reward": a text that a
            reward head scores; "verbal": a name with its share, in a distribution the model writes. "auto": what the
            model's head asks for; with a language-model head responses where they were written freely, texts where
            two are compared, words where every choice is one distinct token after the prompt, else letters.
        template: text with {prompt} and, if wanted, {choices}; "" for the style's own.
        chat: wrap the text in the tokenizer's chat template.
        normalise: what the log-likelihood of a text is divided by: "sum": nothing; "mean": its tokens; "characters":
            its characters; "pmi": nothing, but less its log-likelihood where nothing is asked. "auto": mean, and sum
            with `beta`.
        beta: above 0, texts are weighed as in DPO: beta times the log-ratio to the untrained model. None: 0.1 where
            the choices of all items are two things compared, else 0.
        tie: Davidson's nu, where a tie is a choice: two texts as good as each other are called a tie with probability
            nu / (2 + nu).
        name_task: put the name of an item's task after its text. None: where a text is asked several questions.
    """

    style: str = "auto"
    template: str = ""
    chat: bool = False
    normalise: str = "auto"
    beta: float | None = None
    tie: float = 1.0
    name_task: bool | None = None

    @property
    def refers(self) -> bool:
        """Whether answers are weighed against the untrained model."""
        return self.style == "texts" and (self.normalise == "pmi" or bool(self.beta))

    def answers(self, choices: Sequence[str]) -> list[str]:
        """What the model is to say for each choice."""
        return answers(self.style, choices)

    def text(self, items: Items, i: int, tokenizer: Any) -> str:
        """What the model reads for item `i`, up to where the answer comes."""
        style = {"texts": "free", "responses": "free", "reward": "head"}.get(self.style, self.style)
        said = items.prompts[i] + (f"\n{items.tasks[items.task[i]]}" if self.name_task else "")
        text = question(said, items.choices(i), style, self.template)
        if not self.chat:
            return text
        if not tokenizer.chat_template:
            raise InputError("this model's tokenizer has no chat template. Leave out chat=true.")
        message = [{"role": "user", "content": text}]
        wrapped: str = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        return wrapped
