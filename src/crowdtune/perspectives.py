r"""Perspectives: how would these annotators answer? What a model says of an item, as some of its annotators see it.

.. math:: P(l | x, group) = \sum_j w_j \sum_k p(k | x)^\gamma C_j[k, l]

C and gamma are fitted on the training labels (`em.perspective`). Each member of a group has one voice, w = 1 / size,
however many labels they gave.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import Annotations, Bools, Floats, Items
from crowdtune.em.coin import Coin
from crowdtune.em.given import finite, given
from crowdtune.em.kernel import Kernel
from crowdtune.em.perspective import STRENGTH, acquainted, answering
from crowdtune.errors import InputError, unknown_name
from crowdtune.write.tables import write_bytes

FILE = "perspectives.npz"
LARGEST = 1_000_000  # cells of confusion matrices, J x K x K, above which reliabilities alone are kept (4 MB)
EVERYBODY = "everybody"
SHOWN = 10  # names in a message
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Perspectives:
    """How annotators answer where a model says how everybody does.

    Args:
        annotators: (J,) names.
        reliability: (J,) P(label = a draw from what the model says); the coin's where there are no matrices.
        sharpness: exponent of the model's probabilities.
        choices: (K,) of the matrices; () where there are none.
        confusion: (J, K, K), [j, k, l] = P(says l | the model's draw is k); (0, 0, 0) where there is none.
        traits: what is known of the annotators, J texts each, "" = not known.
    """

    annotators: Sequence[str]
    reliability: Floats
    sharpness: float = 1.0
    choices: tuple[str, ...] = ()
    confusion: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))
    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def members(self, whom: str) -> Bools:
        """(J,) who belongs to a group.

        Args:
            whom: "everybody"; names with commas between; or trait=value, of several with commas between all must hold.
        """
        parts = [part.strip() for part in whom.split(",") if part.strip()]
        if whom in self.annotators:
            parts = [whom]
        elif whom.strip() == EVERYBODY:
            return np.ones(len(self.annotators), dtype=bool)
        elif parts and all("=" in part for part in parts) and not set(parts) & set(self.annotators):
            return self._alike(parts)
        for part in parts:
            if part not in self.annotators:
                raise self._unknown(part)
        if not parts:
            raise InputError(f"nobody is named to answer as. Say {EVERYBODY}, annotators' names, or trait=value.")
        return np.isin(np.asarray(self.annotators, dtype=object), parts)

    def seen(self, p: Floats, items: Items, members: Bools) -> Floats:
        """(I, K) how a group would answer: the mean of its members, rows sum to 1.

        Args:
            p: (I, K) what the model says, rows sum to 1.
            items: I items.
            members: (J,) who belongs to it, somebody.
        """
        p, mask = self._sharpened(p, items.choice_mask), items.choice_mask
        if self.choices:
            self._require_choices(items)
            return np.asarray(p @ self.confusion[members].mean(axis=0))
        r, others = float(self.reliability[members].mean()), np.maximum(items.n_choices - 1, 1)[:, None]
        mixed = np.where(mask, r * p + (1 - r) * (1 - p) / others, 0.0)
        return np.where(items.n_choices[:, None] > 1, mixed, p)

    def met(self, p: Floats, annotations: Annotations, strength: float = STRENGTH) -> Perspectives:
        """Annotators this run has not met, from a few of their labels and the crowd as prior; nobody else.

        Args:
            p: (I, K) what the model says of the labelled items, rows sum to 1.
            annotations: N labels; those of annotators known already are passed over.
            strength: pseudo-labels the crowd counts for, in each row; without matrices in all.
        """
        fresh = np.array([name not in set(self.annotators) for name in annotations.annotators], dtype=bool)
        labels = given(annotations.take_labels(np.flatnonzero(fresh[annotations.annotator])))
        p = self._sharpened(p, annotations.items.choice_mask)
        names = [name for name, new in zip(annotations.annotators, fresh, strict=True) if new]
        known = {key: [column[j] for j in np.flatnonzero(fresh).tolist()] for key, column in annotations.traits.items()}
        if self.choices:
            self._require_choices(annotations.items)
            confusion = acquainted(p[labels.item], labels, self.confusion.mean(axis=0), strength)[fresh]
            reliability = np.einsum("jkk->j", confusion) / len(self.choices)
            return Perspectives(names, reliability, self.sharpness, self.choices, confusion, known)
        crowd = float(self.reliability.mean())
        right, count = labels.per_annotator(labels.at_label(p)), labels.labels_per_annotator
        return Perspectives(
            names, ((right + strength * crowd) / (count + strength))[fresh], self.sharpness, traits=known
        )

    def save(self, path: Path) -> None:
        """Write all of it as named arrays, nothing that could run when it is read."""
        told = {f"trait.{name}": np.array(column, dtype=str) for name, column in self.traits.items()}
        arrays: dict[str, Any] = {
            "annotators": np.array(self.annotators, dtype=str),
            "reliability": self.reliability.astype(np.float32),
            "sharpness": np.array(self.sharpness),
            "choices": np.array(self.choices, dtype=str),
            "confusion": self.confusion.astype(np.float32),
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **(arrays | told))
        write_bytes(path, buffer.getvalue())

    def _unknown(self, name: str) -> InputError:
        """The error for a name that is no annotator's, with the nearest; of many, some are shown."""
        near = difflib.get_close_matches(name, self.annotators, n=1, cutoff=0.5)
        shown = ", ".join(self.annotators[:SHOWN]) + (", ..." if len(self.annotators) > SHOWN else "")
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return InputError(f"annotator '{name}' gave this run no label.{hint} Known: {EVERYBODY}; {shown}.")

    def _sharpened(self, p: Floats, mask: Bools) -> Floats:
        logs = np.where(mask, self.sharpness * np.log(np.maximum(p, TINY)), -np.inf)
        return np.asarray(softmax(logs, axis=1)) if p.size else p

    def _alike(self, parts: Sequence[str]) -> Bools:
        """(J,) who has all of some traits."""
        found = np.ones(len(self.annotators), dtype=bool)
        for part in parts:
            name, value = (text.strip() for text in part.split("=", 1))
            if name not in self.traits:
                if not self.traits:
                    raise InputError(f"'{part}' asks for a trait; the training data tell none of their annotators.")
                raise unknown_name("trait", name, self.traits)
            column = np.array([text.casefold() for text in self.traits[name]], dtype=object)
            if value.casefold() not in column:
                raise unknown_name(name, value, {text for text in self.traits[name] if text})
            found &= column == value.casefold()
        if not found.any():
            raise InputError(f"no annotator has {' and '.join(parts)}. Leave one of them out.")
        return found

    def _require_choices(self, items: Items) -> None:
        for i in np.unique(items.choice_set, return_index=True)[1].tolist():
            if items.choices(i) != self.choices:
                raise InputError(
                    f"item '{items.ids[i]}' has the choices {', '.join(items.choices(i))}; how these annotators answer "
                    f"is known of {', '.join(self.choices)}. Give it those, or leave out whom to answer as."
                )


def perspectives(log_p: Floats, annotations: Annotations) -> Perspectives:
    """Fit how each annotator with labels answers, relative to what a model says.

    Args:
        log_p: (I, K) log-probabilities of the model.
        annotations: N labels, at least one.
    """
    labels, items = given(annotations), annotations.items
    shared, j = items.common_choices, len(annotations.annotators)
    matrices = bool(shared) and j * len(shared) ** 2 <= LARGEST
    found = answering(finite(log_p, annotations)[labels.item], labels, matrices=matrices)
    who = np.flatnonzero(annotations.labels_per_annotator > 0).tolist()
    fitted = found.annotators
    coins: Coin = fitted.coin if isinstance(fitted, Kernel) else fitted
    confusion = fitted.confusion[who] if isinstance(fitted, Kernel) else np.zeros((0, 0, 0))
    return Perspectives(
        [annotations.annotators[j] for j in who],
        coins.reliability[who],
        found.sharpness,
        shared if isinstance(fitted, Kernel) else (),
        confusion,
        {name: [column[j] for j in who] for name, column in annotations.traits.items()},
    )


def load_perspectives(path: Path) -> Perspectives:
    """What `Perspectives.save` wrote."""
    with np.load(path, allow_pickle=False) as found:
        return Perspectives(
            found["annotators"].tolist(),
            found["reliability"].astype(np.float64),
            float(found["sharpness"]),
            tuple(found["choices"].tolist()),
            found["confusion"].astype(np.float64),
            {name.removeprefix("trait."): found[name].tolist() for name in found.files if name.startswith("trait.")},
        )
