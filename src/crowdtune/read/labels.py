"""What a cell means: a clean string, an abstention, a choice.

A label names its choice by text, by letter (A is the first) or by code (0 is the first), in that precedence.
One label alone can fit two ways ("1" with the choices 1 2 3); then all labels of its task decide together, and
where they too fit two ways with different meanings, that is an error and not a guess.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Collection, Sequence
from string import ascii_uppercase as LETTERS
from typing import Any, NoReturn

import msgspec

from crowdtune.errors import InputError, unknown_name

ABSTENTIONS = frozenset({"", "nan", "null", "na", "n/a", "<na>"})  # casefolded; a choice of that name wins
MOST = 10**9  # of one answer; a larger number is no count
Reading = Callable[[str, Sequence[str]], int | None]
Numbers = tuple[float, ...] | dict[str, float]  # of each choice: in their order, or by name
_Numbers = list[float] | dict[str, float | None]


def clean(value: Any) -> str:
    """Cell as text: Unicode NFC, no outer blanks, whole floats without their point, None and NaN as "".

    Example:
        >>> clean(" Yes "), clean(2.0), clean(True), clean(None)
        ('Yes', '2', 'true', '')
    """
    if type(value) is str and value.isascii():  # NFC already
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return unicodedata.normalize("NFC", str(value)).strip()


def text_of(value: Any) -> str | tuple[str, ...]:
    """A label or gold answer as clean text, or a tuple of texts where it is a list."""
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(clean(part) for part in value))
    return clean(value)


def choice_list(raw: Any, where: str) -> tuple[str, ...]:
    """The choices a source names, () where it names none."""
    if raw is None or raw == "":
        return ()
    if isinstance(raw, str):
        raw = _json_list(raw) or raw.split("|")
    if not isinstance(raw, list | tuple):
        raise InputError(f"{where}: choices must be a list, or texts with | between, not {str(raw)[:60]!r}.")
    choices = tuple(clean(c) for c in raw)
    if "" in choices or len(set(choices)) < 2:
        raise InputError(f"{where}: choices {list(choices)} must be two texts at least, none empty. Mend them.")
    return choices


def numbers(raw: Any) -> Numbers | None:
    """A number, 0 or more, for each choice, in order or by name; () where nothing is said, None where it is neither.

    Choices that an object names with null, as tables of objects do where a row lacks one, are left out. A text is JSON,
    or numbers with | between, as choices are written.

    Example:
        >>> numbers([1, 3]), numbers("1|3"), numbers('{"yes": 0.5}'), numbers(None), numbers([-1.0]), numbers("often")
        ((1.0, 3.0), (1.0, 3.0), {'yes': 0.5}, (), None, None)
    """
    if raw is None or raw == "" or raw != raw:
        return ()
    try:
        if not isinstance(raw, str):
            said = msgspec.convert(raw, _Numbers)
        elif "|" in raw and raw.lstrip()[:1] not in ("[", "{"):
            said = msgspec.convert([part.strip() for part in raw.split("|")], list[float], strict=False)
        else:
            said = msgspec.json.decode(raw, type=_Numbers)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        return None
    if isinstance(said, dict):
        named: dict[str, float] = {}
        for name, number in said.items():
            if number is not None:
                named[clean(name)] = named.get(clean(name), 0.0) + number
        return named if _countable(named.values()) else None
    return tuple(said) if _countable(said) else None


def counted(raw: Any, choices: Sequence[str], where: str) -> Numbers:
    """How many gave each choice; refuse what is no whole number for each.

    Args:
        raw: what a cell holds.
        choices: of the item, () where they are not known yet.
        where: file, row and item, for errors.
    """
    found = numbers(raw)
    values = found.values() if isinstance(found, dict) else found or ()
    if found is None or not all(value.is_integer() and value <= MOST for value in values):
        raise no_counts(raw, choices, where)
    return found


def no_counts(raw: Any, choices: Sequence[str], where: str) -> InputError:
    """What to say of counts that are none, or are not as many as the choices of their item."""
    of = f"each of the {len(choices)} choices ({', '.join(choices)[:60]})" if choices else "each choice"
    return InputError(
        f"{where} has counts {str(raw)[:60]!r}, which is no whole number from 0 to {MOST} for {of}. "
        'Write a list, "[1, 3]" or "1|3", or an object of choice and number, {"yes": 3}.'
    )


def _countable(found: Collection[float]) -> bool:
    return min(found, default=0) >= 0 and math.isfinite(sum(found))


def _json_list(text: str) -> list[str]:
    """Texts of a JSON list, as tables of text are written with; [] where it is none."""
    try:
        return msgspec.json.decode(text, type=list[str]) if text.startswith("[") else []
    except msgspec.DecodeError:
        return []


def abstains(label: str, choices: Sequence[str], extra: frozenset[str]) -> bool:
    """True where a clean label is an abstention: empty, a null word that is no choice, or a word the user names."""
    return label == "" or label in extra or (label.casefold() in ABSTENTIONS and label not in choices)


def by_text(label: str, choices: Sequence[str]) -> int | None:
    """Code of the one choice with this text, exactly or else but for upper and lower case."""
    if label in choices:
        return choices.index(label) if choices.count(label) == 1 else None
    folded = [c.casefold() for c in choices]
    return folded.index(label.casefold()) if folded.count(label.casefold()) == 1 else None


def by_letter(label: str, choices: Sequence[str]) -> int | None:
    """Code of the choice with this letter: "A" is 0."""
    code = LETTERS.find(label) if len(label) == 1 else -1
    return code if 0 <= code < len(choices) else None


def by_code(label: str, choices: Sequence[str]) -> int | None:
    """Code written as a number: "0" is the first choice."""
    return int(label) if label.isascii() and label.isdigit() and len(label) < 10 and int(label) < len(choices) else None


READINGS: dict[str, Reading] = {"text": by_text, "letter": by_letter, "code": by_code}


def is_number(text: str) -> bool:
    """True where a text is a number, "1e5" and "nan" too."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def natural(text: str) -> tuple[bool, float, str]:
    """Key that sorts numbers as numbers and before words."""
    try:
        return (False, float(text), text)
    except ValueError:
        return (True, 0.0, text)


