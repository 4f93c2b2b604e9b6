r"""Richer annotator models, each kept only where it earns its place.

A free confusion kernel or a reliability that depends on the item explains more, and can explain the truth away: with a
weak prior it settles on a permutation of the choices. So a stage is kept only if it predicts held-out labels better,
by more than their noise, *and* stays in the same basin: its posterior agrees with the stage before on more than half of
the items, and with the model's own answers at least as well as chance. Of grades, which a generous crowd moves, truths
next to each other agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax

from crowdtune.annotations import Floats
from crowdtune.em.given import Annotators, Given
from crowdtune.em.solve import Solution, solve

FOLDS = 4
FITTED = 1_600_000  # most labels times folds that are looked at, but for one fold
SURE = 2.0  # standard errors by which held-out labels must be predicted better


class Stage(NamedTuple):
    """A richer model of annotators to try.

    Args:
        refine: makes such annotators for labels and a solution of the stage before.
        early: tried before training too, with a sharpness of the model's answers of its own.
        anew: starts from the model's own answers and not from the stage before: for what one number per annotator may
            hide so well that its truths are no start.
        near: choices apart that two truths may be and still count as the same; 1 for grades, which a bias moves.
    """

    refine: Callable[[Given, Solution[Any]], Annotators]
    early: bool = False
    anew: bool = False
    near: int = 0

    def fit(self, log_p: Floats, given: Given, before: Solution[Any]) -> Solution[Any]:
        """Fit to convergence."""
        annotators = self.refine(given, before)
        if self.anew:
            return solve(log_p, given, annotators)
        sharpness = None if self.early else before.sharpness
        return solve(log_p, given, annotators, start=before.posterior, sharpness=sharpness)


@dataclass(frozen=True)
class Trial:
    """What became of a stage.

    Args:
        name: of the annotator model.
        kept: whether it replaced the stage before.
        gain: mean gain of held-out log-likelihood in nats per label.
        error: standard error of it.
        agreement: share of items whose most probable truth is the same as before.
        reason: why it was not kept, "" if it was.
    """

    name: str
    kept: bool
    gain: float
    error: float
    agreement: float
    reason: str = ""


def held_out(
    log_p: Floats, given: Given, solution: Solution[Any], stage: Stage | None, rng: np.random.Generator
) -> Floats:
    """(N,) log-likelihood in nats of each label, predicted from the other folds' labels; NaN for folds not looked at.

    Args:
        log_p: (I, K) log-probabilities of the model, finite.
        given: N labels.
        solution: of the stage before, where every fold starts from.
        stage: richer annotators; None keeps those of the solution.
        rng: of the folds.
    """
    fold = rng.integers(FOLDS, size=len(given))
    found = np.full(len(given), np.nan)
    for f in range(int(np.clip(FITTED // max(len(given), 1), 1, FOLDS))):
        seen, unseen = given.take(np.flatnonzero(fold != f)), given.take(np.flatnonzero(fold == f))
        fit = solve(log_p, seen, solution.annotators, start=solution.posterior, sharpness=solution.sharpness)
        if stage is not None:
            fit = stage.fit(log_p, seen, fit)
        likely = np.log(fit.posterior[unseen.item] + np.finfo(float).tiny)
        found[fold == f] = logsumexp(likely + fit.annotators.log_likelihood(unseen), axis=1)
    return found


def try_stage(
    name: str, log_p: Floats, given: Given, solution: Solution[Any], stage: Stage, rng: np.random.Generator
) -> tuple[Solution[Any], Trial]:
    """Fit a richer stage and keep it, or not.

    Returns:
        The solution to go on with, and what became of the stage.
    """
    state = rng.bit_generator.state
    before = held_out(log_p, given, solution, None, rng)
    rng.bit_generator.state = state  # the same folds
    gains = held_out(log_p, given, solution, stage, rng) - before
    gains = gains[~np.isnan(gains)]
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
    refined = stage.fit(log_p, given, solution)
    same = agreement(solution.posterior, refined.posterior, stage.near)
    reason = ""
    if not gain > SURE * error:
        reason = "held-out labels are not predicted better"
    elif same <= 0.5:
        reason = "its truths are others than those of the stage before"
    elif not _agrees_with_model(log_p, refined.posterior):
        reason = "its truths contradict the model"
    return (refined if not reason else solution), Trial(name, not reason, gain, error, same, reason)


def agreement(one: Floats, other: Floats, near: int = 0) -> float:
    """Share of items whose most probable truths in two (I, K) posteriors are at most `near` apart; 1 without items."""
    return float((np.abs(one.argmax(axis=1) - other.argmax(axis=1)) <= near).mean()) if len(one) else 1.0


def _agrees_with_model(log_p: Floats, posterior: Floats) -> bool:
    """Whether the model puts more on the truths found than on truths of other items drawn at random."""
    p = softmax(log_p, axis=1)
    return bool((p * posterior).sum() >= (p.mean(axis=0) * posterior.mean(axis=0)).sum() * len(p))
