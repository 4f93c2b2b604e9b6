"""What becomes of labels. Oracles: planted noise with derived bounds, the paper's rules by hand, axioms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import floor, sqrt
from typing import Any

import numpy as np
import pytest

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.denoise.clean import (
    CLASSIFIER,
    CONTEXT,
    GIVEN,
    REVIEW,
    Cleaning,
    as_shares,
    from_shares,
    given_labels,
    judge_labels,
    leanless,
)  # fmt: skip
from crowdtune.denoise.decide import Deciding
from crowdtune.denoise.decision import Decision
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Selecting
from crowdtune.metrics.noise import detection
from tests.crowds import crowd, from_table, make_items, with_choices
from tests.denoise.planted import WEAK, balanced, cleaned, leaning, misjudged, moved, one_each, planted


def outcomes(decisions: Sequence[Decision]) -> list[str]:
    return [d.outcome for d in decisions]


@pytest.mark.parametrize("noise", [0.3, 0.5])
def test_planted_noise_is_found(noise: float) -> None:
    """Who calls a right label noisy, or misses a wrong one, takes another answer for the truth."""
    one, made = cleaned(noise)
    kept = made.labels == one.given
    told = detection(one.annotations, ~kept)
    wrong, most = int((one.given != one.gold).sum()), misjudged(300, noise)
    called = int((~kept).sum())
    assert told["noise_recall"] is not None
    assert told["noise_precision"] is not None
    assert told["noise_recall"] > 1 - most / wrong
    assert told["noise_precision"] > 1 - most / called
    left = np.flatnonzero(made.labels >= 0)
    assert (made.labels[left] == one.gold[left]).mean() > 1 - most / len(left)


@pytest.mark.parametrize("accuracy", [0.7, pytest.param(0.4, marks=pytest.mark.slow)])
def test_right_labels_come_to_no_harm(accuracy: float) -> None:
    """All labels are right; an expert right in 40 % of three choices hardly knows anything."""
    one, made = cleaned(0.0, accuracy)
    kept = (made.labels == one.gold).mean()
    assert kept >= 0.99
    for cut in made.cuts:
        assert cut.dropped <= floor(cut.wrong)
    assert outcomes(made.decisions).count("drop") == sum(cut.dropped for cut in made.cuts)


@pytest.mark.parametrize("k", [2, 4])
def test_right_labels_stay_where_nobody_knows_better(k: int) -> None:
    """No experts and no features: there is nothing against any label."""
    gold = np.arange(60) % k
    annotations = one_each(gold, gold, k)
    even = from_shares(annotations.items, np.full((60, k), 1 / k))
    for opinions in ({}, {"nobody": even}):
        made = judge_labels(annotations, opinions)
        assert outcomes(made.decisions) == ["keep"] * 60
        assert not made.doubted.any()
        assert made.cuts == [] or sum(cut.dropped for cut in made.cuts) == 0


def refused(doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion]]:
    raise AssertionError("nothing is in doubt")


@pytest.mark.parametrize("way", ["posterior", "checker", "strict"])
@pytest.mark.parametrize("rare", [0.5, 0.1])
def test_a_perfect_checker_returns_its_input(way: str, rare: float) -> None:
    """Experts who always give the given label, one choice as common as the other or in a tenth of the items."""
    rng = np.random.default_rng(0)
    gold = (np.arange(200) >= 200 * (1 - rare)).astype(np.int64)
    given = moved(gold, 2, 0.2, rng)
    annotations = one_each(gold, given, 2)
    said = [Opinion(f"c{code}") for code in given.tolist()]
    features = rng.normal(size=(200, 2))
    options = Cleaning(Deciding(way=way))
    made = judge_labels(annotations, {"a": said, "b": said}, features, refused, options, classify=False)
    np.testing.assert_array_equal(made.labels, given)
    targets, weights = made.targets(2)
    np.testing.assert_array_equal(targets, np.eye(2)[given])
    assert weights.tolist() == [1.0] * 200


# Six items with given label c0; four experts, of whom 4, 3, 2, 1, 0 and 2 (two of them silent) agree.
EXPERTS = [[0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 1, -1], [0, 1, 1, 2, 2, -1]]


def by_counting(way: str, again: Any = None, **options: Any) -> list[tuple[str, int, str]]:
    annotations = one_each(np.zeros(6, int), np.zeros(6, int), 3)
    opinions = {f"e{n}": [None if c < 0 else Opinion(f"c{c}") for c in codes] for n, codes in enumerate(EXPERTS)}
    made = judge_labels(annotations, opinions, None, again, Cleaning(Deciding(way, **options), select=False))
    return [(d.outcome, d.label, d.rule) for d in made.decisions]


def test_the_papers_checker_by_hand() -> None:
    def again(doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion]]:
        return {CONTEXT: [Opinion("c1")] * len(doubted), REVIEW: [Opinion("c2"), *[Opinion("")] * (len(doubted) - 1)]}

    keep, gone = ("keep", 0, "checked"), ("drop", -1, "contradicted")
    assert by_counting("checker") == [keep, keep, keep, gone, gone, keep]  # two silent of four count against
    assert by_counting("checker", threshold=0.75) == [keep, keep, gone, gone, gone, gone]
    new = [("relabel", 2, "reviewed"), ("relabel", 1, "reviewed")]
    assert by_counting("checker", again) == [keep, keep, keep, *new, keep]
    unanimous = ("keep", 0, "unanimous")
    assert by_counting("strict") == [unanimous, *[gone] * 5]
    assert by_counting("strict", again) == [unanimous, *new, *[new[1]] * 3]


def answering(codes: Ints, who: str = CONTEXT) -> Any:
    """Answers each doubted item by (I,) codes."""

    def again(doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion]]:
        return {who: [Opinion(f"c{codes[i]}") for i in doubted.tolist()]}

    return again


def test_who_contradicts_the_posterior_softens() -> None:
    """The expert's answers are the posterior's where labels differ; context or reviewer confirm them, or do not."""
    one = planted(120, accuracy=0.9)
    said = from_shares(one.annotations.items, leaning(one.shares, WEAK))
    options = Cleaning(select=False)

    def told(again: Any) -> list[Decision]:
        made = judge_labels(one.annotations, {"direct": said}, None, again, options)
        return [d for d, doubted in zip(made.decisions, made.doubted, strict=True) if doubted]

    alone = told(None)
    found = {d.item: int(np.argmax(d.posterior)) for d in alone}
    best = np.array([found.get(i, 0) for i in range(120)])
    assert len(alone) > 20
    assert {(d.outcome, d.rule) for d in alone} == {("relabel", "ahead")}
    for who in (CONTEXT, REVIEW):
        agreeing = told(answering(best, who))
        assert {(d.outcome, d.rule) for d in agreeing} == {("relabel", "agreed")}
        against = told(answering((best + 1) % 3, who))
        assert {(d.outcome, d.rule) for d in against} == {("soft", "disputed")}
        assert [d.item for d in against] == [d.item for d in alone]
        assert all(who in d.opinions for d in against)


def test_only_doubted_items_are_asked_about_again() -> None:
    """And in the sight of the nearest clean ones, by all cosines, never themselves."""
    one = planted(120, accuracy=0.9)
    said = from_shares(one.annotations.items, leaning(one.shares, WEAK))
    seen: list[tuple[Ints, Ints, Sequence[Decision]]] = []

    def again(doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion | None]]:
        seen.append((doubted, near, first))
        return {CONTEXT: [None] * len(doubted)}

    made = judge_labels(one.annotations, {"direct": said}, one.features, again, Cleaning(k=4), classify=False)
    ((doubted, near, first),) = seen
    assert made.doubted.tolist() == [d.outcome != "keep" for d in first]
    assert doubted.tolist() == np.flatnonzero(made.doubted).tolist()
    assert near.shape == (len(doubted), 4)
    unit = one.features / np.linalg.norm(one.features, axis=1, keepdims=True)
    for i, places in zip(doubted.tolist(), near.tolist(), strict=True):
        clean = [j for j in range(120) if not made.doubted[j]]
        assert places == sorted(clean, key=lambda j: -float(unit[i] @ unit[j]))[:4]
    assert all(d.label == d.given for d in first if d.item in set(near.ravel().tolist()))


def test_too_few_clean_items_and_none() -> None:
    """Two of five are clean, then without features; nothing is asked where k is 0 but the items themselves."""
    annotations = one_each(np.zeros(5, int), np.array([0, 0, 1, 1, 1]), 2)
    said = {"e": [Opinion("c0")] * 5}
    features, seen = np.random.default_rng(0).normal(size=(5, 3)), []

    def again(doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion]]:
        seen.append((doubted.tolist(), near))
        return {}

    for x, k in ((features, 3), (None, 3), (features, 0)):
        options = Cleaning(Deciding("strict"), k=k)
        judge_labels(annotations, said, x, again, options, classify=False)
    assert [doubted for doubted, _ in seen] == [[2, 3, 4]] * 3
    near = seen[0][1]
    np.testing.assert_array_equal(np.sort(near[:, :2], axis=1), [[0, 1]] * 3)
    assert (near[:, 2] == -1).all()
    assert (seen[1][1] == -1).all()
    assert seen[2][1].shape == (3, 0)


def test_saying_nothing_again_is_not_asking() -> None:
    one = planted(60, accuracy=0.9)
    said = {"direct": from_shares(one.annotations.items, one.shares)}
    plain, *others = (
        judge_labels(one.annotations, said, None, again)
        for again in (None, lambda *_: {}, lambda doubted, *_: {REVIEW: [None] * len(doubted)})
    )
    for other in others:
        assert [(d.outcome, d.label, d.rule) for d in other.decisions] == [
            (d.outcome, d.label, d.rule) for d in plain.decisions
        ]


def test_experts_beside_their_accuracy() -> None:
    """Rows by hand: who answered, how well by gold and by the posterior; the lean is off, the labels come first."""
    one, made = cleaned(0.3)
    given, direct, classifier = made.experts
    assert [row["expert"] for row in made.experts] == [GIVEN, "direct", CLASSIFIER]
    assert [row["answered"] for row in made.experts] == [300] * 3
    says = one.shares.argmax(axis=1)
    for row, codes in ((given, one.given), (direct, says)):
        assert row["accuracy"] == (codes == one.gold).mean()
        assert row["reliability"] == pytest.approx(made.panel.posterior[np.arange(300), codes].mean(), abs=1e-9)
        assert abs(row["reliability"] - row["accuracy"]) < 2 * misjudged(300, 0.3) / 300
    assert classifier["accuracy"] > 0.9
    blind = replace(one.annotations, items=replace(one.annotations.items, gold=np.full(300, -1)))
    silent: list[Opinion | None] = [None] * 300
    rows = judge_labels(blind, {"silent": silent}).experts
    assert rows[1] == {"expert": "silent", "answered": 0, "reliability": None, "accuracy": None}
    assert rows[0]["accuracy"] is None
    assert made.decisions[0].opinions.keys() == {"direct", CLASSIFIER}
    assert judge_labels(one.annotations, {}, one.features, classify=False).panel.classifier is None


def test_opinions_and_shares() -> None:
    """By hand, for two and three choices; what ties is no answer, whatever the order of choices."""
    items = with_choices([("a", "b"), ("a", "b", "c"), ("a", "b", "c"), ("x", "y")], [-1] * 4)
    opinions = [Opinion("b", (0.25, 0.75)), Opinion("c"), None, Opinion("neither")]
    table = np.array([[0.25, 0.75, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(as_shares(items, opinions), table)
    back = from_shares(items, table)
    assert [o and (o.answer, o.shares) for o in back] == [("b", (0.25, 0.75)), ("c", (0.0, 0.0, 1.0)), None, None]
    assert back[0] is not None
    assert back[0].uncertainty == pytest.approx(0.5623351446188083)
    np.testing.assert_array_equal(as_shares(items, back), table)
    ties = from_shares(items, np.array([[0.5, 0.5, 0], [0.4, 0.2, 0.4], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]]))
    assert [o and o.answer for o in ties] == [""] * 4


def test_answers_without_their_lean() -> None:
    """Closed form: off an even table the lean comes exactly; who tells an answer alone keeps it."""
    even = balanced(4, 3)
    items = make_items([-1] * (len(even) + 2), ["a", "b", "c"])
    opinions = [*from_shares(items.take(np.arange(len(even))), leaning(even, 2 * WEAK)), Opinion("b"), None]
    found = leanless(items, opinions)
    assert sum(o is not None and o.answer == "a" for o in opinions) > len(even) / 2
    # one more answer, b alone, is part of the mean: it moves what is found by little
    for row, opinion in zip(even, found, strict=False):
        assert opinion is not None
        np.testing.assert_allclose(opinion.shares, row, atol=0.05)
    alone = leanless(items.take(np.arange(len(even))), opinions[: len(even)])
    for row, opinion in zip(even, alone, strict=True):
        assert opinion is not None
        np.testing.assert_allclose(opinion.shares, row, atol=1e-6)
        assert opinion.answer == "abc"[int(row.argmax())]
        assert opinion.measure == "entropy of choices"
    assert found[-2:] == [Opinion("b"), None]


def test_tied_votes_go_to_the_more_probable() -> None:
    """Votes first, then the posterior, among answers that were given."""
    annotations = from_table([[0, 1, -1], [0, 0, 1], [-1, -1, -1], [1, 2, -1], [2, -1, -1]], k=3)
    posterior = np.array([[0.2, 0.3, 0.5], [0, 1, 0], [0, 0, 1], [0.1, 0.4, 0.5], [1, 0, 0]])
    assert given_labels(annotations, posterior).tolist() == [1, 0, -1, 2, 2]


def test_what_is_trained_on() -> None:
    """By hand: one answer for what is kept or relabelled, all of them for what is soft, nothing for what is dropped."""
    rows: list[tuple[Any, int, int, tuple[float, ...]]] = [
        ("keep", 0, 0, (0.6, 0.4)),
        ("relabel", 0, 1, (0.2, 0.8)),
        ("soft", 2, -1, (0.4, 0.4, 0.2)),
        ("drop", 0, -1, (0.5, 0.5)),
    ]
    decisions = [Decision(i, o, given, label, p, 0.1, "x") for i, (o, given, label, p) in enumerate(rows)]
    made = replace(cleaned(0.3)[1], decisions=decisions)
    targets, weights = made.targets(3)
    np.testing.assert_array_equal(targets, [[1, 0, 0], [0, 1, 0], [0.4, 0.4, 0.2], [0, 0, 0]])
    assert weights.tolist() == [1, 1, 1, 0]
    assert made.labels.tolist() == [0, 1, -1, -1]


def test_several_labels_an_item() -> None:
    """Three annotators, right in 80 %: what two of them say stays; an item nobody labelled is the expert's."""
    rng = np.random.default_rng(0)
    gold = np.arange(200) % 2
    table = np.stack([moved(gold, 2, 0.2, rng) for _ in range(3)], axis=1)
    table[190:] = -1
    shares = np.where(np.arange(2) == moved(gold, 2, 0.1, rng)[:, None], 0.9, 0.1)
    annotations = from_table(table.tolist(), gold.tolist())
    made = judge_labels(annotations, {"e": from_shares(annotations.items, shares)}, options=Cleaning(select=False))
    voted = [d.given for d in made.decisions]
    assert voted[:190] == (table[:190].sum(axis=1) > 1).astype(int).tolist()
    assert voted[190:] == [-1] * 10
    assert made.doubted[190:].all()
    assert made.labels[190:].tolist() == shares[190:].argmax(axis=1).tolist()
    # wrong where two or three of four are, each as often as it is: 0.8 is beaten by far
    assert (made.labels == gold).mean() > 0.92


