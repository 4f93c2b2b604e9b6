r"""How much a language model's log-ratio of a response is worth: its sharpness and its zero are fitted, and it may err.

.. math:: \ell(s) = \log \frac{(1 - \epsilon) e^x + \epsilon}{\epsilon e^x + 1 - \epsilon}, \quad x = \gamma (s - b),
          \qquad p(s | \text{not known}) = g(s) c(s), \quad p(s | \text{known}) = g(s) c(s) e^{\ell(s)}, \qquad
          c = \frac{1}{1 - \pi + \pi e^{\ell}}

A log-ratio of a sequence is a sum over tokens and far too sure of itself. gamma and b make it a likelihood ratio of the
two kinds of responses; epsilon bounds it. g is the distribution of all log-ratios as seen, never modelled: pi is what
makes both kinds distributions (empirical likelihood). Where the crowd is all of one kind nothing tells gamma and b,
and their prior does: a log-ratio has a zero of its own.

References:
    Qin, Empirical likelihood ratio based confidence intervals for mixture proportions, 1999.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from crowdtune.annotations import Floats, Ints

ASTRAY = 0.01  # epsilon: how often a model's verdict on a response says nothing
SHARPNESS, FACTOR = 0.5, 0.7  # of the prior: gamma is log-normal around the first, with this deviation of its logarithm
ZERO = 0.1  # deviation of the prior of b around 0, as a share of the root mean square of log-ratios
BLUNTEST, SHARPEST = 0.01, 1.0  # bounds of gamma; a model is never surer than it says
LEVELS = 512  # log-ratios are rounded to as many values, where there are more
TINY = 1e-6
HALVINGS = 40  # of the search for pi


@dataclass(frozen=True, eq=False)
class Tilt:
    """Log-ratios made evidence.

    Args:
        level: (L,) values of the log-ratios, in nats.
        count: (L,) how many responses have each, those known not to answer among them.
        place: (N,) which value a response has.
        sharpness: gamma.
        zero: b, the log-ratio in nats that speaks for neither.
    """

    level: Floats
    count: Floats
    place: Ints
    sharpness: float = SHARPNESS
    zero: float = 0.0

    @cached_property
    def spread(self) -> float:
        """Deviation of the prior of b, in nats."""
        square = float(self.count @ self.level**2) / max(float(self.count.sum()), 1)
        return ZERO * float(np.sqrt(square)) + TINY

    @property
    def nats(self) -> Floats:
        """(N,) evidence that a response was known, bounded by log((1 - epsilon) / epsilon)."""
        return self._per_level()[self.place]

    def score(self, knew: Floats) -> float:
        """Expected log-likelihood of the log-ratios in nats, up to a constant, with the prior of gamma and b."""
        evidence = self._per_level()
        off = np.log(self.sharpness / SHARPNESS) / FACTOR
        return float(
            np.bincount(self.place, knew, len(self.level)) @ evidence
            - normaliser(evidence, self.count)
            - (off**2 + (self.zero / self.spread) ** 2) / 2
        )

    def refit(self, knew: Floats) -> Tilt:
        """Better gamma and b where (N,) responses are known with the probabilities `knew`; never worse ones."""
        start = np.array([np.log(self.sharpness), self.zero])
        bounds = [(float(np.log(BLUNTEST)), float(np.log(SHARPEST))), (-3 * self.spread, 3 * self.spread)]

        def loss(x: Floats) -> float:
            return -replace(self, sharpness=float(np.exp(x[0])), zero=float(x[1])).score(knew)

        found = minimize(
            loss, start, method="Nelder-Mead", bounds=bounds, options={"maxfev": 60, "xatol": 1e-3, "fatol": 1e-4}
        ).x
        better = replace(self, sharpness=float(np.exp(found[0])), zero=float(found[1]))
        return better if better.score(knew) > self.score(knew) else self

    def _per_level(self) -> Floats:
        x = self.sharpness * (self.level - self.zero)
        sure, astray = np.log1p(-ASTRAY), np.log(ASTRAY)
        return np.asarray(np.logaddexp(x + sure, astray) - np.logaddexp(x + astray, sure))


def tilt(log_ratio: Floats, unrelated: Floats | None = None) -> Tilt:
    """Log-ratios (N,) in nats before anything is fitted; `unrelated`, any number, are of responses known not to answer.

    Such are had for nothing: of a response under the prompts of other items.
    """
    n = len(log_ratio)
    given = log_ratio if unrelated is None else np.concatenate([log_ratio, unrelated])
    if not np.isfinite(given).all():
        raise ValueError(
            f"{int((~np.isfinite(given)).sum())} of {len(given)} log-ratios are not finite; leave those out."
        )
    level, place = np.unique(given, return_inverse=True)
    if len(level) > LEVELS:
        edges = np.quantile(given, np.linspace(0, 1, LEVELS + 1))[1:-1]
        _, place = np.unique(np.searchsorted(edges, given, side="right"), return_inverse=True)
        level = np.bincount(place, given) / np.bincount(place)
    return Tilt(level, np.bincount(place, minlength=len(level)).astype(float), place[:n].astype(np.int64))


def normaliser(evidence: Floats, count: Floats) -> float:
    r"""Largest sum of count \* log(1 - pi + pi exp(evidence)) over pi in [0, 1]; it is concave in pi."""
    gain = np.expm1(evidence)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rising = count @ (gain / (1 + middle * gain)) > 0
        low, high = (middle, high) if rising else (low, middle)
    return float(count @ np.log1p((low + high) / 2 * gain))
