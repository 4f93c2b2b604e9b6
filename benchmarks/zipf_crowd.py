"""A large synthetic crowd: few annotators do most of the work, choices are skewed, and not everybody tries."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items

CHOICES = np.array([0.4, 0.25, 0.18, 0.12, 0.05])  # shares of the K = 5 truths
KINDS = (0.6, 0.25, 0.1, 0.05)  # shares of good, mediocre, random and constant annotators
GOOD, MEDIOCRE = (0.75, 0.95), (0.45, 0.7)  # least and highest reliability
SIZES = {10_000: 1_000, 100_000: 2_000, 1_000_000: 5_000, 10_000_000: 20_000}  # labels -> annotators
THIN_AND_FULL = (  # labels, annotators, labels per item
    (10_000, 200, 3),
    (10_000, 200, 5),
    (10_000, 1_000, 5),
    (100_000, 2_000, 5),
    (100_000, 20_000, 5),
    (300_000, 5_000, 3),
)


def zipf_crowd(labels: int, annotators: int, per_item: int = 5, seed: int = 0) -> tuple[Annotations, Floats]:
    """About `labels` labels, `per_item` of each item or fewer, with gold; and the (J,) reliabilities planted."""
    rng = np.random.default_rng(seed)
    k, n = len(CHOICES), max(labels // per_item, 1)
    truth = rng.choice(k, size=n, p=CHOICES)
    share = 1 / np.arange(1, annotators + 1)
    who = rng.choice(annotators, size=n * per_item, p=rng.permutation(share / share.sum()))
    item = np.repeat(np.arange(n), per_item)
    order = np.lexsort((who, item))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (item[order][1:] == item[order][:-1]) & (who[order][1:] == who[order][:-1])
    kept = np.sort(order[~again])
    item, who = item[kept], who[kept]
    confusion = matrices(annotators, rng)
    ends = confusion.cumsum(axis=2).astype(np.float32)
    label = np.zeros(len(item), dtype=np.int64)
    drawn = rng.random(len(item), dtype=np.float32)
    for c in range(k - 1):
        label += drawn > ends[who, truth[item], c]
    reliability = (confusion.diagonal(axis1=1, axis2=2) * CHOICES).sum(axis=1)
    return annotations(item, who, label, truth, annotators), reliability


def annotations(item: Ints, who: Ints, label: Ints, truth: Ints, annotators: int) -> Annotations:
    """Annotations of one task from codes; names are short texts."""
    n, none = len(truth), np.zeros(len(truth), dtype=np.int64)
    names = [f"i{i}" for i in range(n)]
    items = Items(names, [""] * n, [tuple("abcde")], none, ["t"], none, truth, [""] * n)
    return Annotations(items, [f"a{j}" for j in range(annotators)], item, who, label)


def matrices(annotators: int, rng: np.random.Generator) -> Floats:
    """(J, K, K) confusion of good annotators, mediocre ones who err towards a favourite, random and constant ones."""
    k = len(CHOICES)
    kind = rng.choice(4, size=annotators, p=KINDS)
    right = np.where(kind == 0, rng.uniform(*GOOD, annotators), rng.uniform(*MEDIOCRE, annotators))
    spread = rng.dirichlet(np.full(k, 0.5), size=annotators)[:, None, :] * (1 - np.eye(k)) + 1e-3 * (1 - np.eye(k))
    even = np.broadcast_to((1 - np.eye(k)) / (k - 1), spread.shape)
    errors = np.where((kind == 1)[:, None, None], spread / spread.sum(axis=2, keepdims=True), even)
    made = right[:, None, None] * np.eye(k) + (1 - right)[:, None, None] * errors
    made[kind == 2] = 1 / k
    made[kind == 3] = np.eye(k)[rng.integers(k, size=int((kind == 3).sum()))][:, None, :]
    return np.asarray(made)
