"""Joint on grades and pairs, with a table in place of the model. Oracles: planted biases, spreads and leans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune.annotations import Annotations, Floats
from crowdtune.methods._habits import _words, columns
from crowdtune.methods._plan import Anchor, Conclusion
from crowdtune.methods.joint import Joint
from crowdtune.metrics.guard import confirmed
from crowdtune.runs import annotator_table
from crowdtune.simulate import simulate
from crowdtune.simulate.scales import comparers, graders
from tests.aggregate.test_bradley_terry import pair_items
from tests.crowds import make_items
from tests.em.priors import informed

GRADES = ("1", "2", "3", "4", "5")


def joint(annotations: Annotations, log_p: Floats, **changes: bool) -> Conclusion:
    anchor = Anchor(log_p, np.zeros((len(log_p), 0), np.float32))
    return Joint(**changes).plan(annotations, anchor).conclude(log_p)  # type: ignore[arg-type]


def graded(n: int, bias: Floats, spread: Floats, rng: np.random.Generator, overlap: str = "3") -> Annotations:
    items = replace(make_items(rng.integers(5, size=n).tolist(), GRADES), kinds=("grade",))
    return graders(items, bias, spread, overlap=overlap, rng=rng)


def right(found: Conclusion, annotations: Annotations) -> float:
    return float((found.posterior.argmax(axis=1) == annotations.items.gold).mean())


def held(found: Conclusion, name: str, planted: Floats) -> float:
    """Share of intervals that hold what was planted."""
    low, high = (np.array(found.columns[name + end], float) for end in ("_low", "_high"))
    return float(((low <= planted) & (planted <= high)).mean())


def test_an_interval_is_told_from_its_lower_end() -> None:
    assert _words("bias", -0.5, -0.8, -0.3) == "0.5 grades lower than is right (0.3 to 0.8)"
    assert _words("lean", -0.2, -0.31, -0.12) == "says the first 20 points less often than is right (12 to 31)"
    assert _words("lean", 0.2, 0.12, 0.31) == "says the first 20 points more often than is right (12 to 31)"


def test_generous_and_strict_annotators_are_told_and_their_grades_put_right() -> None:
    """20 annotators, 90 labels each: a bias is known to about 0.1. The bar of intervals is 5 s.d. below 95 % of 60."""
    covered, gains = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        bias, spread = 0.3 + rng.normal(0, 0.4, 20), rng.uniform(0.4, 1.0, 20)
        made = graded(600, bias, spread, rng)
        log_p = informed(made.items.gold, 5, 0.5, rng)
        found, coins = joint(made, log_p), joint(made, log_p, grids=False, kernels=False)
        assert found.results["annotator_model"] == "grade"
        covered += [held(found, "bias_grades", bias), held(found, "spread", spread)]
        gains.append(right(found, made) - right(coins, made))
        np.testing.assert_allclose(found.columns["bias_grades"], bias, atol=0.5)
    assert np.mean(covered) > 0.81
    assert min(gains) > 0.05


def test_a_bias_is_said_in_words_where_it_is_sure() -> None:
    rng = np.random.default_rng(0)
    bias = np.array([0.0] * 8 + [-0.7, 0.6])
    made = graded(800, bias, np.full(10, 0.6), rng)
    found = joint(made, informed(made.items.gold, 5, 0.6, rng))
    said = found.columns["bias"]
    assert "grades lower than is right (" in said[8]
    assert "grades higher than is right (" in said[9]
    rows = {row["annotator"]: row for row in annotator_table(made, found.posterior, found.columns)}
    assert rows["a9"]["bias_grades_high"] < 0 < rows["a10"]["bias_grades_low"]
    assert not any(said[:8]) or max(abs(np.array(found.columns["bias_grades"][:8]))) < 0.35


def test_a_verdict_is_not_turned_by_a_generous_crowd() -> None:
    """Nearly a grade too much: most truths are others than the votes, and that is no flip."""
    rng = np.random.default_rng(1)
    made = graded(600, np.full(12, 0.9), np.full(12, 0.6), rng)
    log_p = informed(made.items.gold, 5, 0.7, rng)
    found = joint(made, log_p)
    assert found.results["annotator_model"] == "grade"
    assert right(found, made) > 0.7
    assert found.verdict is not None
    assert confirmed(found.verdict, log_p, found.posterior).status == found.verdict.status == "resolved"


def test_errors_that_are_no_neighbours_keep_the_coin() -> None:
    rng = np.random.default_rng(2)
    items = replace(make_items(rng.integers(5, size=500).tolist(), GRADES), kinds=("grade",))
    made = simulate(items, np.full(10, 0.7), overlap="3", rng=rng)
    found = joint(made, informed(items.gold, 5, 0.5, rng))
    assert found.results["annotator_model"] == "coin"
    assert "bias_grades" not in found.columns


def test_choices_that_are_no_grades_have_no_such_stage() -> None:
    rng = np.random.default_rng(3)
    made = graded(200, np.zeros(5), np.full(5, 0.8), rng)
    made = replace(made, items=replace(made.items, kinds=("choice",)))
    found = joint(made, informed(made.items.gold, 5, 0.5, rng))
    assert "grade" not in {trial["name"] for trial in found.results["trials"]}


@pytest.mark.parametrize("ties", [(), ("tie",)])
def test_a_lean_to_the_first_of_two_texts_is_told(ties: tuple[str, ...]) -> None:
    """Every item compares two texts of its own; 12 annotators, 200 labels each, a lean is known to about 0.03."""
    rng = np.random.default_rng(4)
    k = 2 + len(ties)
    pairs = np.arange(1600).reshape(800, 2)
    items = pair_items(pairs, rng.integers(k, size=800), ties)
    lean = np.repeat([0.25, 0.0, -0.2], 4)
    made = comparers(items, np.tile([0.9, 0.8], 6), lean, overlap="3", rng=rng)
    log_p = informed(items.gold, k, 0.75, rng)
    found, coins = joint(made, log_p), joint(made, log_p, grids=False, kernels=False)
    assert found.results["annotator_model"] == "pair"
    np.testing.assert_allclose(found.columns["lean"], lean, atol=0.15)
    assert held(found, "lean", lean) >= 0.7
    assert right(found, made) > right(coins, made)
    assert "says the first" in found.columns["bias"][0]
    assert "points more often than is right (" in found.columns["bias"][0]
    assert "points less often than is right (" in found.columns["bias"][11]


def test_nobody_leans_where_nobody_was_made_to() -> None:
    rng = np.random.default_rng(5)
    items = pair_items(np.arange(1000).reshape(500, 2), rng.integers(2, size=500))
    made = comparers(items, np.full(8, 0.8), np.zeros(8), overlap="3", rng=rng)
    found = joint(made, informed(items.gold, 2, 0.75, rng))
    assert not any(found.columns.get("bias", []))


def test_columns_of_several_tasks_say_which_and_only_of_those_met() -> None:
    """Draws 0.4 +- 0.01 of one task and -0.6 of another, in which the second annotator has no label."""
    items = replace(make_items([0, 0], GRADES, task=[0, 1]), kinds=("grade", "grade"))
    made = Annotations(items, ["a", "b"], np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([1, 0, 1]))
    draws = np.zeros((101, 4, 2))
    draws[:, [0, 2], 0], draws[:, [1, 3], 0] = 0.4, -0.6
    draws[:, :, 0] += np.linspace(-0.01, 0.01, 101)[:, None]
    found = columns(("bias", "spread"), draws, made)
    assert found["bias_grades:t0"] == pytest.approx([0.4, 0.4])
    assert found["bias_grades:t1"][1] is None
    assert found["bias_grades_low:t1"][0] == pytest.approx(-0.6095)
    assert found["bias"] == [
        "t1: 0.6 grades lower than is right (0.6 to 0.6)",
        "t0: 0.4 grades higher than is right (0.4 to 0.4)",
    ]
