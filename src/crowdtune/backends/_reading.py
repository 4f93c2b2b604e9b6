"""What the likeliest tokens at a place tell: how likely each choice is, and how open the place was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp

from crowdtune.backends.request import Reply, Request

ENOUGH = 0.5  # probability the choices must carry together before they are told as shares
BEGUN = 0.05  # probability, against theirs, that may be on tokens that only begin a choice
WHOLE = 0.999  # probability the likeliest tokens must carry before they stand for all: then wrong by 0.02 nats at most
WRAPPING = " \t\r\n.,:;!?()[]{}<>*_\"'`"  # what models put around a choice

Top = Sequence[tuple[str, float]]  # tokens at a place with their log-probabilities in nats


def reply_of(request: Request, plain: Reply, written: Top, places: Sequence[Top]) -> Reply:
    """A reply with all that can be told of it.

    Args:
        request: what was asked.
        plain: the text as written, and the counts.
        written: (T,) tokens written with their log-probabilities; () where the backend does not tell.
        places: (T,) the likeliest tokens at each place.
    """
    told: tuple[float, ...] = ()
    text = plain.text
    if request.choices:
        told = shares(first_answer([token for token, _ in written], places), request.choices)
        text = request.choices[told.index(max(told))] if told else matched(plain.text, request.choices)
    log_probs = tuple(log_p for _, log_p in written)
    return replace(plain, text=text, shares=told, log_probs=log_probs, entropies=entropies(places))


def first_answer(written: Sequence[str], places: Sequence[Top]) -> Top:
    """The likeliest tokens where the first token stands that is more than blanks; () where there is none."""
    return next((top for token, top in zip(written, places, strict=True) if token.strip()), ())


def shares(top: Top, choices: Sequence[str]) -> tuple[float, ...]:
    """(K,) probability of each choice by the token that begins the answer, sums to 1.

    Tokens that are a choice but for blanks and case count for it, unless another choice begins with the same token. ()
    where the choices carry less than half of the probability, of a model that says something else, and where tokens
    that only begin a choice carry some: the shares of those others would be too large.

    Example:
        >>> from math import log
        >>> shares([("A", log(0.5)), (" a", log(0.25)), ("The", log(0.25))], ["A", "B"])
        (1.0, 0.0)
        >>> shares([("no", log(0.6)), ("may", log(0.4))], ["no", "maybe"])
        ()
        >>> shares([("A", log(0.25)), ("The", log(0.75))], ["A", "B"]), shares([("1", log(0.9))], ["1", "10"])
        ((), ())
    """
    weight, begun = [0.0] * len(choices), 0.0
    for token, log_p in top:
        found = _whole(token.strip(), choices)
        if found is not None:
            weight[found] += exp(log_p)
        elif _begins(token, choices):
            begun += exp(log_p)
    total = sum(weight)
    return tuple(w / total for w in weight) if total >= ENOUGH and begun <= BEGUN * total else ()


def _begins(token: str, choices: Sequence[str]) -> bool:
    """Whether a choice begins with a token."""
    said = token.strip().casefold()
    return bool(said) and any(choice.strip().casefold().startswith(said) for choice in choices)


def _whole(token: str, choices: Sequence[str]) -> int | None:
    """The choice that a token is, and that no other goes on from."""
    if not token:
        return None
    for of in (str, str.casefold):  # case decides only where there are choices that differ in it
        same = [k for k, choice in enumerate(choices) if of(choice.strip()) == of(token)]
        if len(same) == 1:
            begun = sum(choice.strip().casefold().startswith(token.casefold()) for choice in choices)
            also = sum(choice.strip().casefold() == token.casefold() for choice in choices)
            return same[0] if begun == also else None
    return None


def matched(text: str, choices: Sequence[str]) -> str:
    """The choice a text is, but for case and what models put around it; "" if it is none, or could be two.

    Example:
        >>> matched("**b**.", ["A", "B"]), matched("A or B", ["A", "B"])
        ('B', '')
    """
    for of in (str.strip, str.casefold, lambda t: t.casefold().strip(WRAPPING)):
        same = [choice for choice in choices if of(choice.strip()) == of(text.strip())]
        if len(same) == 1:
            return same[0]
    return ""


def entropies(places: Sequence[Top]) -> tuple[float, ...]:
    """(T,) entropy in nats at each place; () unless the likeliest tokens carry almost all everywhere.

    Example:
        >>> from math import log
        >>> entropies([[("a", log(0.5)), ("b", log(0.5))]])[0] == log(2)
        True
        >>> entropies([[("a", log(0.5)), ("b", log(0.4))]])
        ()
    """
    told = []
    for top in places:
        p = [(exp(log_p), log_p) for _, log_p in top]
        if not p or sum(mass for mass, _ in p) < WHOLE:
            return ()
        told.append(-sum(mass * log_p for mass, log_p in p if mass > 0))
    return tuple(told)
