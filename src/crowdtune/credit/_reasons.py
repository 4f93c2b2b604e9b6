"""Why somebody is paid what they are paid, and what is to be said of all: sentences for those who are paid."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit._people import People, ends
from crowdtune.credit.payments import Rules

NEAR = 1e-9  # even shares: nearer to a bound is at it


def reasons(people: People, share: Floats, judged: Bools, rules: Rules) -> list[str]:
    """A sentence for each of P persons.

    Args:
        people: who.
        share: (P,) in even shares.
        judged: (P,) whether enough is known.
        rules: of the pay.
    """
    paid_by_value = bool((people.weights(people.value)[judged] > 0).any())
    said = []
    for p, value in enumerate(_values(people)):
        if not judged[p]:
            why = _too_little(people, p, rules.min_evidence)
        elif rules.floor == 1 or rules.cap == 1:
            why = f"{value}: paid the even share, as floor or cap leaves nothing else"
        elif not paid_by_value:
            why = f"{value}: paid the even share, as nobody's value is above zero"
        else:
            why = f"{value}{_by_value(float(share[p]), float(people.values[p]), len(share), rules)}"
        count = int((people.person == p).sum())
        said.append(why if count == 1 else f"one of {count} accounts paid as one person: {why}")
    return said


def notes(people: People, judged: Bools, ranks: list[int | None], rules: Rules) -> list[str]:
    """What is to be said of all."""
    said = []
    ranked = [rank for rank in ranks if rank is not None]
    if np.isinf(people.evidence).any():
        said.append(
            "nothing says how much evidence the values rest on (a column `evidence`): nobody is held to a minimum"
        )
    if not judged.any():
        said.append("too little is known of everybody: all are paid the even share, and nobody is ranked")
    elif not ranked:
        said.append("no value has a standard error: shares are as if values were exact, and nobody is ranked")
    elif len(ranked) > 1 and set(ranked) == {1}:
        said.append(
            "nobody's value is told apart from anybody else's (95 % intervals overlap): differences in pay are within "
            "what chance makes; more evidence, or --floor 1 for even shares, would be fairer"
        )
    elif len(ranked) > 1:
        said.append("a rank is 1 + how many values are surely higher: who shares one is not told apart")
    return said


def _by_value(share: float, value: float, persons: int, rules: Rules) -> str:
    if value <= 0 and share > rules.floor + NEAR:
        return " is not above zero: paid from what others' caps left over"
    if value <= 0:
        return " is not above zero: " + (f"paid the floor, {_even(rules.floor)}" if rules.floor else "no pay")
    if share < rules.floor + NEAR and rules.floor:
        return f": raised to the floor, {_even(rules.floor)}"
    if share > rules.cap - NEAR:
        return f": held to the cap, {_even(rules.cap)}; the rest went to the others"
    return f": {100 * share / persons:.3g} % of the budget"


def _too_little(people: People, p: int, least: float) -> str:
    own = people.person == p
    if not people.known[own].any():
        return "no value is known: paid the even share, not ranked"
    if np.isnan(people.evidence[own]).any():
        return "too little to judge, as the table says: paid the even share, not ranked"
    return f"too little evidence ({people.evidence[own].sum():g} of {least:g}): paid the even share, not ranked"


def _even(times: float) -> str:
    return f"{times:g} times the even share"


def _values(people: People) -> list[str]:
    low, high = ends(people.values, people.errors)
    said = []
    for value, error, least, most in zip(people.values, people.errors, low, high, strict=True):
        unsure = "its error is unknown" if np.isnan(error) else f"{least:.3g} to {most:.3g}" if error else ""
        said.append(f"value {value:.3g}" + (f" ({unsure})" if unsure else ""))
    return said