def resolve(
    pairs: Sequence[tuple[str, Sequence[str]]], where: Sequence[str], wanted: str | None = None
) -> tuple[list[int], str]:
    """Find the code of each label of a task.

    Args:
        pairs: distinct (clean label, choices of its item).
        where: file and row of the first of each, for errors.
        wanted: "text", "letter" or "code" where the user decides.

    Returns:
        The code of each pair, and how they were read: the one reading that fits all, or "mixed".
    """
    if not pairs:
        return [], "text"
    if wanted and wanted not in READINGS:
        raise unknown_name("reading of labels", wanted, READINGS)
    names = [wanted] if wanted else list(READINGS)
    codes = {name: [READINGS[name](label, choices) for label, choices in pairs] for name in names}
    meanings = [{codes[n][i] for n in names} - {None} for i in range(len(pairs))]
    if set() in meanings:
        _raise_misfit(*pairs[meanings.index(set())], where[meanings.index(set())])
    whole = [name for name in names if None not in codes[name]]
    if all(codes[name] == codes[whole[0]] for name in whole[1:]) and whole:
        return [c for c in codes[whole[0]] if c is not None], whole[0]
    at = next((i for i, m in enumerate(meanings) if len(m) > 1), None)
    if at is not None:
        _raise_ambiguous(*pairs[at], where[at])
    return [c for m in meanings for c in m if c is not None], "mixed"


def _raise_ambiguous(label: str, choices: Sequence[str], where: str) -> NoReturn:
    means = {name: read(label, choices) for name, read in READINGS.items()}
    said = " and ".join(f"'{choices[code]}' as {name}" for name, code in means.items() if code is not None)
    raise InputError(
        f"{where}: label '{label[:60]}' means {said}, and the other labels do not decide it. "
        "Say which: --labels text, --labels letter or --labels code."
    )


def _raise_misfit(label: str, choices: Sequence[str], where: str) -> NoReturn:
    raise InputError(
        f"{where}: label '{label[:60]}' is not one of the choices ({', '.join(choices)}), nor a letter or code of one. "
        f"Fix the row, pass --choices, --rename '{label[:60]}=...' or --abstain '{label[:60]}'."
    )
