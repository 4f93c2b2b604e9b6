"""Oracle: the rules by hand, and once more item by item as plain conditions; axioms for all of them."""

from __future__ import annotations

from math import log, nan
from typing import Any

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.denoise.decide import Deciding, Judged, answered, decide
from crowdtune.denoise.decision import OUTCOMES, RULES, Decision, selected, told
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Selecting

UNSURE = (0.1, 0.3, 0.6)
WIDE = Deciding(margin=0.3, flat=0.95)


def one(posterior: Any, given: int = 0, options: Deciding | None = None, **codes: Any) -> tuple[str, int, str]:
    """Outcome, label and rule of a single item."""
    table = np.array([posterior], dtype=float)
    columns = {name: None if code is None else np.array([code]) for name, code in codes.items()}
    judged = Judged(table, np.array([given]), np.array([table.shape[1]]), **columns)
    (decision,) = decide(judged, options or WIDE)
    assert decision.outcome in OUTCOMES
    assert decision.rule in RULES
    return decision.outcome, decision.label, decision.rule


@pytest.mark.parametrize(
    ("posterior", "given", "context", "review", "expected"),
    [
        ((0.51, 0.49), 0, 1, 1, ("keep", 0, "probable")),
        ((0.5, 0.1, 0.4), 0, None, None, ("soft", 0, "close")),  # not above a half, nor well ahead
        ((0.2, 0.1, 0.7), 0, 2, 2, ("relabel", 2, "agreed")),
        ((0.2, 0.1, 0.7), 0, 2, None, ("relabel", 2, "agreed")),
        ((0.2, 0.1, 0.7), 0, -1, 2, ("relabel", 2, "agreed")),  # the context's answer could not be read
        ((0.2, 0.1, 0.7), 0, None, None, ("relabel", 2, "ahead")),
        ((0.2, 0.1, 0.7), 0, -1, -1, ("relabel", 2, "ahead")),
        ((0.2, 0.1, 0.7), 0, 2, 1, ("soft", 2, "disputed")),
        ((0.2, 0.1, 0.7), 0, 1, 1, ("soft", 2, "disputed")),  # they agree, the posterior does not
        ((0.2, 0.1, 0.7), 0, 0, 0, ("soft", 2, "disputed")),  # not even back to the given label
        (UNSURE, 0, 2, 2, ("soft", 2, "close")),  # exactly the margin is not above it
        ((0.45, 0.4, 0.15), 2, 1, 1, ("soft", 0, "disputed")),
        ((0.34, 0.33, 0.33), 0, 0, 0, ("drop", -1, "flat")),
        ((0.34, 0.33, 0.33), 0, 1, 2, ("drop", -1, "flat")),
        ((0.45, 0.45, 0.1), 2, None, None, ("soft", -1, "close")),  # a tie has no label, but a distribution
        ((0.48, 0.1, 0.12, 0.3), 0, None, None, ("soft", 0, "close")),
        ((0.5, 0.1, 0.1, 0.15, 0.15), 0, 0, 0, ("keep", 0, "confirmed")),
        ((0.5, 0.1, 0.1, 0.15, 0.15), 0, 0, 3, ("soft", 0, "disputed")),
        ((0.1, 0.9), -1, 1, 1, ("relabel", 1, "agreed")),  # nobody had labelled it
        ((0.0, 0.0), 1, 0, 0, ("keep", 1, "unjudged")),
        ((0.0, 0.0), -1, 0, 0, ("drop", -1, "unanswered")),
        ((1.0,), 0, None, None, ("keep", 0, "probable")),
        ((1.0,), -1, None, None, ("relabel", 0, "ahead")),
    ],
)
def test_rules_by_hand(posterior: Any, given: int, context: Any, review: Any, expected: Any) -> None:
    assert one(posterior, given, context=context, review=review) == expected


def plainly(p: list[float], given: int, context: int, review: int, o: Deciding) -> tuple[str, int, str]:
    """The same rules for one item, as conditions."""
    known = sum(p) > 0
    if not known:
        return ("keep", given, "unjudged") if given >= 0 else ("drop", -1, "unanswered")
    if given >= 0 and p[given] > o.keep_above:
        return "keep", given, "probable"
    top = sorted(p, reverse=True)
    ahead = top[0] - (top[1] if len(p) > 1 else 0)
    best = p.index(top[0]) if ahead > 1e-9 else -1
    again = {code for code in (context, review) if code >= 0}
    if best >= 0 and ahead > o.margin and again <= {best}:
        if best == given:
            return "keep", best, "confirmed"
        return "relabel", best, "agreed" if again else "ahead"
    nats = -sum(x * log(x) for x in p if x > 0)
    if len(p) > 1 and nats / log(len(p)) > o.flat - 1e-9:
        return "drop", -1, "flat"
    return "soft", best, "close" if again <= {best} else "disputed"


