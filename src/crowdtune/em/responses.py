r"""Free responses: who knew, and who wrote something that is no answer to the item.

.. math:: P(y_n | x_n, a_n) = e_{a_n} p_\theta(y_n | x_n) + (1 - e_{a_n}) p_{bg}(y_n), \qquad
          s_n = \log p_\theta(y_n | x_n) - \log p_{bg}(y_n)

REALM for texts. Whether a response was known, z_n, is hidden. Two things tell: the log-ratio s_n of a language model,
made evidence by `tilt`, and responses to the same item, of which those that were known are alike (`alike`):

.. math:: h_n = \ell(s_n) + w \sum_m r_m L_{nm}, \qquad
          q(e_a, z_a) \propto p(e_a) \prod_{n: a_n = a} (e_a e^{h_n})^{z_n} (1 - e_a)^{1 - z_n}, \qquad r_n = E[z_n]

An annotator's expertise and responses are held together without approximation, on a grid; those of different annotators
meet in the mean of their fields, a composite likelihood whose pairs are weighed down because they share responses. The
prior p is the mixture of Beta distributions the crowd bears out. The bound never falls: a step that would make it is
halved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

from crowdtune.annotations import Floats, Ints
from crowdtune.em.alike import Alike
from crowdtune.em.tilt import Tilt, tilt

STEPS, TOLERANCE = 200, 1e-5  # most steps; nats per response
HALVINGS = 6  # of a step that would lower the bound, before it is not taken
COARSE, FINE = 48, 192  # points of the grid of expertise, while fitting and at the end
MEANS, STRENGTHS = 24, 14  # of the Beta priors held possible
WEAKEST, STRONGEST = 0.5, 50.0  # pseudo-responses
LEVEL = 0.95  # of intervals


@dataclass(frozen=True, eq=False)
class Responses:
    """What was found out about responses and those who wrote them.

    Args:
        knew: (N,) probability that a response is an answer to its item: REALM's responsibility.
        expertise: (J,) share of an annotator's responses that are, in [0, 1]: the mean of what is believed of it.
        low: (J,) lower end of the 95 % interval of expertise.
        high: (J,) upper end.
        log_ratios: the fitted calibration of the language model's log-ratios; None without.
        pairs: the fitted evidence of similar responses; None without.
        bounds: lower bound of the log-likelihood in nats after each step, up to a constant; never falls.
    """

    knew: Floats
    expertise: Floats
    low: Floats
    high: Floats
    log_ratios: Tilt | None
    pairs: Alike | None
    bounds: list[float]


def solve_responses(
    annotator: Ints,
    n_annotators: int,
    *,
    log_ratio: Floats | None = None,
    unrelated: Floats | None = None,
    pairs: Alike | None = None,
    prior: tuple[float, float] | None = None,
) -> Responses:
    """Find who knew.

    Args:
        annotator: (N,) who, in 0..J-1.
        n_annotators: J.
        log_ratio: (N,) log p(y | x) - log p(y) in nats, of whole responses; None where no model was asked.
        unrelated: (any,) the same of responses under prompts they do not answer, those of other items; they show what
            log-ratio means nothing. None takes 0 for that, roughly.
        pairs: of responses to one item, as `alike` makes them of embeddings; None where there are none.
        prior: (alpha, beta) of the Beta prior of expertise; None learns it from the crowd.

    Returns:
        Responses. Without evidence everybody is where the prior is, with an interval that says so.
    """
    crowd = _Crowd(annotator, n_annotators, _grid(COARSE, prior))
    calibrated = None if log_ratio is None else tilt(log_ratio, unrelated)
    field = np.zeros(len(annotator)) if calibrated is None else calibrated.nats
    found = _State(calibrated, pairs, field, crowd.believe(field, crowd.grid.mixture(np.zeros((1, COARSE)))))
    bounds = [found.bound]
    for _ in range(STEPS):
        found = found.moved(crowd).refit()
        bounds.append(found.bound)
        if bounds[-1] - bounds[-2] < TOLERANCE * max(len(annotator), 1):
            break
    found = found.moved(crowd)
    fine = replace(crowd, grid=_grid(FINE, prior))
    last = fine.believe(found.field, fine.grid.mixture(fine.table(found.field)))
    low, high = fine.interval(last.weights)
    return Responses(last.knew, last.weights @ fine.grid.point, low, high, found.log_ratios, found.pairs, bounds)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Points of expertise (G,), and the log probabilities (H, G) of the priors held possible."""

    point: Floats
    log_priors: Floats

    def mixture(self, table: Floats) -> Floats:
        """(G,) log probabilities: the priors, weighed by how they explain the (J, G) nats of annotators."""
        top = table.max(axis=1, keepdims=True)
        priors = np.exp(self.log_priors)
        explained = np.log(np.exp(table - top) @ priors.T).sum(axis=0)
        return np.asarray(np.log(softmax(explained) @ priors))


