"""Oracles: planted noise. Offsets ask for kernels, uniform errors do not, and a permuted truth is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crowdtune.annotations import Annotations, Floats
from crowdtune.em.belief import Belief
from crowdtune.em.coin import coin
from crowdtune.em.given import Given, finite, given
from crowdtune.em.kernel import Kernel, kernel
from crowdtune.em.solve import Solution, solve
from crowdtune.em.stages import Stage, agreement, held_out, try_stage
from crowdtune.em.store import arrays, restore
from crowdtune.simulate import reliability, simulate
from tests.crowds import make_items
from tests.em.priors import informed


def planted(noise: str, right: float, seed: int = 0, dist: str = "dist1") -> tuple[Annotations, Given, Floats]:
    """2,000 items of four choices, and what a model says of them that is right on a share of them."""
    rng = np.random.default_rng(seed)
    items = make_items(rng.integers(4, size=2000).tolist(), choices=("a", "b", "c", "d"))
    crowd = simulate(items, reliability(dist), noise=noise, rng=rng)
    return crowd, given(crowd), finite(informed(items.gold, 4, right, rng), crowd)


def to_kernel(seen: Given, end: Solution[Any]) -> Kernel:
    return kernel(seen, end.annotators)


@pytest.mark.parametrize("right", [0.55, 0.4])
def test_offsets_are_learned(right: float) -> None:
    """Two of three annotators are right 10 % of the time and else always one and two further."""
    crowd, seen, log_p = planted("systematic", right)
    one = solve(log_p, seen, coin(seen))
    found, trial = try_stage("kernel", log_p, seen, one, Stage(to_kernel), np.random.default_rng(0))
    assert trial.kept
    assert trial.gain > 0.3
    assert (found.posterior.argmax(axis=1) == crowd.items.gold).mean() > 0.98
    expected = 0.1 * np.eye(4) + 0.9 * np.roll(np.eye(4), 2, axis=1)  # a2: code 1, offset 1 + 1 mod 3
    assert np.abs(found.annotators.confusion[1] - expected).max() < 0.05


def test_uniform_errors_ask_for_nothing_richer() -> None:
    _, seen, log_p = planted("uniform", 0.55)
    one = solve(log_p, seen, coin(seen))
    found, trial = try_stage("kernel", log_p, seen, one, Stage(to_kernel), np.random.default_rng(0))
    assert not trial.kept
    assert found is one
    assert trial.reason == "held-out labels are not predicted better"


def test_a_stage_that_permutes_the_truths_is_refused_however_well_it_predicts() -> None:
    """A kernel that starts one choice on explains offset noise as well, with every truth wrong."""
    _, seen, log_p = planted("systematic", 0.55)
    one = solve(log_p, seen, coin(seen))

    def permuted(part: Given, end: Solution[Any]) -> Kernel:
        made = kernel(part, end.annotators)
        return made.refit(part, np.roll(end.posterior, 1, axis=1))

    class Stuck(Kernel):
        """Starts from the permutation whatever the posterior says."""

        def refit(self, given: Given, posterior: Floats) -> Kernel:
            return permuted(given, one)

    def refine(part: Given, end: Solution[Any]) -> Kernel:
        made = kernel(part, end.annotators)
        return Stuck(made.confusion, made.coin, made.errors)

    found, trial = try_stage("kernel", log_p, seen, one, Stage(refine), np.random.default_rng(0))
    assert trial.gain > 0.3
    assert trial.agreement < 0.5
    assert found is one
    assert trial.reason == "its truths are others than those of the stage before"


def test_held_out_likelihood_is_that_of_labels_never_seen() -> None:
    """A fit that saw a label gives it more: the mean over held-out labels lies below that of fitted ones."""
    _, seen, log_p = planted("uniform", 0.55)
    one = solve(log_p, seen, coin(seen))
    unseen = held_out(log_p, seen, one, None, np.random.default_rng(0))
    fitted = np.log((one.posterior[seen.item] * np.exp(one.annotators.log_likelihood(seen))).sum(axis=1))
    assert len(unseen) == len(seen)
    assert np.isfinite(unseen).all()
    assert unseen.mean() < fitted.mean() - 0.05


def test_a_belief_does_not_follow_a_model_that_turns_round() -> None:
    """The model is made to say the next choice everywhere: EM takes its sharpness for 0 and keeps what it believed."""
    crowd, seen, log_p = planted("uniform", 0.7)
    belief = Belief(log_p.copy(), seen, solve(log_p, seen, coin(seen)))
    assert belief.kept() == 1.0
    wrong = np.eye(4)[(crowd.items.gold + 1) % 4] * 0.996 + 0.001
    belief.settle([(np.arange(2000), np.log(wrong))])
    belief.update(50)
    assert belief.solution.sharpness < 0.01
    assert belief.kept() > 0.9
    belief.solution = solve(belief.log_p, seen, coin(seen), start=wrong)
    assert belief.kept() < 0.1


def test_a_belief_hears_updates_advances_and_comes_back_from_its_arrays() -> None:
    crowd, seen, log_p = planted("systematic", 0.55)
    belief = Belief(log_p.copy(), seen, solve(log_p, seen, coin(seen)), {"kernel": Stage(to_kernel)})
    before = belief.evidence.copy()
    rows = np.arange(500)
    belief.hear(rows, np.log(np.eye(4)[crowd.items.gold[rows]] * 0.96 + 0.01))
    np.testing.assert_array_equal(belief.log_p, log_p)  # heard, not yet settled
    belief.settle(belief.heard)
    belief.update()
    assert not np.array_equal(belief.evidence, before)
    belief.advance()
    assert [t.kept for t in belief.trials] == [True]
    belief.advance()
    assert len(belief.trials) == 1  # a stage was kept: no other is tried
    other = Belief(log_p.copy(), seen, solve(log_p, seen, coin(seen)), {"kernel": Stage(to_kernel)})
    restore(other, arrays(belief))
    np.testing.assert_array_equal(other.evidence, belief.evidence)
    assert other.trials == belief.trials
    belief.update(), other.update()
    np.testing.assert_array_equal(other.solution.posterior, belief.solution.posterior)


def test_agreement() -> None:
    one, other = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 0, 1, 0]]
    assert agreement(one, other) == 0.75
    assert agreement(np.zeros((0, 2)), np.zeros((0, 2))) == 1.0
