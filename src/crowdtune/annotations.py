"""Items and Annotations: who said what about which item, as vocabularies and integer codes.

An item is the thing labelled, a choice one allowed answer, a label the choice one annotator gave one item.
Index letters: N labels, I items, J annotators, K choices, M tasks. K may differ between items.
Nothing here knows a method, a model or a file format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from crowdtune.errors import InputError
from crowdtune.ragged import take_texts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

MASKED = -1e9  # log-probability of a choice an item does not have; finite, so that gradients and 0 x it are numbers
UNKNOWN = -1  # code of a gold answer nobody gave
KINDS = ("choice", "grade", "pair", "text")  # what the answers of a task are


@dataclass(frozen=True, eq=False)
class Items:
    """The things labelled.

    Args:
        ids: (I,) unique names.
        prompts: (I,) what a person or a model is shown; "" where the source has no text.
        choice_sets: the distinct lists of allowed answers, each in its fixed order.
        choice_set: (I,) which of `choice_sets` an item has.
        tasks: (M,) names of the families of items.
        task: (I,) which task an item belongs to.
        gold: (I,) code of the trusted answer, -1 where there is none.
        splits: (I,) "train", "test", ... or "" where the source names none.
        kinds: (M,) what the answers of each task are: "choice"; "grade", choices in ascending order; "pair", which of
            two things, its choices, is better, perhaps with a tie as third; "text", written freely: an item's choices
            are the distinct answers it was given. () = all "choice".
    """

    ids: Sequence[str]
    prompts: Sequence[str]
    choice_sets: Sequence[tuple[str, ...]]
    choice_set: Ints
    tasks: Sequence[str]
    task: Ints
    gold: Ints
    splits: Sequence[str]
    kinds: Sequence[str] = ()

    def __post_init__(self) -> None:
        n = len(self.ids)
        object.__setattr__(self, "kinds", tuple(self.kinds) or ("choice",) * len(self.tasks))
        if len(self.kinds) != len(self.tasks) or not set(self.kinds) <= set(KINDS):
            raise ValueError(f"Items.kinds must say one of {', '.join(KINDS)} for each of {len(self.tasks)} tasks.")
        for name in ("prompts", "choice_set", "task", "gold", "splits"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"Items.{name} has {len(getattr(self, name))} entries for {n} items.")
        if len(set(self.ids)) != n:
            raise ValueError("Items.ids holds the same id twice; give every item one id.")
        if n and not (self.gold.min() >= -1 and (self.gold < self.n_choices).all()):
            raise ValueError("Items.gold holds a code outside -1..K-1 of its item.")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def n_choices(self) -> Ints:
        """(I,) K of each item."""
        sizes = np.array([len(c) for c in self.choice_sets], dtype=np.int64)
        return sizes[self.choice_set] if len(self) else np.zeros(0, np.int64)

    @property
    def max_choices(self) -> int:
        """Largest K of any item, 0 without items."""
        return int(self.n_choices.max()) if len(self) else 0

    @cached_property
    def choice_mask(self) -> Bools:
        """(I, K) True where the item has that choice."""
        return np.arange(self.max_choices)[None, :] < self.n_choices[:, None]

    @cached_property
    def shared_choices(self) -> Bools:
        """(M,) True for a task whose items all have the same choices, so that a confusion matrix means something."""
        sets = [np.unique(self.choice_set[self.task == m]) for m in range(len(self.tasks))]
        return np.array([len(s) <= 1 for s in sets], dtype=bool)

    def require_shared_choices(self, method: str, instead: str) -> None:
        """Refuse tasks whose items have different choices, for a method that models how choices are confused."""
        for m in np.flatnonzero(~self.shared_choices).tolist():
            raise InputError(
                f"{method} needs the same choices on all items of a task, '{self.tasks[m]}' has different ones: "
                f"a confusion matrix would only model the position of answers. Use {instead}."
            )

    def require_kind(self, kind: str, method: str, instead: str) -> None:
        """Refuse tasks whose answers are of another kind, for a method that reads more into the answers."""
        for m in np.unique(self.task).tolist():
            if self.kinds[m] != kind:
                raise InputError(
                    f"{method} needs answers of kind '{kind}', those of '{self.tasks[m]}' are of kind "
                    f"'{self.kinds[m]}'. Use {instead}."
                )

    @cached_property
    def common_choices(self) -> tuple[str, ...]:
        """The choices all items share, () where they differ."""
        same = len(self) > 0 and self.choice_set.min() == self.choice_set.max()
        return self.choices(0) if same else ()

    def choices(self, i: int) -> tuple[str, ...]:
        """Allowed answers of item `i`, in code order."""
        return self.choice_sets[int(self.choice_set[i])]

    def text(self, i: int, code: int) -> str | None:
        """Answer `code` of item `i` as text, None for -1."""
        return None if code < 0 else self.choices(i)[code]

    def take(self, index: Ints) -> Items:
        """Items at `index`, in that order; vocabularies stay as they are."""
        return replace(
            self,
            ids=[self.ids[i] for i in index],
            prompts=take_texts(self.prompts, index),
            choice_set=self.choice_set[index],
            task=self.task[index],
            gold=self.gold[index],
            splits=[self.splits[i] for i in index],
        )


@dataclass(frozen=True, eq=False)
class Annotations:
    """Who said what: N labels as three parallel columns of codes, plus the items and the annotators' names.

    An abstention (skipped, empty) is not a label and has no row; an item without labels keeps its place in `items`.

    Args:
        items: the I items.
        annotators: (J,) names.
        item: (N,) which item.
        annotator: (N,) which annotator.
        label: (N,) code of the choice, in 0..K-1 of that item.
        seconds: (N,) how long the annotator took, NaN where that is not known; None where none is.
        traits: what is known of the annotators, J texts each ("" = not known): "kind" is "person" or "model", others
            are the source's own (age, country, ...).
        soft: (I, K) soft labels: how probable the source holds each choice of an item to be, rows sum to 1; zeros for
            items it says no such thing of. None where there are none.
        counts: (I, K) labels whose annotators the source does not name: how often each choice was given. None where
            there are none.
    """

    items: Items
    annotators: Sequence[str]
    item: Ints
    annotator: Ints
    label: Ints
    seconds: Floats | None = None
    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    soft: Floats | None = None
    counts: Ints | None = None

    def __post_init__(self) -> None:
        lengths = {len(a) for a in (self.item, self.annotator, self.label, self.seconds) if a is not None}
        if len(lengths) > 1:
            raise ValueError("Annotations: item, annotator, label and seconds differ in length.")
        if any(len(known) != len(self.annotators) for known in self.traits.values()):
            raise ValueError(f"Annotations.traits must say something of each of {len(self.annotators)} annotators.")
        for name, table in (("soft", self.soft), ("counts", self.counts)):
            if table is not None and table.shape != self.items.choice_mask.shape:
                raise ValueError(f"Annotations.{name} has the shape {table.shape}, not {self.items.choice_mask.shape}.")
            if table is not None and ((table < 0) | (~self.items.choice_mask & (table > 0))).any():
                raise ValueError(f"Annotations.{name} holds a number below 0, or one for a choice its item lacks.")
        for name, codes, size in (
            ("item", self.item, len(self.items)),
            ("annotator", self.annotator, len(self.annotators)),
        ):
            if len(codes) and not (codes.min() >= 0 and codes.max() < size):
                raise ValueError(f"Annotations.{name} holds a code outside 0..{size - 1}.")
        if len(self.label) and not (self.label.min() >= 0 and (self.label < self.items.n_choices[self.item]).all()):
            raise ValueError("Annotations.label holds a code that its item does not allow.")
        pair = np.sort(self.item.astype(np.int64) * max(len(self.annotators), 1) + self.annotator)
        if (pair[1:] == pair[:-1]).any():
            raise ValueError("Annotations holds two labels of one annotator for one item; keep one of them.")

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def labels_per_item(self) -> Ints:
        """(I,) how many labels each item has."""
        return np.bincount(self.item, minlength=len(self.items)).astype(np.int64)

    @cached_property
    def labels_per_annotator(self) -> Ints:
        """(J,) how many labels each annotator gave."""
        return np.bincount(self.annotator, minlength=len(self.annotators)).astype(np.int64)

    @cached_property
    def votes(self) -> Ints:
        """(I, K) how often each choice was given; zero where an item has no such choice."""
        k = self.items.max_choices
        flat = np.bincount(self.item * k + self.label, minlength=len(self.items) * k)
        return flat.reshape(len(self.items), k).astype(np.int64)

    @cached_property
    def all_votes(self) -> Ints:
        """(I, K) how often each choice was given, by annotators the source names and by those it does not."""
        return self.votes if self.counts is None else self.votes + self.counts

    @cached_property
    def answered(self) -> Bools:
        """(I,) True for items with a label of anybody, named or not, or a soft label."""
        told: Bools = self.all_votes.sum(axis=1) > 0
        return told if self.soft is None else told | (self.soft.sum(axis=1) > 0)

    def require_labels(self) -> None:
        """Refuse annotations without a single label by a named annotator, with what is usually the reason."""
        if not len(self) and self.answered.any():
            raise InputError(
                f"the labels of {int(self.answered.sum())} items come without their annotators, as counts or shares: "
                "nobody's expertise can be estimated. crowdtune train FILE --method shala learns them (so do soft and "
                "majority), crowdtune evaluate RUN FILE measures a model by them, and where they are counts, "
                "crowdtune aggregate FILE --method majority takes the vote."
            )
        if not len(self):
            raise InputError(
                "there is no label by an annotator. If the file has some under other names, "
                "say --annotator COLUMN and --label COLUMN, or --wide COLUMN,COLUMN where each annotator has a column."
            )

    def require_answers(self) -> None:
        """Refuse annotations without a label of anybody, named or not, and without a soft label."""
        if not self.answered.any():
            self.require_labels()

    def take_items(self, index: Ints) -> Annotations:
        """Annotations of the items at `index`, in that order; annotators keep their codes."""
        place = np.full(len(self.items), -1, dtype=np.int64)
        place[index] = np.arange(len(index))
        rows = np.flatnonzero(place[self.item] >= 0)
        rows = rows[np.argsort(place[self.item[rows]], kind="stable")]
        taken = self.take_labels(rows)
        items = self.items.take(index)
        soft = None if self.soft is None else self.soft[index, : items.max_choices]
        counts = None if self.counts is None else self.counts[index, : items.max_choices]
        return replace(taken, items=items, item=place[taken.item], soft=soft, counts=counts)

    def take_labels(self, rows: Ints) -> Annotations:
        """Only the labels at `rows`, in that order; items and annotators keep their codes."""
        seconds = None if self.seconds is None else self.seconds[rows]
        item, annotator, label = self.item[rows], self.annotator[rows], self.label[rows]
        return replace(self, item=item, annotator=annotator, label=label, seconds=seconds)

    def take_annotators(self, names: Sequence[str]) -> Annotations:
        """Only the labels by the annotators `names`; items and annotators keep their codes."""
        who = [self.annotators.index(name) for name in names]
        return self.take_labels(np.flatnonzero(np.isin(self.annotator, who)))

    def split(self, share: float, rng: np.random.Generator) -> tuple[Annotations, Annotations]:
        """Split by item, never by row: a random `share` of the items first, the rest second."""
        order = rng.permutation(len(self.items))
        cut = round(share * len(order))
        return self.take_items(np.sort(order[:cut])), self.take_items(np.sort(order[cut:]))

    def thin(self, labels_per_item: int, rng: np.random.Generator) -> Annotations:
        """Keep at most `labels_per_item` labels of each item, chosen at random, be their annotators named or not."""
        order = np.lexsort((rng.random(len(self)), self.item))
        starts = np.concatenate([[0], np.cumsum(self.labels_per_item)])[:-1]
        rank = np.arange(len(self)) - starts[self.item[order]]
        if self.counts is None:
            return self.take_labels(np.sort(order[rank < labels_per_item]))
        drawn = np.column_stack([self.labels_per_item, self.counts])
        for row in np.flatnonzero(drawn.sum(axis=1) > labels_per_item):
            drawn[row] = rng.multivariate_hypergeometric(drawn[row], labels_per_item)
        named = self.take_labels(np.sort(order[rank < drawn[self.item[order], 0]]))
        return replace(named, counts=drawn[:, 1:])
