"""Examples as batches: unique items with their ragged labels, so that a forward pass costs per item, not per label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset, Sampler

from crowdtune.annotations import Ints
from crowdtune.examples import Examples
from crowdtune.lm.encode import Encoded

Feature = dict[str, Any]


class CrowdDataset(Dataset[Feature]):
    """Examples with their prompts tokenized. Rows of all items have the same width K, and as many labels as they have.

    An item's row is read when it is asked for: prompts may lie in a file.
    """

    def __init__(self, examples: Examples, encoded: Encoded) -> None:
        self.examples, self.encoded = examples, encoded

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, i: int) -> Feature:
        """How the item is read, target (K,), labels and annotators, task, weight, gold, index; see `blank`."""
        if i < 0:
            there = self[blank(i)]
            return there | {"labels": np.full_like(there["labels"], -1), "weight": np.float32(0)}
        e = self.examples
        return self.encoded.feature(i) | {
            "labels": e.labels[i],
            "annotators": e.annotators[i],
            "task": e.items.task[i],
            "target": e.targets[i].astype(np.float32),
            "weight": np.float32(e.weights[i]),
            "gold": e.items.gold[i],
            "index": e.index[i],
        }


def blank(i: int) -> int:
    """The place of item i without labels and weight, which no loss counts; of such a place the item's own."""
    return -1 - i


class LengthGrouped(Sampler[int]):
    """Random order in which items of like length are neighbours, a function of seed and epoch alone.

    Items are shuffled, cut into chunks of `chunk` batches, and sorted by length inside a chunk; the first batch is the
    one with the longest item, so that too large a batch fails at once. transformers' own sampler draws from the global
    generator, so that a resumed run would see another order.
    """

    def __init__(self, lengths: Sequence[int] | Ints, batch: int, seed: int, chunk: int = 50) -> None:
        self.lengths, self.batch, self.seed, self.chunk = np.asarray(lengths), batch, seed, chunk
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __iter__(self) -> Any:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        size = self.batch * self.chunk
        chunks = [order[i : i + size] for i in range(0, len(order), size)]
        order = np.concatenate([c[np.argsort(-self.lengths[c], kind="stable")] for c in chunks])
        batches = [order[i : i + self.batch] for i in range(0, len(order), self.batch)]
        longest = max(range(len(batches)), key=lambda b: self.lengths[batches[b]].max())
        last = len(batches) - 1  # may be short; a short batch must stay last
        middle = [b for b in rng.permutation(len(batches)) if b not in (longest, last)]
        head = [longest] if longest != last else []
        return iter(np.concatenate([batches[b] for b in [*head, *middle, last]]).tolist())
