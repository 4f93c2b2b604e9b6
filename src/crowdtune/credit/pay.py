"""Pay: from what annotators are worth, with its uncertainty, to money that sums to the budget to the cent.

Nobody is rejected here, and whoever too little is known of is paid the even share and not ranked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit._people import People, ends, gather
from crowdtune.credit._reasons import notes, reasons
from crowdtune.credit._shares import between, whole_units
from crowdtune.credit.game import Credit
from crowdtune.errors import InputError

DIGITS = {  # of a currency's smallest unit, by ISO 4217; of all others 2
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
LARGEST = 10**12  # units of a budget: beyond that shares of floating point are not right to the unit
HUGEST = 1e100  # value: sums and squares of such are numbers
DRAWS, AT_ONCE = 1000, 1_000_000  # of values from their errors; numbers held at once


@dataclass(frozen=True)
class Rules:
    """How a budget is shared out. The even share is the budget divided by the number of persons."""

    budget: Decimal  # to be paid out, all of it
    currency: str = "EUR"  # its code of three capital letters
    floor: float = 0.5  # nobody is paid less, in even shares; 0 = no floor, 1 = all are paid alike
    cap: float = 3.0  # nobody is paid more, in even shares; inf = no cap
    min_evidence: float = 5  # of an estimate; whoever has less is paid the even share and not ranked
    damping: bool = False  # several accounts of one identity: the root of the sum of squares counts, not the sum

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise InputError(f"currency '{self.currency}' must be a code of three capital letters, say EUR.")
        if not self.budget.is_finite() or self.budget <= 0:
            raise InputError(f"budget={self.budget} must be above 0.")
        units = self.budget.scaleb(self.digits)
        if units != units.to_integral_value():
            raise InputError(
                f"budget={self.budget} cannot be paid: the smallest unit of {self.currency} is {self.unit}. Round it."
            )
        if units > LARGEST:
            raise InputError(f"budget={self.budget} must be at most {self.money(LARGEST)} {self.currency}. Split it.")
        if not 0 <= self.floor <= 1:
            raise InputError(
                f"floor={self.floor:g} must be from 0 to 1 even shares: nobody can be promised more than there is."
            )
        if not self.cap >= 1:
            raise InputError(f"cap={self.cap:g} must be 1 even share or more, else money would be left over.")
        if not self.min_evidence >= 0:
            raise InputError(f"min_evidence={self.min_evidence:g} must be 0 or more.")

    @property
    def digits(self) -> int:
        """Decimal places of the currency."""
        return next((digits for digits, codes in DIGITS.items() if self.currency in codes.split()), 2)

    @property
    def unit(self) -> Decimal:
        """The currency's smallest unit."""
        return self.money(1)

    @property
    def units(self) -> int:
        """The budget in smallest units."""
        return int(self.budget.scaleb(self.digits))

    def money(self, units: int) -> Decimal:
        """So many smallest units."""
        return Decimal(units).scaleb(-self.digits)


@dataclass(frozen=True)
class Payment:
    """What an annotator is paid and why.

    Args:
        annotator: who.
        amount: in the currency.
        rank: 1 + how many persons' values are surely higher: their intervals lie wholly above; None if not ranked.
        value: None where none is known.
        low: lower end of its 95 % interval; None where its error is unknown.
        high: upper end.
        share: of the budget, before rounding.
        share_low: lower end of its 95 % interval, as values are drawn from their errors.
        share_high: upper end.
        evidence: how much the value rests on; None where nobody says.
        identity: whose account it is; "" where nobody says.
        reason: a sentence.
    """

    annotator: str
    amount: Decimal
    rank: int | None
    value: float | None
    low: float | None
    high: float | None
    share: float
    share_low: float | None
    share_high: float | None
    evidence: float | None
    identity: str
    reason: str

    @property
    def ranked(self) -> bool:
        """Whether enough is known to rank them."""
        return self.rank is not None


@dataclass(frozen=True)
class PayTable:
    """Payments that sum to the budget.

    Args:
        payments: the highest amount first.
        rules: by which they were made.
        notes: sentences about all of them.
    """

    payments: tuple[Payment, ...]
    rules: Rules
    notes: tuple[str, ...]

    def columns(self) -> dict[str, list[Any]]:
        """As columns of a table; amounts as text, so that no reader makes floats of them."""
        names = list(Payment.__dataclass_fields__)
        found = {name: [getattr(payment, name) for payment in self.payments] for name in names}
        found["amount"] = [str(amount) for amount in found["amount"]]
        at = names.index("amount") + 1
        pairs = list(found.items())
        return dict([*pairs[:at], ("currency", [self.rules.currency] * len(self.payments)), *pairs[at:]])


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
        evidence: annotator -> how much the value rests on: trainings, appearances, labels; None where nobody says, and
            nobody is held to a minimum.
        identities: annotator -> identity. Several accounts of one identity are one person: one even share, one
            floor, one cap, which their accounts share in proportion to their values.

    Example:
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
    payments.sort(key=lambda one: (-one.amount, one.annotator))
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
        if not count >= 0:
            raise InputError(f"annotator '{name}' has evidence {count:g}; it must be 0 or more.")


def _shares(people: People, rules: Rules, value: Floats, judged: Bools) -> Floats:
    """(D, J) values of accounts -> (D, P) in even shares."""
    share = np.ones((len(value), len(judged)))
    share[:, judged] = between(people.weights(value)[:, judged], rules.floor, rules.cap)
    return share


def _spread(people: People, rules: Rules, judged: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(P,) ends of 95 % intervals of shares, NaN where a value's error is unknown; errors are taken as independent."""
    unsure = np.nan_to_num(people.error)
    some = max(1, min(DRAWS, AT_ONCE // len(unsure)))
    drawn: list[Floats] = []
    for start in range(0, DRAWS, some):
        noise = rng.standard_normal((min(some, DRAWS - start), len(unsure)))
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
