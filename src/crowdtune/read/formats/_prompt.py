"""The text an annotator saw, from the fields of a record."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

TEXTUAL = ("text", "prompt", "sentence", "content", "question", "input", "document", "comment", "body")
PAIRS = (r"(?:^|[_\- ])(?:a|left|1|first|chosen)$", r"(?:^|[_\- ])(?:b|right|2|second|rejected)$")


def shown(value: Any) -> str:
    """A field as text: a dialogue line by line, other lists and objects not at all.

    Example:
        >>> shown([{"role": "user", "content": "Hi"}, {"role": "bot", "content": "Hello"}])
        'user: Hi\\nbot: Hello'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    lines = []
    for turn in value:
        said, who = turn, ""
        if isinstance(turn, dict):
            said = next((turn[name] for name in ("text", "content", "value", "body") if name in turn), None)
            who = next((str(turn[name]) for name in ("author", "role", "from", "speaker") if turn.get(name)), "")
        if not isinstance(said, str):
            return ""
        lines.append(f"{who}: {said}" if who else said)
    return "\n".join(lines)


def prompt_of(fields: Mapping[str, Any], wanted: Collection[str] = (), but: Collection[str] = ()) -> str:
    """The fields `wanted`, else the first with a usual name, else all that are text; several with their names.

    Example:
        >>> prompt_of({"title": "On bees", "source": "a.org", "body": "They fly."}, ["title", "body"])
        'title: On bees\\nbody: They fly.'
        >>> prompt_of({"text": "They fly.", "source": "a.org"})
        'They fly.'
    """
    if len(wanted) == 1 and not but:
        only = fields.get(*wanted)
        if isinstance(only, str) and only:
            return only
    texts = {name: text for name, value in fields.items() if name not in but and (text := shown(value))}
    usual = [name for name in TEXTUAL if name in texts][:1]
    names = [name for name in texts if name in wanted] or usual or list(texts)
    if len(names) == 1:
        return texts[names[0]]
    return "\n".join(f"{name}: {texts[name]}" for name in names)


def pair_of(fields: Mapping[str, Any], wanted: Collection[str] = ()) -> list[str]:
    """The names of the two texts compared: those wanted, else named as a pair, else the only two; [] where unclear.

    Example:
        >>> pair_of({"prompt": "Why?", "answer_a": "So.", "answer_b": "Because."})
        ['answer_a', 'answer_b']
    """
    texts = [name for name, value in fields.items() if shown(value)]
    named = [name for name in wanted if name in texts]
    sides = [[name for name in texts if re.search(side, _apart(name))] for side in PAIRS]
    if len(named) == 2:
        return named
    if len(sides[0]) == len(sides[1]) == 1:
        return [sides[0][0], sides[1][0]]
    return texts if len(texts) == 2 else []


def _apart(name: str) -> str:
    """ "text1" -> "text_1", "answerA" -> "answer_a"."""
    return re.sub(r"(?<=[a-z])([12AB])$", r"_\1", name).lower()
