r"""Joint: one truth per item, learned with the model; annotators by EM. The recommended recipe, beyond REALM.

| REALM | here |
|---|---|
| each label on its own | all labels of an item share one truth (`objectives.Evidence`) |
| an annotator knows or guesses uniformly | is right, or says another choice (`em.Coin`): liars inform |
| expertise by gradient, a rate to tune | EM on a table of the model's answers, renewed as batches pass (`em.Belief`) |
| the model's confidence taken as it is | its sharpness is fitted |
| one way to err, alike on every item | confusion kernels (`em.Kernel`), bias and spread of grades, a lean to the |
| | first of a pair (both `em.OnGrid`), and reliability that depends on the item (`em.StateCoin`, Eq. 5), each kept |
| | only if it predicts held-out labels better |

Order: a verdict on whether the crowd can be resolved, and by what; EM on the frozen model's centred answers, beginning
with an M-step from the explanation the verdict leads to; training with EM beside it, and richer annotators if they earn
it; EM and sampling on the trained model's answers, for posteriors and intervals.

A few gold items (`gold=20`) become certain evidence, and the annotators of an earlier run (`history=RUN`) a prior.

References:
    Raykar et al., Learning from crowds, 2010, for the joint likelihood; the parts name theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from crowdtune.annotations import Annotations, Bools, Floats, Items
from crowdtune.annotators.one_coin import OneCoin
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Given, finite, given
from crowdtune.em.grid import on_grid
from crowdtune.em.grids import grade_grid, pair_grid
from crowdtune.em.kernel import kernel
from crowdtune.em.prior import above_chance, crowd_prior, solve_coin
from crowdtune.em.solve import solve
from crowdtune.em.stages import Stage
from crowdtune.em.state import read_out, state_coin
from crowdtune.errors import InputError
from crowdtune.examples import Examples, from_annotations
from crowdtune.history import MOST, pseudo_labels
from crowdtune.methods._joint_end import Ending, conclude
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.methods._responses import respond
from crowdtune.metrics.guard import verdict
from crowdtune.objectives.evidence import Evidence
from crowdtune.objectives.likelihood import Likelihood

BLANK = 2.0  # alpha and beta of an annotator whom neither options nor history know
LARGEST = 50_000_000  # cells of confusion matrices, J x K x K, from which kernels are not tried, and of grids
MOST_OF_PAIR = 3  # choices: the first, the second, a tie
NARROW = 3  # grades of a scale on which truths next to each other are not the same


@dataclass(frozen=True)
class Joint:
    """Options of the joint method."""

    updates: Literal["em", "gradient"] = "em"  # of annotators while the model trains; gradient needs a rate
    per_task: bool = True  # a reliability for each annotator and task
    prior_alpha: float | None = None  # Beta(alpha, beta) prior on each reliability; None learns it from the crowd
    prior_beta: float | None = None  # see prior_alpha; both or none
    kernels: bool = True  # try confusion kernels, where all items share their choices
    grids: bool = True  # try bias and spread of who grades, and a lean to the first place of who compares
    state_rank: int = 8  # try reliability that depends on the item, on a read-out of so many numbers; 0 = never
    gold: int = 0  # gold items used as evidence, chosen at random; -1 = all
    history: str = ""  # folder of an earlier run whose annotators are a prior
    history_labels: float = MOST  # most labels an annotator's history counts for
    annotator_learning_rate: float = 0.1  # with updates=gradient
    trials_seed: int = 0  # of which labels are held out in trials, which gold is used, and of sampling

    def __post_init__(self) -> None:
        if self.updates not in ("em", "gradient"):
            raise InputError(f"updates '{self.updates}' is unknown. Allowed: em, gradient.")
        given_prior = [v for v in (self.prior_alpha, self.prior_beta) if v is not None]
        if len(given_prior) == 1 or min(given_prior, default=1) < 1:
            raise InputError(
                f"prior_alpha={self.prior_alpha} and prior_beta={self.prior_beta} must both be 1 or more, or both none."
            )
        for name in ("annotator_learning_rate", "history_labels"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0.")
        if self.state_rank < 0 or self.gold < -1:
            raise InputError(f"state_rank={self.state_rank} must be 0 or more, gold={self.gold} -1 or more.")
        if self.updates == "gradient" and self.gold:
            raise InputError("gold is evidence for EM alone. Leave out updates=gradient.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Fit annotators on the frozen model, then train with EM beside it."""
        if anchor.contrast is not None:
            if self.gold or self.history:
                raise InputError("gold and history are evidence for choices, not for free responses. Leave them out.")
            return respond(annotations, anchor, together=True)
        gold = self._gold(annotations)
        labels = given(annotations, per_task=self.per_task, gold=gold)
        log_p = finite(anchor.log_p, annotations)
        said = verdict(annotations, anchor.log_p, gold=gold, per_task=self.per_task, seed=self.trials_seed)
        lowest = 0.0 if said.by in ("model", "gold") else above_chance(labels)
        learned = self.prior_alpha is None and not self.history
        if learned:
            first = solve_coin(log_p, labels, start=said.start, lowest=lowest)
        else:
            first = solve(log_p, labels, coin(labels, *self._prior(annotations)), start=said.start)
        belief = Belief(log_p, labels, first, self._stages(annotations, labels, anchor), self.trials_seed)
        ending = Ending(first.annotators, crowd_prior(lowest) if learned else None, anchor.log_p, gold, said)
        em = self.updates == "em"
        if em:
            belief.advance(early=True)
        return Plan(
            _informed(annotations, gold),
            Evidence(belief) if em else _by_gradient(first.annotators, annotations),
            f"trained with the joint likelihood: one truth per item, annotators by {'EM' if em else 'gradient'}",
            annotator_learning_rate=self.annotator_learning_rate,
            conclude=lambda after: conclude(belief, finite(after, annotations), annotations, ending),
            used_gold=gold,
            verdict=said,
        )

    def _prior(self, annotations: Annotations) -> tuple[Floats, Floats]:
        """(J x M,) alpha and beta: the options', with what an earlier run saw of each annotator."""
        right, wrong = np.zeros(len(annotations.annotators)), np.zeros(len(annotations.annotators))
        if self.history:
            right, wrong = pseudo_labels(Path(self.history), annotations.annotators, self.history_labels)
        m = len(annotations.items.tasks) if self.per_task else 1
        alpha, beta = (BLANK if own is None else own for own in (self.prior_alpha, self.prior_beta))
        return np.repeat(alpha + right, m), np.repeat(beta + wrong, m)

    def _gold(self, annotations: Annotations) -> Bools:
        """(I,) True for the gold items used as evidence."""
        known = np.flatnonzero(annotations.items.gold >= 0)
        if self.gold and not len(known):
            raise InputError(f"gold={self.gold} needs items with a gold answer; the data has none. Add a gold column.")
        order = np.random.default_rng(self.trials_seed).permutation(known)
        chosen = order if self.gold == -1 else order[: self.gold]
        return np.isin(np.arange(len(annotations.items)), chosen)

    def _stages(self, annotations: Annotations, labels: Given, anchor: Anchor) -> dict[str, Stage]:
        """Richer annotators that this data allows, those of fewest numbers first."""
        k, kind = labels.width, _alike(annotations.items) if self.per_task or len(annotations.items.tasks) == 1 else ""
        stages: dict[str, Stage] = {}
        small = labels.n_annotators * k**2 <= LARGEST
        if self.grids and small and (kind == "grade" or (kind == "pair" and k <= MOST_OF_PAIR)):
            grid = (grade_grid if kind == "grade" else pair_grid)(k)
            if labels.n_annotators * len(grid.points) <= LARGEST:
                near = int(kind == "grade" and k > NARROW)
                stages[kind] = Stage(lambda seen, solution: on_grid(seen, grid), early=True, near=near)
        if self.kernels and small and kind and not ("pair" in stages and k == 2):  # which says as much
            stages["kernel"] = Stage(
                lambda seen, solution: kernel(seen, _coin(solution.annotators)), early=bool(stages)
            )
        if self.state_rank and anchor.hidden.shape[1]:
            phi = read_out(anchor.hidden, self.state_rank)
            stages["state"] = Stage(lambda seen, solution: state_coin(coin(seen), phi), early=True, anew=True)
        return stages


