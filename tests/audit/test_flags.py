"""Oracle: planted annotators. Each kind is named; of 600 who are only unlike each other hardly any is."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from crowdtune.audit import audit
from tests.audit.planted import COPIED, PLANTED, clean, planted
from tests.crowds import from_table

FLAGS = ("constant", "too fast", "below chance", "near random", f"copies another: a{COPIED}", "too few to judge")


@cache
def people(k: int) -> dict[str, dict[str, Any]]:
    return {row["annotator"]: row for row in audit(planted(np.random.default_rng(k), k)).annotators}


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize(("name", "flag"), list(zip(PLANTED, FLAGS, strict=True)))
def test_each_kind_is_named(name: str, flag: str, k: int) -> None:
    assert flag in people(k)[name]["flags"]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_nobody_else_is(k: int) -> None:
    others = {name: row["flags"] for name, row in people(k).items() if name not in PLANTED and row["flags"]}
    assert others == {f"a{COPIED}": "copies another: copier"}


@pytest.mark.parametrize("crowd", [{"k": 2, "skew": 4.0}, {"k": 3, "each": 3}, {"k": 5, "skew": 8.0}])
def test_of_a_clean_crowd_hardly_anybody(crowd: dict[str, Any]) -> None:
    """200 annotators of .7 to .95 with leans of their own: at most 1 % flagged."""
    rows = audit(clean(np.random.default_rng(1), **crowd)).annotators
    assert sum(bool(row["flags"]) for row in rows) <= 2


def test_a_habit_is_said_against_others() -> None:
    said = people(3)["always"]["bias"]
    assert re.fullmatch(r"says 'c1' 100% of the time, others (2\d|3\d)% on the same items", said)


def test_grades_that_are_too_high() -> None:
    """One of 20 graders adds one grade to two in three labels, as far as grades go: 0.4 to 0.7 on five even grades."""
    made = clean(np.random.default_rng(0), annotators=20, items=400, k=5)
    rng = np.random.default_rng(1)
    label = np.where((made.annotator == 3) & (rng.random(len(made)) < 0.67), np.minimum(made.label + 1, 4), made.label)
    made = replace(made, label=label, items=replace(made.items, kinds=("grade",)))
    biases = {row["annotator"]: row["bias"] for row in audit(made).annotators}
    assert biases["a3"] in {f"0.{tenth} grades higher than others on the same items" for tenth in (4, 5, 6, 7)}
    assert sum(bool(bias) for bias in biases.values()) <= 2


def test_four_labels_are_not_judged() -> None:
    """Four of four wrong: whatever the interval, the flag is that there are too few."""
    table = [[i % 2] * 4 + [1 - i % 2 if i < 4 else -1] for i in range(40)]
    assert {row["annotator"]: row["flags"] for row in audit(from_table(table)).annotators}["a4"] == "too few to judge"


def test_names_and_order_do_not_matter() -> None:
    made = planted(np.random.default_rng(3))
    order = np.random.default_rng(0).permutation(len(made.annotators))
    renamed = replace(made, annotators=[made.annotators[j] for j in order], annotator=np.argsort(order)[made.annotator])
    one, other = ({r["annotator"]: r["flags"] for r in audit(crowd).annotators} for crowd in (made, renamed))
    assert one == other


def test_who_writes_first_has_no_habit() -> None:
    """Thirty items with two different texts each: the codes of the first annotator's are all 0, and mean nothing."""
    made = from_table([[0, 1]] * 30)
    sets = [(f"one text {i}", f"another {i}") for i in range(30)]
    items = replace(made.items, choice_sets=sets, choice_set=np.arange(30), kinds=("text",))
    assert not any(row["flags"] for row in audit(replace(made, items=items)).annotators)
