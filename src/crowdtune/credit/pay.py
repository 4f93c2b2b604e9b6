"""Pay: from what annotators are worth, with its uncertainty, to money that sums to the budget to the cent.

Nobody is rejected here, and whoever too little is known of is paid the even share and not ranked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit._people import People, ends, gather
from crowdtune.credit._reasons import notes, reasons
from crowdtune.credit._shares import between, whole_units
from crowdtune.credit.game import Credit
from crowdtune.credit.payments import Payment, PayTable, Rules
from crowdtune.errors import InputError

__all__ = ["PayTable", "Payment", "Rules", "pay"]

HUGEST = 1e100  # value: sums and squares of such are numbers
DRAWS, AT_ONCE = 1000, 1_000_000  # of values from their errors; numbers held at once


def pay(
    credit: Credit,
    rules: Rules,
    rng: np.random.Generator,
    *,
    evidence: Mapping[str, float] | None = None,
    identities: Mapping[str, str] | None = None,
) -> PayTable:
    """Share a budget out in proportion to what annotators are worth.

    Values below zero count as zero. Who has less evidence than the rules ask for, or no value, is paid the even share;
    the others share what is left in proportion to their values, but nobody less than the floor nor more than the cap.

    Args:
        credit: values (J,), and their standard errors, NaN where unknown.
        rules: budget, floor, cap and so on.
        rng: draws values from their errors, for the intervals of the shares.
        evidence: annotator -> how much the value rests on: trainings, appearances, labels; NaN for too little, whatever
            the minimum. None where nobody says, and nobody is held to one.
        identities: annotator -> identity. Several accounts of one identity are one person: one even share, one
            floor, one cap, which their accounts share in proportion to their values.

    Example:
        >>> from decimal import Decimal
        >>> credit = Credit("exact", ("ann", "bob", "cleo"), np.array([3.0, 1.0, -1.0]), np.zeros(3), 8)
        >>> table = pay(credit, Rules(Decimal(100), floor=0.3), np.random.default_rng(0))
        >>> [(p.annotator, str(p.amount)) for p in table.payments]
        [('ann', '67.50'), ('bob', '22.50'), ('cleo', '10.00')]
    """
    _check(credit, evidence)
    people = gather(credit, evidence, identities or {}, rules.damping)
    judged = people.enough(rules.min_evidence)
    share = _shares(people, rules, people.value[None], judged)[0]
    low, high = _spread(people, rules, judged, rng)
    units = whole_units(share, rules.units, list(zip(people.values.tolist(), people.names, strict=True)))
    ranks = _ranks(people, judged)
    said = reasons(people, share, judged, rules)
    payments: list[Payment] = []
    for p in range(len(people.names)):
        ends_of_share = min(low[p], share[p]), share[p], max(high[p], share[p])
        payments += _of_accounts(p, people, rules, units[p], ends_of_share, ranks[p], said[p])
    payments.sort(key=lambda one: (-one.amount, np.inf if one.value is None else -one.value, one.annotator))
    return PayTable(tuple(payments), rules, tuple(notes(people, judged, ranks, rules)))


def _check(credit: Credit, evidence: Mapping[str, float] | None) -> None:
    if not credit.players:
        raise InputError("there is nobody to pay: no annotators. Name a file with at least one.")
    if len(set(credit.players)) < len(credit.players):
        twice = next(name for name in credit.players if credit.players.count(name) > 1)
        raise InputError(f"annotator '{twice}' is there twice. Every annotator needs one value.")
    for name, value, error in zip(credit.players, credit.values, credit.error, strict=True):
        if abs(value) > HUGEST or error > HUGEST or error < 0:
            raise InputError(
                f"annotator '{name}' has value {value:g} with standard error {error:g}. Values must be from "
                f"-{HUGEST:g} to {HUGEST:g}, errors 0 or more; leave a cell empty where nothing is known."
            )
    for name, count in (evidence or {}).items():
        if count < 0:
            raise InputError(f"annotator '{name}' has evidence {count:g}; it must be 0 or more.")


def _shares(people: People, rules: Rules, value: Floats, judged: Bools) -> Floats:
    """(D, J) values of accounts -> (D, P) in even shares."""
    share = np.ones((len(value), len(judged)))
    share[:, judged] = between(people.weights(value)[:, judged], rules.floor, rules.cap)
    return share


def _spread(people: People, rules: Rules, judged: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(P,) ends of 95 % intervals of shares, NaN where a value's error is unknown; errors are taken as independent."""
    unsure = np.nan_to_num(people.error)
    draws = DRAWS if unsure.any() else 1
    some = max(1, min(draws, AT_ONCE // len(unsure)))
    drawn: list[Floats] = []
    for start in range(0, draws, some):
        noise = rng.standard_normal((min(some, draws - start), len(unsure)))
        drawn.append(_shares(people, rules, people.value + noise * unsure, judged))
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975], axis=0)
    unknown = np.isnan(people.errors) & judged
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def _ranks(people: People, judged: Bools) -> list[int | None]:
    """1 + how many are surely higher, so that two of one rank are never told apart."""
    low, high = ends(people.values, people.errors)
    able = judged & ~np.isnan(people.errors)
    above = np.sort(low[able])
    better = len(above) - np.searchsorted(above, high, side="right")
    return [int(count) + 1 if ranked else None for count, ranked in zip(better, able, strict=True)]


def _of_accounts(
    p: int,
    people: People,
    rules: Rules,
    units: int,
    share: tuple[float, float, float],
    rank: int | None,
    reason: str,
) -> list[Payment]:
    """Payments of a person's accounts, in proportion to their values, or alike where none is above zero."""
    own = np.flatnonzero(people.person == p)
    part = np.maximum(people.value[own], 0.0)
    part = part / part.sum() if part.sum() > 0 else np.full(len(own), 1 / len(own))
    names = [people.accounts[j] for j in own]
    paid = whole_units(part, units, list(zip(people.value[own].tolist(), names, strict=True)))
    low, high = ends(people.value[own], people.error[own])
    return [
        Payment(
            annotator=names[a],
            amount=rules.money(paid[a]),
            rank=rank,
            value=_said(people.value[j], people.known[j]),
            low=_said(low[a], people.known[j]),
            high=_said(high[a], people.known[j]),
            share=float(share[1] * part[a] / len(people.names)),
            share_low=_said(share[0] * part[a] / len(people.names)),
            share_high=_said(share[2] * part[a] / len(people.names)),
            evidence=_said(people.evidence[j], np.isfinite(people.evidence[j])),
            identity=people.identity[p],
            reason=reason,
        )
        for a, j in enumerate(own)
    ]


def _said(number: float, known: bool | np.bool_ = True) -> float | None:
    return float(number) if known and not np.isnan(number) else None