def _alike(items: Items) -> str:
    """The kind of all items where their choices mean the same by their place and are as many everywhere, else ""."""
    kinds = {items.kinds[m] for m in np.unique(items.task).tolist()}
    even = len(kinds) == 1 and items.max_choices > 1 and bool((items.n_choices == items.max_choices).all())
    return "".join(kinds) if even and (kinds == {"pair"} or items.shared_choices.all()) else ""


def _by_gradient(coins: Coin, annotations: Annotations) -> Likelihood:
    """The same likelihood with reliabilities as parameters, starting where EM ended."""
    j = len(annotations.annotators)
    size = len(coins.reliability)
    parts = (np.broadcast_to(part, size).copy() for part in (coins.reliability, coins.alpha, coins.beta))
    start, alpha, beta = (torch.from_numpy(part).reshape(j, -1) for part in parts)
    return Likelihood(OneCoin(start, alpha, beta), len(annotations), "joint")


def _coin(annotators: Any) -> Coin:
    """The one coin of a stage: trials only ever start from it."""
    assert isinstance(annotators, Coin)
    return annotators


def _informed(annotations: Annotations, gold: Bools) -> Examples:
    """Examples in which items with labels or used gold have weight."""
    made = from_annotations(annotations)
    made.weights[gold] = 1.0
    return made
