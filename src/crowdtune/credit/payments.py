"""Payments: the rules they are made by, and a row for each annotator. Light: the command line shows its defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crowdtune.errors import InputError

DIGITS = {  # of a currency's smallest unit, by ISO 4217; of all others 2
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
LARGEST = 10**12  # units of a budget: beyond that shares of floating point are not right to the unit


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
        payments: the highest amount first, of equal ones the higher value, then by name.
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