def mixed() -> tuple[Annotations, Items, Floats]:
    """Items of two and four choices, a tenth of the labels wrong, an expert right in 90 %."""
    rng = np.random.default_rng(1)
    sizes = np.where(np.arange(200) % 2, 2, 4)
    gold = rng.integers(sizes)
    items = with_choices([tuple("abcd"[:k]) for k in sizes.tolist()], gold.tolist())
    given, says = (np.where(rng.random(200) < 0.1, (gold + 1) % sizes, gold) for _ in range(2))
    shares = np.where(np.arange(4) == says[:, None], 0.9, (0.1 / (sizes - 1))[:, None]) * items.choice_mask
    return crowd(items, [(i, 0, label) for i, label in enumerate(given.tolist())]), items, shares


def test_items_with_different_numbers_of_choices() -> None:
    """No classifier; of labels and expert, each wrong in 10 %, both are wrong in 1 %, and differ in 18 %."""
    annotations, items, shares = mixed()
    made = judge_labels(annotations, {"e": from_shares(items, shares)}, np.ones((200, 2)), lambda *_: {})
    assert made.panel.classifier is None
    assert [len(d.posterior) for d in made.decisions] == items.n_choices.tolist()
    same = annotations.label == shares.argmax(axis=1)
    kept = np.array([d.outcome == "keep" for d in made.decisions])
    assert kept[same].all()
    left = np.flatnonzero(made.labels >= 0)
    assert (made.labels[left] == items.gold[left]).mean() > 0.9 - 5 * sqrt(0.09 / 200)
    targets, _ = made.targets(4)
    assert not targets[~items.choice_mask].any()


