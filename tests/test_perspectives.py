"""Oracles: closed forms, and camps planted with what they answer, the bar derived from the number of labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune import perspectives as module
from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.perspectives import Perspectives, load_perspectives, perspectives
from tests.crowds import crowd, make_items, with_choices

TURNED = np.array([[0.3, 0.7], [0.8, 0.2]])
LABELS, CAMP = 400, 6  # of each annotator; annotators of a camp


def camps() -> tuple[np.ndarray, Annotations]:
    """Half the annotators draw from what the model says, 0.9 or 0.1; half draw so and answer by TURNED."""
    rng = np.random.default_rng(0)
    p = np.where(np.arange(LABELS)[:, None] % 2 == 0, [[0.9, 0.1]], [[0.1, 0.9]])
    triples = []
    for j in range(2 * CAMP):
        chance = p if j < CAMP else p @ TURNED
        triples += [(i, j, int(rng.random() > chance[i, 0])) for i in range(LABELS)]
    made = crowd(make_items([-1] * LABELS), triples)
    return p, replace(made, traits={"camp": ["straight"] * CAMP + ["turned"] * CAMP})


def test_camps_answer_as_they_were_planted_and_everybody_as_their_mixture() -> None:
    """A camp's answer at 0.9 is a share of 1,200 labels: s.d. 0.0145, five of them 0.072; the prior's 4 pseudo-labels
    on each 200 move it by at most 0.02. The camps lie 0.6 apart at 0.9."""
    p, annotations = camps()
    found = perspectives(np.log(p), annotations)
    bar = 5 * np.sqrt(0.25 / (CAMP * LABELS / 2)) + 4 / (LABELS / 2 + 4)
    items = annotations.items
    straight, turned = (found.seen(p, items, found.members(f"camp={name}")) for name in ("straight", "turned"))
    assert np.abs(straight - p).max() < bar
    assert np.abs(turned - p @ TURNED).max() < bar
    assert np.abs(straight - turned).max() > 0.4
    everybody = found.seen(p, items, found.members("everybody"))
    assert everybody == pytest.approx((straight + turned) / 2, abs=1e-12)
    assert everybody.sum(axis=1) == pytest.approx(1)
    one = found.seen(p, items, found.members("a7"))
    assert np.abs(one - p @ TURNED).max() < 5 * np.sqrt(0.25 / 200) + 4 / 204


def test_a_coin_has_its_closed_form_with_any_number_of_choices() -> None:
    items = with_choices([("a", "b"), ("a", "b", "c"), ("a",)], [-1, -1, -1])
    p = np.array([[0.7, 0.3, 0.0], [0.5, 0.4, 0.1], [1.0, 0.0, 0.0]])
    known = Perspectives(["x", "y"], np.array([0.9, 0.5]))
    for whom, r in (("x", 0.9), ("y", 0.5), ("x,y", 0.7)):
        seen = known.seen(p, items, known.members(whom))
        assert seen[0, :2] == pytest.approx(r * p[0, :2] + (1 - r) * (1 - p[0, :2]))
        assert seen[1] == pytest.approx(r * p[1] + (1 - r) * (1 - p[1]) / 2)
        assert seen[:, 2][[0, 2]].tolist() == [0, 0]
        assert seen[2].tolist() == [1, 0, 0]
    known = replace(known, sharpness=2.0)
    sharp = p[1] ** 2 / (p[1] ** 2).sum()
    assert known.seen(p, items, known.members("x"))[1] == pytest.approx(0.9 * sharp + 0.1 * (1 - sharp) / 2)


def test_a_lopsided_confusion_is_not_read_the_wrong_way_round(tmp_path: Path) -> None:
    """By loops, before and after a file; which holds names, numbers and traits and nothing that could run."""
    confusion = np.array([[[0.9, 0.1], [0.4, 0.6]], [[1.0, 0.0], [0.2, 0.8]]])
    known = Perspectives(["x", "y"], np.array([0.75, 0.9]), 1.0, ("no", "yes"), confusion, {"age": ["20", ""]})
    known.save(tmp_path / "p.npz")
    p, items = np.array([[0.3, 0.7]]), make_items([-1])
    expected = [np.mean([sum(p[0, k] * confusion[j, k, c] for k in range(2)) for j in range(2)]) for c in range(2)]
    again = load_perspectives(tmp_path / "p.npz")
    for one in (known, again):
        assert one.seen(p, items, one.members("everybody"))[0] == pytest.approx(expected, abs=1e-6)
    assert (again.annotators, again.choices, again.traits) == (["x", "y"], ("no", "yes"), {"age": ["20", ""]})
    with pytest.raises(InputError, match="choices a, b; how these annotators answer is known of no, yes"):
        known.seen(p, make_items([-1], ("a", "b")), known.members("x"))


def test_groups_are_named_and_unknown_names_are_answered_with_the_nearest() -> None:
    traits = {"gender": ["female", "male", "female", ""], "age": ["20", "20", "40", "40"]}
    known = Perspectives(["ann1", "ann2", "bob", "x=1,y"], np.full(4, 0.8), traits=traits)
    for whom, members in {
        "ann1, bob": [0, 2],
        "everybody": [0, 1, 2, 3],
        "gender=Female": [0, 2],
        "gender=female,age=40": [2],
        "x=1,y": [3],
    }.items():
        assert np.flatnonzero(known.members(whom)).tolist() == members
    for whom, words in {
        "ann1,bop": "annotator 'bop' gave this run no label. Did you mean 'bob'",
        "gendr=female": "unknown trait 'gendr'. Did you mean 'gender'",
        "gender=femal": "unknown gender 'femal'. Did you mean 'female'",
        "gender=male,age=40": "no annotator has gender=male and age=40",
        " ": "nobody is named",
    }.items():
        with pytest.raises(InputError, match=words.replace("?", r"\?")):
            known.members(whom)
    with pytest.raises(InputError, match="tell none of their annotators"):
        replace(known, traits={}).members("gender=female")


def test_newcomers_are_the_crowd_until_their_labels_say_more() -> None:
    """Where the model is certain, a row is the Dirichlet mean: (counts + strength x crowd) / (n + strength)."""
    confusion = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.7, 0.3], [0.2, 0.8]]])
    mean = confusion.mean(axis=0)
    known = Perspectives(["x", "y"], np.array([0.75, 0.75]), 1.0, ("no", "yes"), confusion)
    p = np.eye(2)[[0, 0, 0, 1]]
    triples = [(0, 0, 1), (1, 0, 1), (2, 0, 0), (3, 0, 1), (0, 1, 0), (0, 2, 0)]
    few = replace(crowd(make_items([-1] * 4), triples, 4), annotators=["new", "x", "other", "silent"])
    found = known.met(p, few)
    assert list(found.annotators) == ["new", "other", "silent"]
    assert found.confusion[0] == pytest.approx((np.array([[1, 2], [0, 1]]) + 4 * mean) / [[7], [5]], abs=1e-6)
    assert found.confusion[2] == pytest.approx(mean)
    coins = Perspectives(["x"], np.array([0.6])).met(p, few)
    assert coins.reliability == pytest.approx([(2 + 4 * 0.6) / 8, (1 + 4 * 0.6) / 5, 0.6])


def test_many_annotators_and_differing_choices_have_no_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    p, annotations = camps()
    monkeypatch.setattr(module, "LARGEST", 2 * CAMP * 4 - 1)
    found = perspectives(np.log(p), annotations)
    assert found.choices == ()
    assert found.confusion.size == 0
    assert (found.reliability[:CAMP] > 0.85).all()
    assert (found.reliability[CAMP:] < 0.5).all()
    few = annotations.take_labels(np.flatnonzero(annotations.annotator != 3))
    assert "a3" not in perspectives(np.log(p), few).annotators, "who gave no label is nobody to answer as"
