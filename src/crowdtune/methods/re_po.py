r"""RE-PO: EM over which labels are right re-weights the loss; with two texts compared, DPO by labels of unequal trust.

| paper | here |
|---|---|
| z, whether a label is right | omega, its posterior probability (`objectives.reweighted.right`) |
| eta_k, reliability of annotator k | s_a (`annotators.Averaged`) |
| p from a preference loss (DPO's sigmoid) | the model's answer p(l given x), of any read-out, among any choices |
| E-step, M-step | for each batch; s_a a running mean, `momentum` |

Differs from the paper, of which we know the abstract and reviews:

- With more than two choices the error goes to the others alike, so that K = 2 is the paper's.
- `start` and `momentum` are ours. With DPO the model begins undecided, so the first omega is `start` itself: who is
  trusted is decided by what the model learns first, and there is no other anchor. Above 1/2 the majority is followed.
- Other losses than the likelihood's (IPO, SimPO, CPO) are left out.

References:
    Cao, Xu, Guang, Long, Bakker, Wang and Yu: RE-PO, 2025, https://arxiv.org/abs/2509.24159
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crowdtune.annotations import Annotations
from crowdtune.annotators.averaged import Averaged
from crowdtune.errors import InputError
from crowdtune.examples import from_annotations
from crowdtune.methods._plan import Anchor, Conclusion, Plan, rounded
from crowdtune.objectives.reweighted import Reweighted
from crowdtune.training.frozen_stage import believed


@dataclass(frozen=True)
class RePo:
    """Options of RE-PO."""

    start: float = 0.9  # reliability of everybody before training, in (0, 1)
    momentum: float = 0.9  # what is kept of a reliability at each optimiser step, in [0, 1); 0 = the batch alone

    def __post_init__(self) -> None:
        if not 0 < self.start < 1:
            raise InputError(f"start={self.start} must be above 0 and below 1.")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum={self.momentum} must be from 0 to below 1.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Every label with its annotator; nothing is fitted before training."""
        examples = from_annotations(annotations)
        annotators = Averaged(len(annotations.annotators), self.start, self.momentum)
        return Plan(
            examples,
            Reweighted(annotators),
            "trained with RE-PO: every label weighted by the probability that it is right",
            conclude=lambda log_p: Conclusion(believed(annotators, examples, log_p), columns=_columns(annotators)),
        )


def _columns(annotators: Averaged) -> dict[str, list[Any]]:
    return {"learned_reliability": rounded(annotators.reliability)}
