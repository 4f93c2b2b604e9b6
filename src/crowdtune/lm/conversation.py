"""A conversation as the text a language model goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from crowdtune.errors import InputError

Messages = Sequence[tuple[str, str]]
ROLES = ("system", "user", "assistant")
TURN = "\n\nUser:"  # where, without a chat template, the next question would begin


def conversation(messages: Messages, tokenizer: Any) -> str:
    r"""Text up to where the assistant's answer comes, or goes on where the last message is the assistant's.

    By the tokenizer's chat template; where it has none, as paragraphs that begin with who speaks. A blank at the end is
    left out: it belongs to the word that follows.

    Args:
        messages: pairs of role and text.
        tokenizer: of the model.

    Example:
        >>> from types import SimpleNamespace
        >>> conversation([("user", "Is it?"), ("assistant", "It")], SimpleNamespace(chat_template=None))
        'User: Is it?\n\nAssistant: It'
    """
    unknown = sorted({role for role, _ in messages} - set(ROLES))
    if unknown or not messages:
        said = f"the role '{unknown[0]}'" if unknown else "no message"
        raise InputError(f"a request has {said}. Give it messages of the roles {', '.join(ROLES)}.")
    begun = _begun(messages)
    before = messages[:-1] if messages[-1][0] == "assistant" else messages
    if not tokenizer.chat_template:
        said = "\n\n".join(f"{role.capitalize()}: {text}" for role, text in (*before, ("assistant", begun)))
        return said if begun else said.rstrip()
    chat = [{"role": role, "content": text} for role, text in before]
    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)) + begun
    except TemplateError as e:
        roles = ", ".join(role for role, _ in before)
        raise InputError(
            f"the model's chat template refuses a conversation of {roles}: {e} Put what the system says into the "
            "user's message, and let user and assistant take turns."
        ) from e


def blank(messages: Messages, tokenizer: Any) -> str:
    """What stands before the next word: a blank, but after a line break and where a template begins a turn."""
    begun = _begun(messages)
    if not begun:
        return "" if tokenizer.chat_template else " "
    return "" if begun[-1].isspace() else " "


def _begun(messages: Messages) -> str:
    """What the assistant has said of its answer."""
    return messages[-1][1].rstrip(" ") if messages[-1][0] == "assistant" else ""
