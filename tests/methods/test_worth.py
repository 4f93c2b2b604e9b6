"""Oracles: the axioms of Shapley on heads that are really trained, planted annotators, trainings that are counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.credit import Game
from crowdtune.errors import InputError
from crowdtune.methods import _coalitions as coalitions
from crowdtune.methods import _worth as worth
from crowdtune.rounds.job import Job
from tests.crowds import crowd, make_items

QUALITY = (0.95, 0.85, 0.5, 0.1)


def planted(seed: int = 0) -> coalitions.Heads:
    """Four annotators of 30 items each, with features that tell the truth nearly, and 200 held-out items."""
    rng = np.random.default_rng(seed)
    truth, gold = rng.integers(2, size=120), rng.integers(2, size=200)
    label = np.where(rng.random(120) < np.repeat(QUALITY, 30), truth, 1 - truth)
    annotations = crowd(make_items([-1] * 120), list(zip(range(120), np.repeat(range(4), 30), label, strict=True)))
    features = [rng.normal(size=(len(t), 5)) + 2 * t[:, None] - 1 for t in (truth, gold)]
    return coalitions.Heads(annotations, features[0] * 3, features[1] * 3, gold)


@dataclass
class Counted:
    """A trainer that is stopped after so many trainings; the number is no part of what decides a training."""

    heads: coalitions.Heads
    left: ClassVar[list[int]] = [0]

    def __call__(self, job: Job, folder: Path) -> None:
        if not self.left[0]:
            raise KeyboardInterrupt
        self.left[0] -= 1
        self.heads(job, folder)


def game(trainer: object, annotations: Annotations, folder: Path) -> Game:
    return worth.game(trainer, "loss", annotations, folder)  # type: ignore[arg-type]


def test_values_are_efficient_and_order_the_planted(tmp_path: Path) -> None:
    heads = planted()
    of = game(heads, heads.annotations, tmp_path)
    found = worth.credit("exact", of, np.random.default_rng(0))
    whole = of.worth(np.ones((1, 4), dtype=bool)).mean()
    assert found.values.sum() == pytest.approx(whole)
    assert found.coalitions == 15
    assert found.values[:2].min() > found.values[2] > found.values[3]
    low, _ = found.interval()
    assert low[0] > 0


@pytest.mark.parametrize("method", worth.GAMES)
def test_every_method_tells_the_best_from_the_worst(method: str, tmp_path: Path) -> None:
    heads = planted()
    found = worth.credit(method, game(heads, heads.annotations, tmp_path), np.random.default_rng(0))
    assert found.values[0] > found.values[3]
    assert found.coalitions <= worth.trainings(method, 4)


def test_nothing_is_trained_twice_after_a_stop(tmp_path: Path) -> None:
    """Stopped after six of sixteen trainings, nobody's among them, the same does ten more; the values are one run's."""
    heads, rng, trainer = planted(), np.random.default_rng(0), Counted(planted())
    Counted.left[0] = 6
    with pytest.raises(KeyboardInterrupt):
        worth.credit("exact", game(trainer, heads.annotations, tmp_path / "a"), rng)
    Counted.left[0] = 10
    found = worth.credit("exact", game(trainer, heads.annotations, tmp_path / "a"), rng)
    assert Counted.left[0] == 0
    whole = worth.credit("exact", game(heads, heads.annotations, tmp_path / "b"), rng)
    assert found.values == pytest.approx(whole.values)


def test_another_label_is_another_game(tmp_path: Path) -> None:
    """And what was worked out of the annotations before is not."""
    heads = planted()
    names: list[int] = []
    for label in (heads.annotations.label, heads.annotations.label, 1 - heads.annotations.label):
        own = replace(heads, annotations=replace(heads.annotations, label=label))
        if names:
            assert own.annotations.votes.sum() == 120
        worth.credit("leave-one-out", game(own, own.annotations, tmp_path), np.random.default_rng(0))
        names.append(len(list(tmp_path.iterdir())))
    assert names == [1, 1, 2]


def test_how_many_trainings() -> None:
    found = [worth.trainings(method, 6) for method in worth.GAMES]
    assert found == [7, 30, 30, 63, 30, 30]
    assert worth.trainings("ridge", 6, 12) == 12
    assert worth.trainings("ridge", 3) == 7  # there are no more
    with pytest.raises(InputError, match="unknown method of value 'shap'"):
        worth.trainings("shap", 6)


def test_parts_are_alike_and_share_no_item() -> None:
    found = coalitions.parts(57, range(coalitions.PARTS))
    assert {len(places) for places in found} == {5}
    assert len(set(np.concatenate(found).tolist())) == 50


def test_items_are_held_out_by_gold_or_by_the_crowd() -> None:
    gold = [i % 2 for i in range(60)]
    triples = [(i, j, gold[i]) for i in range(60) for j in range(2)]
    rng = np.random.default_rng(0)
    posterior = np.eye(2)[gold]
    for known in (gold, [-1] * 60):
        held = worth.hold_out(crowd(make_items(known), triples), posterior, rng)
        assert len(held.test) == 12
        assert held.test.gold.tolist() == [int(name[1:]) % 2 for name in held.test.ids]
        assert not set(held.test.ids) & set(held.annotations.items.ids)
    with pytest.raises(InputError, match="Give others with gold answers"):
        worth.hold_out(crowd(make_items([-1] * 60), triples[:20]), posterior, rng)


def test_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """KNN-Shapley sums to the share of right neighbours; embeddings say the truth here."""
    gold = [i % 2 for i in range(40)]
    items = make_items(gold)
    labels = crowd(items, [(i, j, gold[i] if j == 0 else 1 - gold[i]) for i in range(40) for j in range(2)])
    monkeypatch.setattr(worth, "embed", lambda texts: np.array([[int(t.split()[1]) % 2, 1.0] for t in texts]))
    found = worth.by_neighbours(labels, items)
    assert found.values.sum() == pytest.approx(0.5, abs=0.05)
    assert found.values[0] > 0.2 > found.values[1]
