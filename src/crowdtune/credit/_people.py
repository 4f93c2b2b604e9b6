"""People behind annotators: several accounts of one verified identity are one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.credit.game import Credit

NORMAL = 1.959963984540054  # standard errors on either side of a 95 % interval


@dataclass(frozen=True, eq=False)
class People:
    """Persons P and their accounts J, both in the order of their names.

    Args:
        names: P of persons.
        accounts: J names of annotators, those of a person together.
        person: (J,) whose each is.
        value: (J,) of accounts, 0 where none is known.
        error: (J,) standard errors, NaN where unknown, 0 where the value is.
        evidence: (J,) of accounts, 0 where no value is known; infinite where nobody says.
        known: (J,) whether a value is known.
        identity: (P,) their names where they are verified identities, "" where they are accounts.
        damping: whether of several accounts the root of the sum of squares counts, and not the sum.
    """

    names: tuple[str, ...]
    accounts: tuple[str, ...]
    person: Ints
    value: Floats
    error: Floats
    evidence: Floats
    known: Bools
    identity: tuple[str, ...]
    damping: bool

    def sums(self, of_accounts: Floats | Bools) -> Floats:
        """(..., J) of accounts -> (..., P) of persons."""
        starts = np.flatnonzero(np.diff(self.person, prepend=-1))
        return np.asarray(np.add.reduceat(np.asarray(of_accounts, dtype=float), starts, axis=-1))

    @property
    def values(self) -> Floats:
        """(P,) of persons."""
        return self.sums(self.value)

    @property
    def errors(self) -> Floats:
        """(P,) standard errors of persons, as if those of accounts were independent."""
        return np.sqrt(self.sums(self.error**2))

    def enough(self, least: float) -> Bools:
        """(P,) whether a value is known and rests on enough."""
        return np.asarray((self.sums(self.known) > 0) & (self.sums(self.evidence) >= least))

    def weights(self, value: Floats) -> Floats:
        """(D, J) values of accounts -> (D, P) >= 0 what persons are paid in proportion to."""
        whole = np.maximum(self.sums(value), 0.0)
        if not self.damping:
            return whole
        return np.minimum(whole, np.sqrt(self.sums(np.maximum(value, 0.0) ** 2)))


def gather(
    credit: Credit, evidence: Mapping[str, float] | None, identities: Mapping[str, str], damping: bool
) -> People:
    """Accounts in the order of their persons' names; an account without an identity is a person of its own.

    Args:
        credit: of annotators.
        evidence: annotator -> how much the estimate rests on; None where nobody says.
        identities: annotator -> identity.
        damping: as in `People`.
    """
    # an account of its own and an identity may have the same name: they are two persons
    owner = {name: (identities.get(name, name), name in identities) for name in credit.players}
    order = sorted(range(len(credit.players)), key=lambda j: (owner[credit.players[j]], credit.players[j]))
    accounts = tuple(credit.players[j] for j in order)
    persons = list(dict.fromkeys(owner[name] for name in accounts))
    place = {person: p for p, person in enumerate(persons)}
    person = np.array([place[owner[name]] for name in accounts], dtype=np.int64)
    value = credit.values[order]
    there = np.isfinite(value)
    rests_on = [np.inf if evidence is None else evidence.get(name, 0.0) for name in accounts]
    return People(
        tuple(name for name, _ in persons),
        accounts,
        person,
        np.where(there, value, 0.0),
        np.where(there, credit.error[order], 0.0),
        np.where(there, rests_on, 0.0),
        there,
        tuple(name if verified else "" for name, verified in persons),
        damping,
    )


def ends(value: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of 95 % intervals."""
    reach = NORMAL * error
    return value - reach, value + reach
