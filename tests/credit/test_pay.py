"""Oracle: pay by hand, axioms (the budget to the cent, bounds, monotone, order, scale), and a bisection for shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crowdtune.credit._shares import between, whole_units
from crowdtune.credit.game import Credit
from crowdtune.credit.pay import Payment, PayTable, Rules, pay
from crowdtune.errors import InputError

NAMES = [f"a{n:02d}" for n in range(40)]


def paid(values: Sequence[float], rules: Rules, error: Sequence[float] | None = None, **more: Any) -> PayTable:
    errors = np.zeros(len(values)) if error is None else np.array(error, dtype=float)
    credit = Credit("by hand", tuple(NAMES[: len(values)]), np.array(values, dtype=float), errors, 0)
    return pay(credit, rules, np.random.default_rng(0), **more)


def amounts(table: PayTable) -> list[str]:
    return [str(one.amount) for one in in_order(table)]


def in_order(table: PayTable) -> list[Payment]:
    return sorted(table.payments, key=lambda one: one.annotator)


def rules(budget: str = "100", **more: Any) -> Rules:
    return Rules(Decimal(budget), **more)


@pytest.mark.parametrize(
    ("values", "how", "expected"),
    [
        ([3, 1], rules(floor=0, cap=np.inf), ["75.00", "25.00"]),
        ([1, 1, 1], rules(), ["33.34", "33.33", "33.33"]),
        ([1, 1, 1], rules("1", currency="JPY"), ["1", "0", "0"]),
        ([1, 1, 1], rules("0.1", currency="KWD"), ["0.034", "0.033", "0.033"]),
        ([3, 1, -1], rules(floor=0, cap=np.inf), ["75.00", "25.00", "0.00"]),
        # floor of a fifth of 100: 20 each at least, the other 60 as 3 to 1 would be 60 and 20
        ([3, 1, -1], rules(floor=0.6, cap=np.inf), ["60.00", "20.00", "20.00"]),
        # 2 even shares are 50: the rest as 2 to 1 to 1
        ([90, 2, 1, 1], rules(floor=0, cap=2), ["50.00", "25.00", "12.50", "12.50"]),
        # the cap leaves 50 to three of whom nobody has a value: evenly
        ([5, 0, -1, -2], rules("90", floor=0, cap=2), ["45.00", "15.00", "15.00", "15.00"]),
        ([-1, -2, -3, 0], rules(), ["25.00"] * 4),
        ([9, 1], rules(floor=1), ["50.00", "50.00"]),
        ([9, 1], rules(cap=1), ["50.00", "50.00"]),
        ([7], rules("0.01"), ["0.01"]),
    ],
)
def test_by_hand(values: list[float], how: Rules, expected: list[str]) -> None:
    assert amounts(paid(values, how)) == expected


def bisected(weight: np.ndarray[Any, Any], floor: float, cap: float) -> np.ndarray[Any, Any]:
    """One draw of `between` by bisection; somebody has a weight above zero and bounds leave room."""
    low, high = 0.0, 1e9
    for _ in range(80):
        middle = (low + high) / 2
        if np.clip(middle * weight, floor, cap).sum() < len(weight):
            low = middle
        else:
            high = middle
    return np.clip(high * weight, floor, cap)


def test_shares_agree_with_a_bisection() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        weight = rng.exponential(size=rng.integers(2, 30)) ** rng.uniform(0.2, 4)
        floor, cap = rng.uniform(0, 0.95), rng.choice([rng.uniform(1.05, 6), np.inf])
        assert between(weight[None], floor, cap)[0] == pytest.approx(bisected(weight, floor, cap), abs=1e-6)


value = st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from([0.0, 1.0, -1.0, 1e-300, 5e-324, 1e100, np.nan])
ledgers = st.fixed_dictionaries(
    {
        "values": st.lists(value, min_size=1, max_size=30),
        "budget": st.integers(1, 10**12),
        "floor": st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1),
        "cap": st.sampled_from([1.0, 3.0, np.inf]) | st.floats(1, 50),
        "least": st.integers(0, 3),
        "evidence": st.lists(st.integers(0, 5), min_size=30, max_size=30),
        "damping": st.booleans(),
        "owners": st.lists(st.sampled_from(["", "", "", "x", "y", "a03"]), min_size=30, max_size=30),
    }
)


@given(ledgers)
@settings(max_examples=60, deadline=None, phases=[Phase.generate])
def test_whatever_is_given_the_budget_is_paid_and_bounds_hold(g: dict[str, Any]) -> None:
    """Axioms: the sum to the cent, floor and cap up to a cent, a higher value never less, the order never matters."""
    budget = Decimal(g["budget"]).scaleb(-2)
    how = Rules(budget, floor=g["floor"], cap=g["cap"], min_evidence=g["least"], damping=g["damping"])
    count = len(g["values"])
    evidence = dict(zip(NAMES, g["evidence"], strict=False))
    owners = {name: owner for name, owner in zip(NAMES[:count], g["owners"], strict=False) if owner}
    table = paid(g["values"], how, evidence=evidence, identities=owners)
    assert sum(one.amount for one in table.payments) == budget
    persons: dict[str, list[Payment]] = {}
    for one in table.payments:
        persons.setdefault(one.identity + "*" if one.identity else one.annotator, []).append(one)
    even = g["budget"] / len(persons)
    for own in persons.values():
        units = int(sum(one.amount for one in own).scaleb(2))
        assert even * g["floor"] - 1.001 <= units <= even * g["cap"] + 1.001
        if own[0].rank is None:
            assert abs(units - even) <= 1.001
    alone = [own[0] for own in persons.values() if len(own) == 1 and own[0].rank is not None]
    for one in alone:
        for other in alone:
            assert (one.value or 0.0) <= (other.value or 0.0) or one.amount >= other.amount
    turned = Credit("again", tuple(NAMES[:count][::-1]), np.array(g["values"][::-1]), np.zeros(count), 0)
    assert pay(turned, how, np.random.default_rng(0), evidence=evidence, identities=owners) == table


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.integers(-20, 20))
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
def test_the_unit_of_values_does_not_matter(values: list[float], power: int) -> None:
    how = rules("1234.56")
    assert amounts(paid(values, how)) == amounts(paid([v * 2.0**power for v in values], how))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.integers(0, 10**12))
@settings(max_examples=40, deadline=None, phases=[Phase.generate])
def test_rounding_moves_nobody_by_more_than_a_unit(share: list[float], units: int) -> None:
    if not sum(share):
        return
    exact = np.array(share) / sum(share) * units
    found = whole_units(np.array(share), units, [(0.0, name) for name in NAMES[: len(share)]])
    assert sum(found) == units
    assert np.abs(np.array(found) - exact).max() < 1.001


def test_who_too_little_is_known_of_is_paid_evenly_and_not_ranked() -> None:
    table = paid([9, 2, 1, np.nan], rules(), evidence={"a00": 3, "a01": 5, "a02": 8, "a03": 9})
    found = in_order(table)
    assert amounts(table) == ["25.00", "33.33", "16.67", "25.00"]
    assert [one.rank for one in found] == [None, 1, 2, None]
    assert found[0].reason == "too little evidence (3 of 5): paid the even share, not ranked"
    assert found[3].reason == "no value is known: paid the even share, not ranked"
    marked = in_order(paid([9, 2], rules(), evidence={"a00": np.nan, "a01": 50}))[0]
    assert (marked.rank, marked.evidence) == (None, None)
    assert marked.reason.startswith("too little to judge")


def test_ranks_are_of_those_told_apart_alone() -> None:
    """95 % intervals 5 +- 0.2, 4 +- 1.96, 3.5 +- 0.2, 1 +- 0.2: the second is told from the last alone."""
    table = paid([5, 4, 3.5, 1, 2], rules(), [0.1, 1, 0.1, 0.1, np.nan])
    assert [one.rank for one in in_order(table)] == [1, 1, 2, 4, None]
    assert "value 2 (its error is unknown)" in in_order(table)[4].reason
    assert in_order(table)[4].share_low is None
    alike = paid([5, 4, 3], rules(), [9, 9, 9])
    assert [one.rank for one in alike.payments] == [1, 1, 1]
    assert any("nobody's value is told apart" in note for note in alike.notes)
    unknown = paid([5, 4], rules(), [np.nan, np.nan])
    assert [one.ranked for one in unknown.payments] == [False, False]
    assert any("no value has a standard error" in note for note in unknown.notes)


def test_shares_have_the_intervals_of_their_values() -> None:
    """Two persons, value v +- s and a sure 1: the share is v / (v + 1), monotone, so its quantiles are those of v."""
    v, s = 2.0, 0.25
    one = in_order(paid([v, 1.0], rules(floor=0, cap=np.inf), [s, 0.0]))[0]
    for end, z in ((one.share_low, -1.96), (one.share_high, 1.96)):
        drawn = v + z * s
        # of 1,000 draws the 2.5 % quantile is off by about s * sqrt(0.025 * 0.975 / 1000) / 0.058, here 0.021
        assert end == pytest.approx(drawn / (drawn + 1), abs=5 * 0.021 / (drawn + 1) ** 2)


def test_reasons_say_what_happened() -> None:
    table = paid([90, 4, 1, -1, 3], rules(cap=2))
    said = [one.reason for one in in_order(table)]
    assert said[0] == "value 90: held to the cap, 2 times the even share; the rest went to the others"
    assert said[1] == "value 4: 22.9 % of the budget"  # 40 % are left to 4 and 3
    assert said[2] == "value 1: raised to the floor, 0.5 times the even share"
    assert said[3] == "value -1 is not above zero: paid the floor, 0.5 times the even share"
    poor = in_order(paid([9, -1], rules(floor=0, cap=1.5)))
    assert poor[1].reason == "value -1 is not above zero: paid from what others' caps left over"
    assert in_order(paid([9, -1], rules(floor=0, cap=9)))[1].reason == "value -1 is not above zero: no pay"
    assert "as nobody's value is above zero" in paid([0, -1], rules()).payments[0].reason


def test_accounts_of_one_identity_are_one_person() -> None:
    """Ten accounts that earned a share each are one floor, one cap and one even share; alone nothing changes."""
    values = [10.0, *[10.0] * 10]
    how = rules("110", cap=3)
    assert amounts(paid(values, how)) == ["10.00"] * 11
    twin = {name: "sybil" for name in NAMES[1:11]}
    summed = in_order(paid(values, how, identities=twin))
    assert [str(one.amount) for one in summed] == ["27.50", *["8.25"] * 10], "10 to 1, but the floor is half of 55"
    damped = in_order(paid(values, replace(how, damping=True, floor=0), identities=twin))
    assert float(damped[0].amount) == pytest.approx(110 / (1 + np.sqrt(10)), abs=0.01)
    assert summed[1].reason.startswith("one of 10 accounts paid as one person: value 100")
    capped = in_order(paid(values, replace(how, cap=1.2, floor=0), identities=twin))
    assert float(capped[0].amount) == 44
    own = {name: f"person {name}" for name in NAMES[:11]}
    assert amounts(paid(values, replace(how, damping=True), identities=own)) == amounts(paid(values, how))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"floor": 1.1}, "floor=1.1 must be from 0 to 1"),
        ({"floor": float("nan")}, "floor=nan must be"),
        ({"cap": 0.9}, "cap=0.9 must be 1 even share or more"),
        ({"budget": Decimal("0")}, "budget=0 must be above 0"),
        ({"budget": Decimal("NaN")}, "budget=NaN must be above 0"),
        ({"budget": Decimal("1.005")}, r"smallest unit of EUR is 0\.01"),
        ({"budget": Decimal("1.5"), "currency": "JPY"}, "smallest unit of JPY is 1"),
        ({"budget": Decimal(10) ** 11}, "must be at most 10000000000.00 EUR"),
        ({"currency": "euro"}, "currency 'euro' must be a code of three capital letters"),
        ({"min_evidence": -1}, "min_evidence=-1 must be 0 or more"),
    ],
)
def test_rules_nobody_could_keep_are_refused(how: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Rules(**({"budget": Decimal(100)} | how))


def test_values_nobody_could_pay_by_are_refused() -> None:
    with pytest.raises(InputError, match="annotator 'a00' has value inf"):
        paid([np.inf], rules())
    with pytest.raises(InputError, match="standard error -1"):
        paid([1.0], rules(), [-1.0])
    with pytest.raises(InputError, match="annotator 'x' is there twice"):
        pay(Credit("", ("x", "x"), np.ones(2), np.ones(2), 0), rules(), np.random.default_rng(0))
    with pytest.raises(InputError, match="there is nobody to pay"):
        paid([], rules())


def test_hundreds_are_paid_in_a_moment() -> None:
    values = np.random.default_rng(0).normal(1, 1, 300)
    credit = Credit("", tuple(f"p{n}" for n in range(300)), values, np.full(300, 0.3), 0)
    table = pay(credit, rules("12345.67"), np.random.default_rng(0))
    assert sum(one.amount for one in table.payments) == Decimal("12345.67")


def test_equal_amounts_are_told_by_value_and_then_by_name() -> None:
    """All but the first are raised to the floor; the last two are equal."""
    table = paid([90, 1, 3, 2, 2], rules("100", floor=0.5, cap=np.inf))
    assert [one.annotator for one in table.payments] == ["a00", "a02", "a03", "a04", "a01"]
