r"""REALM: learn the model and each annotator's expertise together, by gradient, from labels alone.

| paper | here |
|---|---|
| A annotators, T tasks, K answers | J, M, K |
| e_a = sigmoid(rho_a), Eq. 3; e_{a,t}, Eq. 4 | `annotators.Expertise(J, M)` |
| P(l given x, a) = e p(l given x) + (1 - e)/K, Eq. 1 | `Expertise` in `objectives.per_label` |
| p over answer tokens only, Eq. 2 | `lm.read_out.at_answer` |
| two learning rates, AdamW, cosine | `Training.learning_rate`, `Realm.expertise_learning_rate` |

Differs from the paper:

- **A frozen stage comes first** (`frozen_steps`; 0 turns it off). The likelihood does not prefer the truth over its
  mirror image; what decides is that expertise moves before the model does. In this stage, and only there, the model's
  answers are centred: a lean to one letter is no knowledge (snow_rte: 94.6 % of the mass on A, right half the time).
- **Expertise has no weight decay** and its own Adam; decay would pull every annotator to 0.5.
- The paper gives no learning rates, batch, steps or start values: those in `Training` and here are ours.
- `likelihood=joint` (one truth for all labels of an item) and the Beta prior are options the paper does not have.
- Users are shown reliability, the mean posterior of the labels given, because expertise cannot fall below chance.

References:
    Ghiasvand, Beliaev, Alizadeh, Pedarsani: REALM, 2026, https://arxiv.org/abs/2604.17289
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from crowdtune.annotations import Annotations
from crowdtune.annotators.expertise import Expertise
from crowdtune.errors import InputError
from crowdtune.examples import from_annotations
from crowdtune.methods._plan import Anchor, Conclusion, Plan, rounded
from crowdtune.methods._responses import respond
from crowdtune.objectives.likelihood import Likelihood
from crowdtune.training.frozen_stage import believed, fit_frozen


@dataclass(frozen=True)
class Realm:
    """Options of REALM."""

    likelihood: Literal["per-label", "joint"] = "per-label"  # the paper's; joint = one truth for all labels of an item
    per_task: bool = True  # an expertise for each annotator and task (Eq. 4); with one task the same as Eq. 3
    expertise_start: float = 0.5  # in (0, 0.5]; higher starts as if all were experts, and can flip the solution
    expertise_learning_rate: float = 0.1  # low values let the model absorb the noise first
    prior_alpha: float = 1.0  # Beta(alpha, beta) prior on each expertise; 1, 1 = none
    prior_beta: float = 1.0  # see prior_alpha
    frozen_steps: int = 20  # steps of the annotators on the frozen model before training; 0 = none

    def __post_init__(self) -> None:
        if self.likelihood not in ("per-label", "joint"):
            raise InputError(f"likelihood '{self.likelihood}' is unknown. Allowed: per-label, joint.")
        for name in ("expertise_learning_rate", "prior_alpha", "prior_beta"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0.")
        if self.frozen_steps < 0:
            raise InputError(f"frozen_steps={self.frozen_steps} must be 0 or more.")
        if not 0 < self.expertise_start <= 0.5:
            raise InputError(f"expertise_start={self.expertise_start} must be above 0 and at most 0.5.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Fit the annotators on the frozen model, then train both."""
        if anchor.contrast is not None:
            return respond(annotations, anchor, together=False)
        examples = from_annotations(annotations)
        experts = self._experts(annotations)
        objective = Likelihood(experts, n_labels=len(annotations), kind=self.likelihood)
        rate = self.expertise_learning_rate
        fit_frozen(objective, examples, anchor.log_p, steps=self.frozen_steps, rate=rate)
        return Plan(
            examples,
            objective,
            f"trained with REALM ({self.likelihood} likelihood): the model and each annotator's expertise together",
            annotator_learning_rate=rate,
            conclude=lambda log_p: Conclusion(
                believed(experts, examples, log_p), columns=_columns(experts, annotations)
            ),
        )

    def _experts(self, annotations: Annotations) -> Expertise:
        tasks = len(annotations.items.tasks) if self.per_task else 1
        prior = (self.prior_alpha, self.prior_beta)
        return Expertise(len(annotations.annotators), tasks, self.expertise_start, prior)


def _columns(experts: Expertise, annotations: Annotations) -> dict[str, list[Any]]:
    """Expertise as columns: one, or one per task."""
    table = experts.expertise().detach().cpu()
    if table.shape[1] == 1:
        return {"expertise": rounded(table[:, 0])}
    return {f"expertise:{task}": rounded(table[:, m]) for m, task in enumerate(annotations.items.tasks)}
