r"""The answer a text comes to.

A model that is to end with a line `Answer: X` writes many things that mean it. What is read is the last answer a text
announces: after `Answer:` or in a \boxed{}, else after "the answer is". A text that announces none is read only if it
is a single line. A choice is named by its own words or, where options were shown by letter, by its letter; two choices
named alike are no answer, and nothing is ever read off a part of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from string import ascii_uppercase as LETTERS

MARKED = re.compile(r"\banswer\b(?:\s+is)?[\s*_`]*[:：]", re.IGNORECASE)
SAID = re.compile(r"\banswer\s+(?:is|must be|should be)\b(?![\s*_`]*[:：])", re.IGNORECASE)
BOXED = re.compile(r"\\boxed\s*\{")
LATEX = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
SENTENCE = re.compile(r"(?<=[.!?])\s")
MARKUP = "*_`$\\\"'“”‘’«» \t"  # what a word is set off by
AROUND = MARKUP + ".,;:!?()[]{}"  # what stands around a choice without being part of it
LEADING = re.compile(  # "(B) ...", "**B** ...", "B because ..."
    r"[\s*_`$\"'(\[]*([A-Za-z])(?:[*_`$\"']*(?:[)\]:]|\.(?!\w))|[*_`]+(?!\w)|(?=\s+(?:because|since)\b))[\s*_`$\"')\].:-]*"
)
OTHER = re.compile(r"(?:or|and|/|,|&)[\s*_(\[]*[A-Za-z]\b(?!['’])", re.IGNORECASE)  # after a letter: one more of them
TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\S")
NOT = {"not", "never", "isn't", "isn’t", "nor", "neither", "except", "excluding"}
PASSED_OVER = {
    "a",
    "an",
    "the",
    "option",
    "choice",
    "answer",
    "letter",
    *MARKUP,
    "(",
    "[",
}  # between "not" and a choice
POINTING = {
    "option",
    "choice",
    "answer",
    "letter",
    "is",
    "be",
    "(",
    "[",
    "*",
    "_",
    "`",
}  # before a letter that is meant
GOES_ON = {"is", "was", "because", "since", "and", "or"}  # after a letter that begins a sentence and is no article


def parse(text: str, choices: Sequence[str] = (), *, letters: bool = True) -> str:
    r"""Read the answer off a text.

    Args:
        text: what was written.
        choices: allowed answers, in the order they were shown; () where the answer is free.
        letters: whether A, B, ... stand for the choices.

    Returns:
        One of the choices, or of a free answer all that follows the last `Answer:`; "" where there is none.

    Example:
        >>> parse("It gets dark. **Answer:** (B), as the sun sets.", ["day", "night"])
        'night'
        >>> parse("It is A or B.", ["day", "night"])
        ''
        >>> parse("Six times seven, so \\boxed{42}.")
        '42'
    """
    if not choices:
        return next(filter(None, (_unwrapped(part) for part in _announced(text))), "")
    own = {_flat(choice): choice for choice in reversed(choices) if _flat(choice)}
    whole = [_flat(text), *(_flat(text[mark.end() :]) for mark in MARKED.finditer(text))]
    if found := next((own[said] for said in whole if said in own), ""):
        return found
    for part in _announced(text):
        if line := _first_line(part):
            return _named(line, choices, letters) or _named(SENTENCE.split(line)[0], choices, letters)
    return "" if "\n" in text.strip() else _named(text, choices, letters)


def _announced(text: str) -> Iterator[str]:
    """What follows each place that announces an answer, the last first; announced in prose, a sentence, comes after."""
    found = [(mark.start(), text[mark.end() :]) for mark in MARKED.finditer(text)]
    found += [(box.start(), _inside(text[box.end() :])) for box in BOXED.finditer(text)]
    yield from (LATEX.sub(r"\1", part) for _, part in sorted(found, reverse=True))
    for said in reversed(list(SAID.finditer(text))):
        yield SENTENCE.split(_first_line(text[said.end() :]))[0].rstrip(".")


def _inside(text: str) -> str:
    """Up to the brace that closes."""
    depth = 1
    for i, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if not depth:
            return text[:i]
    return text


def _first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip(AROUND)), "")


def _unwrapped(text: str) -> str:
    """A free answer without the markup around it, nor the end of what was around `Answer:`."""
    said = re.sub(r"^[*_`]+(?=\s)", "", text.strip()).strip()
    for mark in ("**", "__", "*", "_", "`", "$", '"'):
        if said.startswith(mark) and said.endswith(mark) and mark not in said[len(mark) : -len(mark)]:
            said = said[len(mark) : -len(mark)].strip()
    return said


def _flat(text: str) -> str:
    return " ".join(text.split())


def _key(text: str) -> str:
    return _flat(text).casefold().strip(AROUND)


def _named(line: str, choices: Sequence[str], letters: bool) -> str:
    """The one choice that a line names."""
    alike = [choice for choice in choices if _key(choice) and _key(choice) == _key(line)]
    if alike:
        return alike[0] if len(alike) == 1 else ""
    by_letter = dict(zip(LETTERS, choices, strict=False)) if letters else {}
    if len(_key(line)) == 1 and _key(line).upper() in by_letter:
        return by_letter[_key(line).upper()]
    first = LEADING.match(line)
    if first and first[1].upper() in by_letter:
        return _led(by_letter[first[1].upper()], line[first.end() :], choices)
    named = set(_mentioned(line, choices, letters))
    return choices[named.pop()] if len(named) == 1 else ""


def _led(choice: str, rest: str, choices: Sequence[str]) -> str:
    """The choice whose letter leads, unless another letter or another choice's words come next."""
    begun = [other for other in choices if _key(other) and re.match(re.escape(_key(other)) + r"\b", rest.casefold())]
    longest = max(map(len, begun), default=0)
    other = begun and choice not in [one for one in begun if len(one) == longest]
    return "" if other or OTHER.match(rest.lstrip()) else choice


def _mentioned(line: str, choices: Sequence[str], letters: bool) -> Iterator[int]:
    """Places of the choices that are named anywhere, longer ones first; what belongs to one is not read again."""
    tokens = TOKEN.findall(line)
    folded: list[str | None] = [token.casefold() for token in tokens]
    words = {k: [token.casefold() for token in TOKEN.findall(choice)] for k, choice in enumerate(choices)}
    for k in sorted(words, key=lambda k: -len(words[k])):
        size = len(words[k])
        for t in range(len(folded) - size + 1 if size else 0):
            if folded[t : t + size] == words[k]:
                folded[t : t + size] = [None] * size
                if not _denied(tokens, t):
                    yield k
    for t, token in enumerate(tokens):
        place = LETTERS.find(token) if len(token) == 1 else -1
        if letters and 0 <= place < len(choices) and folded[t] and _meant(tokens, t) and not _denied(tokens, t):
            yield place


def _denied(tokens: Sequence[str], t: int) -> bool:
    """Whether "not" stands before token `t`."""
    before = next((token.casefold() for token in reversed(tokens[:t]) if token.casefold() not in PASSED_OVER), "")
    return before in NOT


def _meant(tokens: Sequence[str], t: int) -> bool:
    """Whether a capital is an option's letter: of A and I only what can be no article and no pronoun."""
    before = tokens[t - 1].casefold() if t else "."
    after = tokens[t + 1] if t + 1 < len(tokens) else "."
    if tokens[t] not in "AI" or before in POINTING or not after[0].isalnum():
        return True
    return tokens[t] == "A" and (before not in ".!?:" or after in GOES_ON)
