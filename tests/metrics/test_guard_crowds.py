"""The bug this product must not have: a flipped solution called resolved. Crowds made to provoke it, by the hundred.

Oracle: planted truth. EM runs with the model from where the verdict says, and is judged by gold nobody else saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from crowdtune.em.coin import coin
from crowdtune.em.given import finite, flat, given
from crowdtune.em.solve import solve
from crowdtune.metrics.guard import Verdict, confirmed, verdict
from tests.metrics.guarded import CROWDS, Adversary, adversary

SOME, MORE = range(170), range(170, 510)  # crowds of the default tests, and of the slow ones
seeds = pytest.mark.parametrize("seeds", [SOME, pytest.param(MORE, marks=pytest.mark.slow)], ids=["some", "more"])
EM = {"steps": 60, "tolerance": 1e-5}
LOSS = 0.2


@dataclass(frozen=True, eq=False)
class Judged:
    """An adversary, the last word on it, and whether the solution is flipped.

    Flipped is below chance, or 20 points below the mirror image or the basin that EM stays in from gold. Where a model
    too sure of itself outvotes annotators who are read rightly, that is a loss, not a flip: the better of the posterior
    and what it makes of the labels counts.
    """

    case: Adversary
    said: Verdict
    flipped: bool

    @property
    def wrongly_resolved(self) -> bool:
        """Exempt is only what the words say: resolved by labels, nine in ten of annotators below chance."""
        as_told = self.said.by == "labels" and self.case.lying >= 0.9
        return self.flipped and self.said.status == "resolved" and not as_told


def judge(case: Adversary) -> Judged:
    labels, none, log_p = given(case.annotations), flat(case.annotations), finite(case.log_p, case.annotations)
    gold, k = case.annotations.items.gold, case.annotations.items.max_choices
    said = verdict(case.annotations, case.log_p)
    found = solve(log_p, labels, coin(labels), start=said.start, **EM)
    best = solve(none, labels, coin(labels), start=np.eye(k)[gold], sharpness=1.0, **EM)
    right, heard, reachable = (
        float((table.argmax(axis=1) == gold).mean()) for table in (found.posterior, found.evidence, best.posterior)
    )
    below = max(right, heard) <= max(reachable, 1 - right if k == 2 else 0.0) - LOSS
    return Judged(case, confirmed(said, case.log_p, found.posterior), right < 1 / k or below)


@cache
def judged(seed: int) -> Judged:
    return judge(adversary(seed))


def resolved(crowds: list[Judged]) -> float:
    return sum(j.said.status == "resolved" for j in crowds) / len(crowds)


@seeds
def test_no_flipped_solution_is_called_resolved(seeds: range) -> None:
    assert not [seed for seed in seeds if judged(seed).wrongly_resolved]
    assert sum(judged(seed).flipped for seed in seeds) >= 0.15 * len(seeds), "the crowds are too kind to show anything"


@seeds
def test_the_guard_is_of_use(seeds: range) -> None:
    """Clean crowds, and crowds of any kind with a strong model, are resolved where labels tell annotators apart."""
    cases = [judged(seed) for seed in seeds if judged(seed).case.telling]
    clean = [j for j in cases if j.case.crowd == "clean" and j.case.overlap != "exclusive"]
    strong = [j for j in cases if j.case.model == "strong" and j.case.crowd not in ("spammers", "all liars")]
    assert len(clean) >= 0.03 * len(seeds)
    assert len(strong) >= 0.1 * len(seeds)
    assert resolved(clean) >= 0.9 - 1 / len(clean)  # give or take a crowd
    assert resolved(strong) >= 0.9 - 1 / len(strong)


@pytest.mark.parametrize("crowd", [c for c in CROWDS if c not in ("clean", "all liars")])
def test_a_model_that_knows_nothing_resolves_nothing(crowd: str) -> None:
    """Dissent of a tenth and more, no gold, a model at chance: nothing is left that could decide."""
    cases = [adversary(10_000 + seed, crowd, "useless") for seed in range(10)]
    assert not [case for case in cases if verdict(case.annotations, case.log_p).by == "model"]


def test_deterministic_offsets_are_decided_by_the_model_alone() -> None:
    """Two of three annotators add a fixed offset to the truth: what the model knows tells whose names are right."""
    strong = [judge(adversary(20_000 + s, "offsets", "strong")) for s in range(10)]
    assert {(j.said.status, j.said.by, j.flipped) for j in strong} == {("resolved", "model", False)}
    useless = [
        verdict(c.annotations, c.log_p) for c in (adversary(30_000 + s, "offsets", "useless") for s in range(10))
    ]
    assert {v.status for v in useless} == {"ambiguous"}
    assert all(v.gold_needed >= 10 and f"--set gold={v.gold_needed}" in v.words for v in useless)


def test_signs_fitted_to_a_model_at_chance_are_no_evidence() -> None:
    """Thirty annotators, one label per item: as many signs as annotators, free to please the model."""
    cases = [adversary(40_000 + seed, "thirty", "useless", "exclusive") for seed in range(40)]
    found = [verdict(case.annotations, case.log_p).evidence for case in cases]
    assert max(found) < 3