def _possible() -> tuple[Floats, Floats]:
    """Alpha and beta (H,) of the Beta priors held possible; the weakest have a peak at both ends."""
    steps = (np.arange(MEANS) + 0.5) / MEANS
    mean, strength = (x.ravel() for x in np.meshgrid(steps, np.geomspace(WEAKEST, STRONGEST, STRENGTHS)))
    return mean * strength, (1 - mean) * strength


def _grid(size: int, prior: tuple[float, float] | None) -> _Grid:
    angle = np.pi * (np.arange(size) + 0.5) / size
    point = (1 - np.cos(angle)) / 2
    alpha, beta = _possible() if prior is None else (np.array([p]) for p in prior)
    density = (alpha[:, None] - 1) * np.log(point) + (beta[:, None] - 1) * np.log1p(-point) + np.log(np.sin(angle))
    return _Grid(point, log_softmax(density, axis=1))


@dataclass(frozen=True, eq=False)
class _Belief:
    """Of annotators (J, G), of responses (N,), under a prior (G,), and the log total of all in nats."""

    weights: Floats
    knew: Floats
    log_prior: Floats
    total: float
    table: Floats


@dataclass(frozen=True, eq=False)
class _Crowd:
    """Who gave which response."""

    annotator: Ints
    size: int
    grid: _Grid

    def table(self, field: Floats) -> Floats:
        """(J, G) nats of an annotator's responses at each expertise."""
        gain = np.expm1(field)
        columns = [np.bincount(self.annotator, np.log1p(e * gain), self.size) for e in self.grid.point]
        return np.stack(columns, axis=1)

    def believe(self, field: Floats, log_prior: Floats) -> _Belief:
        """Annotators and responses, where (N,) nats speak for having been known."""
        table = self.table(field)
        score = table + log_prior
        weights = softmax(score, axis=1)
        odds, knew = np.exp(field), np.zeros(len(field))
        for e, weight in zip(self.grid.point, weights.T, strict=True):
            knew += weight[self.annotator] * (e * odds / (e * odds + 1 - e))
        return _Belief(weights, knew, log_prior, float(logsumexp(score, axis=1).sum()), table)

    def interval(self, weights: Floats) -> tuple[Floats, Floats]:
        """(J,) ends of the central interval."""
        edge = (1 - np.cos(np.pi * np.arange(len(self.grid.point) + 1) / len(self.grid.point))) / 2
        below = np.concatenate([np.zeros((len(weights), 1)), weights.cumsum(axis=1)], axis=1)
        ends = [[np.interp(q, row, edge) for row in below] for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]
        return np.array(ends[0]), np.array(ends[1])


@dataclass(frozen=True, eq=False)
class _State:
    """A point of the ascent: how evidence is read, the (N,) fields in nats, and what they lead to."""

    log_ratios: Tilt | None
    pairs: Alike | None
    field: Floats
    belief: _Belief

    @property
    def bound(self) -> float:
        """Lower bound of the log-likelihood, in nats."""
        knew = self.belief.knew
        evidence = sum(part.score(knew) for part in (self.log_ratios, self.pairs) if part is not None)
        return self.belief.total - float(knew @ self.field) + evidence

    def moved(self, crowd: _Crowd) -> _State:
        """Nearer to the fields that the responses themselves make; as far as the bound does not fall."""
        wanted = np.zeros_like(self.field)
        if self.log_ratios is not None:
            wanted += self.log_ratios.nats
        if self.pairs is not None:
            wanted += self.pairs.field(self.belief.knew)
        before = self.bound
        for prior in (crowd.grid.mixture(self.belief.table), self.belief.log_prior):
            for halving in range(HALVINGS):
                field = self.field + (wanted - self.field) / 2**halving
                there = replace(self, field=field, belief=crowd.believe(field, prior))
                if there.bound >= before:
                    return there
        return self

    def refit(self) -> _State:
        """Evidence read better."""
        knew = self.belief.knew
        return replace(
            self,
            log_ratios=self.log_ratios and self.log_ratios.refit(knew),
            pairs=self.pairs and self.pairs.refit(knew),
        )
