r"""Whom to ask about which item next: the pairs whose labels are expected to tell most, in nats.

.. math:: \max \sum_{(i, a)} I(q_i; l_{ia} \mid \text{labels at hand and those asked for before})

is sought greedily: always the pair that adds most, with answers not known yet carried along as draws. What a label adds
falls with every label asked for, so the gains may be kept in a queue and looked at again when they come up; greedy is
then at least half of the best there is (Fisher, Nemhauser and Wolsey, 1978). Reliabilities are taken at their means and
are fitted again when the answers are there: ask for a batch, add the answers, and plan anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import xlogy

from crowdtune.annotations import Floats, Ints
from crowdtune.em.coin import EDGE
from crowdtune.metrics.information import expected
from crowdtune.metrics.more import Standing

BRANCHES = 32  # draws of the answers to what was asked of an item before
LEAST = 1e-6  # nats for which nobody is asked


@dataclass(frozen=True, eq=False)
class Plan:
    """P labels to ask for, the most telling first.

    Args:
        item: (P,) which item.
        annotator: (P,) who.
        nats: (P,) information the label is expected to bring, after those asked for before it.
    """

    item: Ints
    annotator: Ints
    nats: Floats


def plan(
    at: Standing,
    count: int,
    most: Ints,
    rng: np.random.Generator,
    *,
    offered: Mapping[int, Ints] | None = None,
) -> Plan:
    """Choose pairs of item and annotator.

    Args:
        at: where the crowd stands; who has labelled an item is not asked about it again.
        count: labels to ask for, at most.
        most: (J,) labels each annotator can be asked for.
        rng: of answers not known yet.
        offered: item -> annotators who may be asked about it; None = everybody about everything.
    """
    made = _Making(at, most.copy(), rng, offered)
    queue = [(-gain, i) for i, gain in made.first() if gain > LEAST]
    heapq.heapify(queue)
    chosen = list[tuple[int, int, float]]()
    while queue and len(chosen) < count:
        _, i = heapq.heappop(queue)
        pair = made.best(i)
        if pair is None:
            continue
        who, gain = pair
        if queue and gain < -queue[0][0]:  # it has become worth less than another promises
            if gain > LEAST:
                heapq.heappush(queue, (-gain, i))
            continue
        if gain <= LEAST:
            break
        chosen.append((i, who, gain))
        made.take(i, who)
        heapq.heappush(queue, (-gain, i))
    columns = np.array(chosen, dtype=np.float64).reshape(-1, 3)
    return Plan(columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64), columns[:, 2])


@dataclass(eq=False)
class _Making:
    """A plan in the making.

    Args:
        at: where the crowd stands.
        left: (J,) labels each annotator can still be asked for.
        rng: of answers.
        offered: item -> annotators who may be asked about it.
        asked: item -> who has labelled it or is to.
        drawn: item -> (BRANCHES, K) posteriors as they may be once what was asked for is answered.
        ranked: annotators with labels left, the most telling first.
    """

    at: Standing
    left: Ints
    rng: np.random.Generator
    offered: Mapping[int, Ints] | None
    asked: dict[int, set[int]] = field(default_factory=dict)
    drawn: dict[int, Floats] = field(default_factory=dict)
    ranked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trust = self.at.reliability.mean(axis=0).clip(EDGE, 1 - EDGE)
        for i, j in zip(self.at.given.item.tolist(), self.at.given.annotator.tolist(), strict=True):
            self.asked.setdefault(i, set()).add(j)
        self.power = _power(self.trust, self.at)
        order = np.argsort(-self.power, kind="stable")
        self.ranked = [int(j) for j in order if self.left[j] > 0 and self.power[j] > LEAST]

    def first(self) -> Iterator[tuple[int, float]]:
        """Each item with no less than what any annotator would add to it."""
        top = np.full(len(self.at.posterior), self.trust[self.ranked[0]] if self.ranked else 0.5)
        gains = expected(self.at.posterior, self.at.choices, top)
        return enumerate(gains.tolist()) if self.ranked else iter(())

    def best(self, i: int) -> tuple[int, float] | None:
        """Who adds most to item i, and how much; None where nobody is left to ask."""
        before = self.asked.get(i, set())
        if self.offered is None:
            who = next((j for j in self.ranked if j not in before), None)
        else:
            free = [j for j in self.offered.get(i, np.zeros(0, np.int64)).tolist() if j not in before and self.left[j]]
            who = max(free, key=lambda j: self.power[j], default=None)
        return None if who is None else (who, self._gain(i, who))

    def take(self, i: int, who: int) -> None:
        """Ask for a label, and draw what its answer may be in each branch."""
        self.asked.setdefault(i, set()).add(who)
        self.left[who] -= 1
        if not self.left[who] and who in self.ranked:
            self.ranked.remove(who)
        now = self.drawn.get(i, np.repeat(self.at.posterior[i][None], BRANCHES, axis=0))
        k, s = int(self.at.choices[i]), float(self.trust[who])
        said = s * now[:, :k] + (1 - s) * (1 - now[:, :k]) / (k - 1)
        label = (said.cumsum(axis=1) < self.rng.random((len(now), 1))).sum(axis=1).clip(max=k - 1)
        told = np.where(np.arange(now.shape[1]) == label[:, None], s, (1 - s) / (k - 1))
        self.drawn[i] = now * told / (now * told).sum(axis=1, keepdims=True)

    def _gain(self, i: int, who: int) -> float:
        now = self.drawn.get(i, self.at.posterior[i][None])
        count = np.full(len(now), self.at.choices[i])
        return float(expected(now, count, np.full(len(now), self.trust[who])).mean())


def _power(reliability: Floats, at: Standing) -> Floats:
    """(J,) nats of a label on an open item of the crowd's usual number of choices, by which annotators are ranked.

    Of two choices, and among all who are above chance, who tells more of one item tells more of every item.
    """
    k = int(np.median(at.choices[at.choices > 1])) if (at.choices > 1).any() else 2
    noise = -xlogy(reliability, reliability) - xlogy(1 - reliability, (1 - reliability) / (k - 1))
    return np.asarray(np.log(k) - noise)