@pytest.mark.parametrize("options", [Deciding(), Deciding(keep_above=0.2, margin=0.0, flat=0.6), Deciding(margin=1.0)])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_as_plain_conditions(options: Deciding, k: int) -> None:
    rng = np.random.default_rng(k)
    n, some = 400, max(k - 1, 1)
    sizes = rng.integers(some, k + 1, size=n)
    table = rng.gamma(0.5, size=(n, k)) * (np.arange(k) < sizes[:, None])
    table = table / table.sum(axis=1, keepdims=True)
    table[rng.random(n) < 0.1] = 0.0
    ties = (rng.random(n) < 0.1) & (table.sum(axis=1) > 0)
    table[ties] = (np.arange(k) < sizes[ties, None]) / sizes[ties, None]
    given, context, review = (rng.integers(-1, sizes) for _ in range(3))
    found = decide(Judged(table, given, sizes, context, review), options)
    for i, d in enumerate(found):
        own = table[i, : sizes[i]].tolist()
        assert d.posterior == tuple(own)
        expected = plainly(own, given[i], context[i], review[i], options)
        assert (d.item, d.given, d.outcome, d.label, d.rule) == (i, given[i], *expected)


def test_the_given_label_alone_never_changes_what_is_sure() -> None:
    """With no noise and a posterior that says so everything stays, whatever context and reviewer say."""
    rng = np.random.default_rng(0)
    given = rng.integers(4, size=300)
    table = np.full((300, 4), 0.15)
    table[np.arange(300), given] = 0.55
    judged = Judged(table, given, np.full(300, 4), rng.integers(4, size=300), rng.integers(4, size=300))
    assert {(d.outcome, d.label == d.given) for d in decide(judged)} == {("keep", True)}


@pytest.mark.parametrize("k", range(2, 41))
def test_an_even_posterior_is_flat_however_many_choices_it_is_over(k: int) -> None:
    """Sums of k shares of 1 / k miss log k by rounding; nothing is learned from such an item."""
    (decision,) = decide(Judged(np.full((1, k), 1 / k), np.array([-1]), np.array([k])))
    assert (decision.outcome, decision.rule) == ("drop", "flat")


def test_the_papers_checker_and_its_strict_variant() -> None:
    flat = np.full((6, 3), 1 / 3)
    given = np.array([0, 0, 0, 0, 0, -1])
    experts = np.array([[0, 0, 0, 1, -1, -1], [0, 0, 1, 1, -1, -1], [0, 1, 1, 1, -1, -1], [0, 1, 1, 1, 0, -1]])
    review = np.array([1, 1, 1, 2, 0, -1])
    context = np.array([2, 2, 2, 2, 2, 2])
    judged = Judged(flat, given, np.full(6, 3), context, review, experts)

    def said(way: str, judged: Judged = judged, threshold: float = 0.5) -> list[tuple[str, int, str]]:
        found = decide(judged, Deciding(way=way, threshold=threshold))
        return [(d.outcome, d.label, d.rule) for d in found]

    new = [("relabel", 1, "reviewed"), ("relabel", 2, "reviewed"), ("keep", 0, "reviewed"), ("relabel", 2, "reviewed")]
    assert said("checker") == [("keep", 0, "checked"), ("keep", 0, "checked"), *new]  # 4 and 2 of 4 reach a half
    assert said("checker", threshold=0.51) == [("keep", 0, "checked"), ("relabel", 1, "reviewed"), *new]
    assert said("strict") == [("keep", 0, "unanimous"), ("relabel", 1, "reviewed"), *new]
    alone = Judged(flat, given, np.full(6, 3), experts=experts)
    assert said("strict", alone) == [
        ("keep", 0, "unanimous"),
        *[("drop", -1, "contradicted")] * 4,
        ("drop", -1, "unanswered"),  # the only one that has no label
    ]
    for none in (None, experts[:0]):
        with pytest.raises(InputError, match="way=checker counts experts, and there is none"):
            said("checker", Judged(flat, given, np.full(6, 3), experts=none))