def test_selection_and_thresholds_count() -> None:
    """Without it nothing is dropped as unselected; with the paper's cut half of the new labels; a margin softens."""
    one = planted(90, noise=0.5, accuracy=0.9)
    said = {"e": from_shares(one.annotations.items, one.shares * [[1.0, 0.9, 0.8]])}

    def made(options: Cleaning) -> list[Decision]:
        return judge_labels(one.annotations, said, None, None, options).decisions

    whole = made(Cleaning(select=False))
    new = sum(d.outcome in ("relabel", "soft") for d in whole)
    assert "unselected" not in {d.rule for d in whole}
    paper = made(Cleaning(selecting=Selecting(beta=0.5, least=0.0, bounded=False)))
    gone = [d for d in paper if d.rule == "unselected"]
    left = [d for d in paper if d.outcome in ("relabel", "soft")]
    assert 0 < len(gone) <= new - np.ceil(new / 2)  # those as unsure as the last one stay with it
    assert max(d.uncertainty for d in left) <= min(d.uncertainty for d in gone)
    assert {d.outcome for d in made(Cleaning(Deciding(margin=1.0), select=False))} == {"keep", "soft"}


def test_names_and_order_do_not_matter() -> None:
    """Without a classifier nothing is drawn but the halves of the verdict."""
    one = planted(120, accuracy=0.9)
    items = one.annotations.items
    plain = judge_labels(one.annotations, {"e": from_shares(items, one.shares)})
    order = np.random.default_rng(1).permutation(120)
    part = one.annotations.take_items(order)
    other = judge_labels(part, {"e": from_shares(part.items, one.shares[order])})
    assert [plain.decisions[i].outcome for i in order] == outcomes(other.decisions)
    np.testing.assert_array_equal(plain.labels[order], other.labels)
    turn, back = np.array([2, 0, 1]), np.array([1, 2, 0])
    named = replace(one.annotations, label=turn[one.annotations.label])
    other = judge_labels(named, {"e": from_shares(items, one.shares[:, back])})
    assert outcomes(plain.decisions) == outcomes(other.decisions)
    np.testing.assert_array_equal(np.where(plain.labels < 0, -1, turn[plain.labels]), other.labels)
