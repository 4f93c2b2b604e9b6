"""Oracle: textbook tables with their published figures, closed forms, axioms, and other libraries (parity)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.metrics.agreement import Agreement, agreement, cohen
from tests.crowds import crowd, from_table, lopsided, make_items, with_choices

N = -1
# Krippendorff (2011), example C: four observers, twelve units; also Gwet's standard example.
FOUR = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
])  # fmt: skip
# Fourteen annotators, ten items: counts of five choices; the worked example of Fleiss' kappa, 0.210.
FOURTEEN = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def four() -> Annotations:
    return from_table(np.where(FOUR > 0, FOUR - 1, N).T.tolist(), k=5)


def of_counts(counts: list[list[int]]) -> Annotations:
    return from_table([np.repeat(np.arange(len(row)), row).tolist() for row in counts], k=len(counts[0]))


def graded(annotations: Annotations) -> Annotations:
    return replace(annotations, items=replace(annotations.items, kinds=("grade",)))


def values(annotations: Annotations) -> dict[str, float | None]:
    return {found.key: found.value for found in agreement(annotations, rng())}


def found(annotations: Annotations, key: str) -> Agreement:
    return next(a for a in agreement(annotations, rng()) if a.key == key)


def test_krippendorffs_example() -> None:
    """0.743 nominal and 0.815 ordinal, as published; AC1 0.77544 and kappa 0.76117 as in Gwet's handbook."""
    by_name = values(four())
    assert by_name["alpha"] == pytest.approx(0.743, abs=5e-4)
    assert by_name["ac1"] == pytest.approx(0.77544, abs=5e-6)
    assert by_name["fleiss"] == pytest.approx(0.76117, abs=5e-6)
    assert by_name["raw"] == pytest.approx(9 / 11)
    assert values(graded(four()))["alpha"] == pytest.approx(0.815, abs=5e-4)


def test_ac2_with_ordinal_weights() -> None:
    """0.89894: what irrCAC 0.4.4 gives, which needs an older numpy and so is not in the parity tests."""
    assert values(graded(four()))["ac1"] == pytest.approx(0.89894, abs=5e-6)


def test_fleiss_example() -> None:
    assert values(of_counts(FOURTEEN))["fleiss"] == pytest.approx(0.210, abs=5e-4)


def test_the_paradox_of_kappa() -> None:
    """90 items both yes, 5 and 5 split. By hand: AC1 0.805/0.905, Cohen -0.005/0.095, alpha 1 - 0.1 (200 199)/3800."""
    table = [[0, 0]] * 90 + [[0, 1]] * 5 + [[1, 0]] * 5
    by_name = values(from_table(table))
    assert by_name["raw"] == pytest.approx(0.9)
    assert by_name["ac1"] == pytest.approx(0.805 / 0.905)
    assert by_name["cohen"] == pytest.approx(-0.005 / 0.095)
    assert by_name["fleiss"] == pytest.approx(-0.005 / 0.095)
    assert by_name["alpha"] == pytest.approx(1 - 0.1 * 200 * 199 / 3800)