def test_codes_of_answers() -> None:
    opinions = [Opinion("yes"), Opinion("maybe"), None, Opinion("A"), Opinion("")]
    assert answered(opinions, [("no", "yes"), ("no", "yes"), ("no", "yes"), ("A", "A"), ("x",)]).tolist() == [
        1, -1, -1, 0, -1,
    ]  # fmt: skip


def test_opinions_and_selection() -> None:
    table = np.array([[0.1, 0.9], [0.1, 0.9], [0.3, 0.7], [0.9, 0.1], [0.45, 0.55], [0.2, 0.8]])
    judged = Judged(table, np.zeros(6, dtype=int), np.full(6, 2))
    opinions = {"direct": [Opinion("yes", (0.1, 0.9)), None, None, None, None, None], "context": [None] * 6}
    names = ["entropy of choices"] * 6
    made = told(decide(judged, Deciding(margin=0.3)), opinions, np.array([0.1, 0.2, 0.9, 5.0, 0.95, nan]), names)
    assert [d.outcome for d in made] == ["relabel", "relabel", "relabel", "keep", "soft", "relabel"]
    assert list(made[0].opinions) == ["direct"]
    assert not made[1].opinions
    left, (cut,) = selected(made, np.zeros(6, dtype=int), Selecting(beta=0.25, least=0.0))
    # 0.1 + 0.1 + 0.3 + 0.45 wrong ones are expected among the four that can be ranked: none goes
    assert (cut.wrong, cut.unknown, cut.dropped) == (0.95, 1, 0)
    assert left == made or str(left) == str(made)
    paper = Selecting(beta=0.5, least=0.0, bounded=False)
    left, _ = selected(made, np.zeros(6, dtype=int), paper)
    assert [(d.outcome, d.label, d.rule) for d in left if d.rule == "unselected"] == [("drop", -1, "unselected")] * 2
    assert [d.item for d in left if d.rule == "unselected"] == [2, 4]
    left, _ = selected(made, np.zeros(6, dtype=int), Selecting(beta=0.8, least=0.0, bounded=False, clean=True))
    assert [d.item for d in left if d.rule == "unselected"] == [3]  # the kept item is the least sure
    assert selected([], np.zeros(0, dtype=int)) == ([], [])


def test_choices_of_two_tasks_are_two() -> None:
    """One of the two relabelled items of a task goes, as the other stays; by codes alone none would be left of t1."""
    made = [Decision(i, "relabel", 0, 1, (0.0, 0.0), 0.0, "ahead", {}, u, "m") for i, u in enumerate([1.0, 2.0, 8, 9])]
    options = Selecting(beta=0.0, least=0.5)
    left, _ = selected(made, np.array([0, 0, 1, 1]), options)
    assert [d.outcome for d in left] == ["relabel", "drop", "relabel", "drop"]
    left, _ = selected(made, np.zeros(4, dtype=int), options)
    assert [d.outcome for d in left] == ["relabel", "relabel", "drop", "drop"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"way": "chekcer"}, "unknown way to decide 'chekcer'. Did you mean 'checker'"),
        ({"margin": 1.2}, "margin=1.2 must be between 0 and 1"),
        ({"keep_above": nan}, "keep_above=nan must be"),
    ],
)
def test_options(options: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Deciding(**options)


@pytest.mark.parametrize(
    "columns",
    [
        {"posterior": np.array([[0.5, 0.6]])},
        {"posterior": np.array([[1.5, -0.5]])},
        {"posterior": np.array([[nan, 0.5]])},
        {"given": np.array([2])},
        {"given": np.array([0, 1])},
        {"n_choices": np.array([3])},
        {"context": np.array([-2])},
        {"experts": np.array([[0], [2]])},
    ],
)
def test_what_cannot_be(columns: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"posterior": np.array([[0.5, 0.5]]), "given": np.array([0]), "n_choices": np.array([2])}
    with pytest.raises(ValueError, match=r"Judged\."):
        Judged(**whole | columns)


def test_nothing() -> None:
    none = np.zeros(0, dtype=int)
    assert decide(Judged(np.zeros((0, 0)), none, none)) == []
    assert [d.rule for d in decide(Judged(np.zeros((2, 0)), np.full(2, -1), np.zeros(2, int)))] == ["unanswered"] * 2
