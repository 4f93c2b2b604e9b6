"""Oracle: crowds planted so that what may decide is known; numbers by hand where there are any."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crowdtune.annotations import Annotations, Floats
from crowdtune.em.given import flat
from crowdtune.metrics import guard
from crowdtune.metrics.guard import Verdict, confirmed, verdict
from crowdtune.simulate import simulate
from tests.crowds import from_table, make_items, with_choices
from tests.metrics.guarded import answers


def crowd(
    reliability: list[float], n_items: int = 300, k: int = 2, overlap: str = "shared", noise: str = "uniform"
) -> Annotations:
    rng = np.random.default_rng(1)
    items = make_items(rng.integers(k, size=n_items).tolist(), [f"c{c}" for c in range(k)])
    return simulate(items, np.array(reliability), overlap=overlap, noise=noise, rng=rng)


def model(annotations: Annotations, accuracy: float) -> Floats:
    """(I, K) what a model says that is right so often."""
    gold, k = annotations.items.gold, annotations.items.max_choices
    return answers(gold, k, accuracy, "plain", np.random.default_rng(2))


def right(annotations: Annotations, said: Verdict) -> float:
    return float((said.start.argmax(axis=1) == annotations.items.gold).mean())


def some_gold(annotations: Annotations, count: int) -> Floats:
    return np.isin(np.arange(len(annotations.items)), np.random.default_rng(3).permutation(300)[:count])


CLEAN, DIST1 = [0.9, 0.85, 0.8, 0.9], [0.9, 0.1, 0.1]


def test_annotators_who_agree_decide_where_the_model_knows_nothing() -> None:
    made = crowd(CLEAN)
    for log_p in (flat(made), model(made, 0.5)):
        said = verdict(made, log_p)
        assert (said.status, said.by, said.gold_needed) == ("resolved", "labels", 0)
        assert "unless nine in ten labels err in concert" in said.words
        assert right(made, said) > 0.9


def test_the_model_decides_against_a_majority_of_liars() -> None:
    made = crowd(DIST1)
    said = verdict(made, model(made, 0.8))
    assert (said.status, said.by, said.camps) == ("resolved", "model", [["a2", "a3"], ["a1"]])
    assert "if the model is right more often than chance" in said.words
    assert said.evidence > 4
    assert right(made, said) > 0.85


def test_camps_are_named_and_gold_asked_for_where_nothing_decides() -> None:
    made = crowd(DIST1)
    said = verdict(made, model(made, 0.5))
    assert (said.status, said.by) == ("ambiguous", "nothing")
    assert said.words.startswith(
        "Ambiguous: 2 camps contradict each other (a2, a3; a1), and the untrained model does not decide"
    )
    assert f"{said.gold_needed} items drawn at random" in said.words
    assert 10 <= said.gold_needed <= 30


def test_the_gold_asked_for_decides() -> None:
    made = crowd(DIST1)
    log_p = model(made, 0.5)
    said = verdict(made, log_p, gold=some_gold(made, verdict(made, log_p).gold_needed))
    assert (said.status, said.by, said.gold_needed) == ("resolved", "gold", 0)
    assert right(made, said) > 0.85
    assert verdict(made, log_p, gold=some_gold(made, 6)).status == "ambiguous", "0.5 ** 6 is more than 1 in 1,000"


def test_gold_that_is_not_given_as_evidence_is_not_looked_at() -> None:
    made = crowd(DIST1)
    assert verdict(made, model(made, 0.5), gold=np.zeros(300, dtype=bool)).by == "nothing"


def test_gold_against_the_model_wins() -> None:
    """A model that says the opposite of the truth decides for the liars, until gold is there."""
    made = crowd(DIST1)
    log_p = model(made, 0.2)
    assert right(made, verdict(made, log_p)) < 0.2
    said = verdict(made, log_p, gold=some_gold(made, 30))
    assert said.by == "gold"
    assert right(made, said) > 0.85


def test_a_model_against_annotators_who_agree_decides_nothing() -> None:
    made = crowd(CLEAN)
    said = verdict(made, model(made, 0.2))
    assert (said.status, said.by) == ("ambiguous", "nothing")
    assert "Either it misreads the question" in said.words


def test_spammers_are_unresolvable_whatever_the_model_knows() -> None:
    made = crowd([0.5, 0.5, 0.5])
    assert verdict(made, flat(made)).status == "unresolvable"
    assert verdict(made, model(made, 0.9)).status == "unresolvable"


def test_one_label_per_item() -> None:
    """No overlap: only the model can tell who is right, and it must for every annotator."""
    made = crowd([0.9, 0.9, 0.1], overlap="exclusive", n_items=900)
    strong, none = verdict(made, model(made, 0.9)), verdict(made, flat(made))
    assert (strong.status, strong.by) == ("resolved", "model")
    assert (none.status, none.camps) == ("unresolvable", [])
    assert "Let several annotators label the same items" in none.words


def test_annotators_whom_the_model_cannot_place() -> None:
    """One label per item. Annotator 0 gave 800 and is placed; 1 and 2 gave 150, which a weak model cannot place."""
    rng = np.random.default_rng(0)
    gold, who = rng.integers(2, size=1100), np.repeat([0, 1, 2], [800, 150, 150])
    label = np.where(rng.random(1100) < 0.9, gold, 1 - gold)
    made = Annotations(make_items(gold.tolist()), ["a1", "a2", "a3"], np.arange(1100), who, label)
    weak, strong = (verdict(made, answers(gold, 2, a, "plain", np.random.default_rng(1))) for a in (0.6, 0.85))
    assert (weak.status, strong.status) == ("ambiguous", "resolved")
    assert weak.evidence > 4
    assert "of some annotators there are too few labels: misjudging them may cost" in weak.words


def test_a_model_that_favours_two_camps_alike_does_not_decide() -> None:
    """Three choices, three of five annotators add one to the truth; the model errs the same way half of the time."""
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=400)
    offset = np.array([0, 0, 1, 1, 1])
    labels = (gold[:, None] + np.where(rng.random((400, 5)) < 0.9, offset, rng.integers(3, size=(400, 5)))) % 3
    made = from_table(labels.tolist(), gold.tolist(), 3)
    torn = np.log(np.eye(3)[(gold + rng.choice(3, p=[0.47, 0.47, 0.06], size=400)) % 3] * 0.6 + 0.2 / 3 * 2)
    said = verdict(made, torn)
    assert (said.status, said.camps) == ("ambiguous", [["a2", "a3", "a4"], ["a0", "a1"]])
    assert verdict(made, answers(gold, 3, 0.6, "plain", rng)).status == "resolved"


def test_four_standard_deviations_are_needed() -> None:
    """Against the mirror image as against chance: z of both is one number where there are two choices."""
    made = crowd(DIST1)
    said = [verdict(made, model(made, accuracy)) for accuracy in np.linspace(0.5, 0.8, 13)]
    assert [v.status for v in said] == ["resolved" if v.evidence >= 4 else "ambiguous" for v in said]
    assert any(3 < v.evidence < 4 for v in said)


def test_tasks_are_judged_apart() -> None:
    """Annotators agree in one task and contradict each other in the other."""
    rng = np.random.default_rng(0)
    items = make_items(rng.integers(2, size=400).tolist(), task=[0] * 200 + [1] * 200)
    made = simulate(items, np.array([[0.9, 0.9], [0.9, 0.1], [0.9, 0.1]]), rng=rng)
    said = verdict(made, flat(made))
    assert said.status == "ambiguous"
    assert said.words.startswith(
        "1 of 2 tasks are resolved, not: t1. t1: Ambiguous: 2 camps contradict each other (a2, a3; a1)"
    )
    assert right(made.take_items(np.arange(200)), verdict(made.take_items(np.arange(200)), flat(made)[:200])) > 0.9
    assert verdict(made, model(made, 0.9)).status == "resolved"


def test_items_with_choices_of_their_own() -> None:
    """Two to four choices, an item each; -inf where an item has no such choice."""
    rng = np.random.default_rng(0)
    sets = [tuple(f"{i}{c}" for c in range(2 + i % 3)) for i in range(300)]
    items = with_choices(sets, [int(rng.integers(len(s))) for s in sets])
    for reliability, log_p_by in (([0.85] * 4, "labels"), ([0.9, 0.05, 0.05], "model")):
        made = simulate(items, np.array(reliability), noise="systematic", rng=rng)
        said_right = np.where(rng.random(300) < 0.85, items.gold, 0)
        log_p = np.where(items.choice_mask, np.log(np.where(np.eye(4)[said_right] > 0, 0.7, 0.1)), -np.inf)
        said = verdict(made, log_p)
        assert (said.status, said.by) == ("resolved", log_p_by)
        assert right(made, said) > 0.85
        assert (said.start[~items.choice_mask] == 0).all()


def test_nothing_to_judge() -> None:
    made = from_table([[-1, -1]] * 3)
    said = verdict(made, flat(made))
    assert (said.status, said.words) == (
        "unresolvable",
        "Unresolvable: there is no label on an item with two choices or more.",
    )
    assert said.start == pytest.approx(np.full((3, 2), 0.5))


def test_a_verdict_is_plain_json() -> None:
    made = crowd(DIST1)
    said = verdict(made, model(made, 0.8)).as_dict()
    assert set(json.loads(json.dumps(said))) == {"status", "words", "by", "camps", "gold_needed", "evidence"}


def test_same_crowd_same_verdict() -> None:
    made = crowd(DIST1, n_items=60)
    assert verdict(made, model(made, 0.6)).as_dict() == verdict(made, model(made, 0.6)).as_dict()


def test_training_that_turns_the_truths_round_is_told() -> None:
    made = crowd(DIST1)
    log_p = model(made, 0.8)
    before = verdict(made, log_p)
    assert confirmed(before, log_p, before.start) is before
    said = confirmed(before, log_p, before.start[:, ::-1])
    assert (said.status, said.by, said.camps) == ("ambiguous", "nothing", before.camps)
    assert "flipped in training" in said.words
    assert "Do not use this model" in said.words


@pytest.mark.parametrize(("changed", "same"), [(0, True), (60, True), (90, False), (300, False)])
def test_how_much_may_change(changed: int, same: bool) -> None:
    """Certain truths, two balanced choices: half of what is promised is lost where a quarter of the items change."""
    start = np.eye(2)[np.arange(300) % 2] * 0.98 + 0.01
    before = Verdict("resolved", "", "labels", [], 0, 0.0, start)
    after = np.where(np.arange(300)[:, None] < changed, start[:, ::-1], start)
    assert (confirmed(before, np.zeros((300, 2)), after).status == "resolved") is same


def test_items_without_labels_do_not_count_as_changed() -> None:
    start = np.concatenate([np.eye(2)[np.arange(50) % 2], np.full((250, 2), 0.5)])
    before = Verdict("resolved", "", "labels", [], 0, 0.0, start)
    after = np.concatenate([start[:50], np.eye(2)[np.random.default_rng(0).integers(2, size=250)]])
    assert confirmed(before, np.zeros((300, 2)), after) is before


def test_training_against_the_model_is_told() -> None:
    """The labels decided while the model said little; after training the truths contradict what it did say."""
    rng = np.random.default_rng(0)
    start = np.eye(2)[rng.integers(2, size=300)]
    before = Verdict("resolved", "", "labels", [], 0, 0.0, start)
    assert confirmed(before, np.log(start[:, ::-1] * 0.8 + 0.1), start).status == "ambiguous"


def test_an_open_verdict_stays_as_it_is() -> None:
    before = Verdict("ambiguous", "why", "nothing", [], 20, 1.0, np.eye(2))
    assert confirmed(before, np.zeros((2, 2)), np.eye(2)[::-1]) is before


def test_a_task_that_is_turned_round_alone_is_told() -> None:
    """A fifth of the items changes: less than may change on the whole, but all of one task."""
    start = np.eye(2)[np.arange(300) % 2] * 0.98 + 0.01
    before = Verdict("resolved", "", "labels", [], 0, 0.0, start)
    after = np.where(np.arange(300)[:, None] < 60, start[:, ::-1], start)
    assert confirmed(before, np.zeros((300, 2)), after) is before
    group = (np.arange(300) >= 60).astype(np.int64)
    assert confirmed(before, np.zeros((300, 2)), after, group).status == "ambiguous"
    tiny = (np.arange(300) >= 10).astype(np.int64)  # ten items by themselves say nothing
    assert confirmed(before, np.zeros((300, 2)), np.roll(after, -50, axis=0), tiny) is before


@pytest.mark.parametrize(("p", "risk", "by"), [(0.0009, 0.09, "gold"), (0.002, 0.0, "nothing"), (0.0, 0.11, "nothing")])
def test_gold_decides_if_sure_and_of_all(monkeypatch: pytest.MonkeyPatch, p: float, risk: float, by: str) -> None:
    """Both are needed: one explanation that is right, and hardly an annotator whom gold does not place."""
    made = crowd(DIST1)
    monkeypatch.setattr(guard, "by_gold", lambda crowd: (crowd.consensus, p))
    monkeypatch.setattr(guard, "cost", lambda crowd, chosen, gold=False: risk)
    assert verdict(made, flat(made), gold=some_gold(made, 20)).by == by