@pytest.mark.parametrize("kind", ["choice", "grade"])
def test_perfect_agreement_is_one(kind: str) -> None:
    made = from_table([[i % 3] * 4 for i in range(30)], k=3)
    made = replace(made, items=replace(made.items, kinds=(kind,)))
    for measured in agreement(made, rng()):
        assert (measured.value, measured.low, measured.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("kind", ["choice", "grade"])
def test_independent_labels_agree_by_chance(kind: str) -> None:
    """3,000 items, four labels each: 18,000 pairs, so the standard deviation of each measure is below 0.01."""
    made = from_table(rng().integers(3, size=(3000, 4)).tolist(), k=3)
    made = replace(made, items=replace(made.items, kinds=(kind,)))
    for key, value in values(made).items():
        assert value == pytest.approx(1 / 3 if key == "raw" else 0, abs=0.05)


def test_neither_order_nor_names_matter() -> None:
    made = lopsided(80, rng(), missing=0.3)
    shuffled = made.take_labels(rng().permutation(len(made)))
    renamed = replace(made, label=2 - made.label)
    for key, value in values(made).items():
        assert values(shuffled)[key] == pytest.approx(value)
        assert values(renamed)[key] == pytest.approx(value)


def test_grades_far_apart_disagree_more() -> None:
    near, far = ([[0, 0], [1, 1], [2, 2], [3, 3]] * 5 + [[0, to]] * 5 for to in (1, 3))
    for key in ("alpha", "ac1"):
        assert values(graded(from_table(near, k=4)))[key] > values(graded(from_table(far, k=4)))[key]


@pytest.mark.parametrize("items", [200, 20_000])
def test_the_interval_is_that_of_a_share(items: int) -> None:
    """Raw agreement of two is a mean of coins: the interval is +-1.96 sqrt(p (1 - p) / I), to 5 s.d. of 1,000 draws.

    The end of an interval has a s.d. of about 0.07 of the coin's; 20,000 items are resampled in blocks.
    """
    table = np.zeros((items, 2), dtype=int)
    table[:, 1] = rng().random(items) < 0.2
    raw = found(from_table(table.tolist()), "raw")
    spread = np.sqrt(raw.value * (1 - raw.value) / items)
    assert raw.low == pytest.approx(raw.value - 1.96 * spread, abs=0.35 * spread)
    assert raw.high == pytest.approx(raw.value + 1.96 * spread, abs=0.35 * spread)


def test_alphas_interval_covers_the_truth() -> None:
    """Two annotators right with 0.8 on two balanced choices: alpha is 0.36. 60 crowds; 57 expected, s.d. 1.7."""
    covered = 0
    for seed in range(60):
        draw = np.random.default_rng(seed)
        truth = draw.integers(2, size=300)
        table = np.where(draw.random((300, 2)) < 0.8, truth[:, None], 1 - truth[:, None])
        alpha = found(from_table(table.tolist()), "alpha")
        covered += alpha.low <= 0.36 <= alpha.high
    assert covered >= 57 - 5 * 1.7


def test_items_with_different_choices_have_raw_agreement_only() -> None:
    made = crowd(with_choices([("a", "b"), ("x", "y", "z")], [-1, -1]), [(0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 1, 0)])
    assert values(made) == {"raw": 0.5}


def test_free_texts_have_raw_agreement_only() -> None:
    made = from_table([[0, 0], [0, 1]])
    assert values(replace(made, items=replace(made.items, kinds=("text",)))) == {"raw": 0.5}


@pytest.mark.parametrize("table", [[[0], [1]], [[0, -1], [-1, 1]]])
def test_without_overlap_nothing_is_measured(table: list[list[int]]) -> None:
    assert set(values(from_table(table)).values()) == {None}


def test_one_answer_alone_tells_nothing_beyond_chance() -> None:
    by_name = values(from_table([[0, 0]] * 30))
    assert by_name == {"alpha": None, "ac1": 1, "fleiss": None, "cohen": None, "raw": 1}


def test_pairs_with_little_in_common_are_left_out() -> None:
    assert np.isnan(cohen(from_table([[0, 0], [1, 1]] * 9), rng())[0])  # 18 items
    assert cohen(from_table([[0, 0], [1, 1]] * 10), rng())[0] == 1


def test_labels_of_many_annotators_are_bounded() -> None:
    """2,000 annotators, one item in common for few: no table of all pairs is made."""
    item = np.repeat(np.arange(4000), 5)
    who = (np.arange(len(item)) * 7) % 2000
    made = Annotations(make_items([-1] * 4000), [f"a{j}" for j in range(2000)], item, who, item % 2)
    assert values(made)["alpha"] == 1


@pytest.mark.parity
def test_against_other_libraries() -> None:
    import krippendorff
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import fleiss_kappa

    made = lopsided(120, rng(), missing=0.2)
    counts = made.votes[made.votes.sum(axis=1) > 1]
    for level, crowd_of in (("nominal", made), ("ordinal", graded(made))):
        theirs = krippendorff.alpha(value_counts=counts, level_of_measurement=level)
        assert values(crowd_of)["alpha"] == pytest.approx(theirs)
    whole = lopsided(120, rng())
    assert values(whole)["fleiss"] == pytest.approx(fleiss_kappa(whole.votes))
    table = np.full((120, 7), N)
    table[made.item, made.annotator] = made.label
    kappas, shared = [], []
    for a in range(7):
        for b in range(a):
            both = (table[:, a] >= 0) & (table[:, b] >= 0)
            kappas.append(cohen_kappa_score(table[both, a], table[both, b]))
            shared.append(both.sum())
    assert cohen(made, rng())[0] == pytest.approx(np.average(kappas, weights=shared))
