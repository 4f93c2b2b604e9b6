"""A conversation as the text a language model goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from crowdtune.errors import InputError

Messages = Sequence[tuple[str, str]]
ROLES = ("system", "user", "assistant")
TURN = "\n\nUser:"  # where, without a chat template, the next question would begin


def conversation(messages: Messages, tokenizer: Any) -> tuple[str, str]:
    r"""Text up to where the assistant's answer comes, or goes on where the last message is the assistant's.

    By the tokenizer's chat template; where it has none, as paragraphs that begin with who speaks. A blank at the end is
    told by itself: in running text it belongs to the word that follows.

    Args:
        messages: pairs of role and text.
        tokenizer: of the model.

    Returns:
        The text, and what stands between it and the next word, a blank or nothing.

    Example:
        >>> from types import SimpleNamespace
        >>> conversation([("user", "Is it?"), ("assistant", "It is ")], SimpleNamespace(chat_template=None))
        ('User: Is it?\n\nAssistant: It is', ' ')
    """
    unknown = sorted({role for role, _ in messages} - set(ROLES))
    if unknown or not messages:
        said = f"the role '{unknown[0]}'" if unknown else "no message"
        raise InputError(f"a request has {said}. Give it messages of the roles {', '.join(ROLES)}.")
    begun = messages[-1][1] if messages[-1][0] == "assistant" else ""
    before = messages[:-1] if messages[-1][0] == "assistant" else messages
    text = (_templated(before, tokenizer) if tokenizer.chat_template else _plain(before)) + begun
    stem = text.rstrip(" ")
    running = bool(begun or not tokenizer.chat_template) and not stem[-1:].isspace()
    return stem, " " if running or stem != text else ""


def _plain(before: Messages) -> str:
    return "\n\n".join(f"{role.capitalize()}: {text}" for role, text in (*before, ("assistant", "")))


def _templated(before: Messages, tokenizer: Any) -> str:
    chat = [{"role": role, "content": text} for role, text in before]
    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
    except TemplateError as e:
        roles = ", ".join(role for role, _ in before)
        raise InputError(
            f"the model's chat template refuses a conversation of {roles}: {e} Put what the system says into the "
            "user's message, and let user and assistant take turns."
        ) from e
