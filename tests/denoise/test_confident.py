"""Which labels confident learning calls noisy. Oracle: cleanlab, an independent implementation; hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from crowdtune.annotations import Floats, Ints
from crowdtune.denoise.confident import confident_joint, noisy_labels


def noisy(n: int, k: int, share: float, seed: int) -> tuple[Ints, Floats]:
    """(I,) labels, a share of them wrong, and (I, K) probabilities of a classifier that is often right."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, size=n, p=softmax(rng.normal(size=k)))
    label = np.where(rng.random(n) < share, rng.integers(k, size=n), truth)
    return label, softmax(2 * np.eye(k)[truth] + rng.normal(size=(n, k)), axis=1)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("n", "k", "share"), [(400, 3, 0.3), (400, 3, 0.7), (1000, 5, 0.5), (240, 4, 0.6), (300, 2, 0.4)]
)
def test_cleanlab_calls_the_same_labels_noisy(n: int, k: int, share: float) -> None:
    count, filters = pytest.importorskip("cleanlab.count"), pytest.importorskip("cleanlab.filter")
    for seed in range(5):
        label, p = noisy(n, k, share, seed)
        counted = count.compute_confident_joint(label, p)
        assert np.abs(confident_joint(label, p) - counted).max() <= 1  # halves may be rounded another way
        theirs = filters.find_label_issues(label, p, filter_by="prune_by_noise_rate", n_jobs=1)
        assert (noisy_labels(label, p) != theirs).sum() <= (confident_joint(label, p) != counted).any()


def test_the_joint_by_hand() -> None:
    """Thresholds 0.6 and 0.75. Confident: (0, 0), (0, 0), (0, 1), (1, 1), and (1, 0); item 4 reaches none."""
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.15, 0.85], [0.3, 0.7], [0.6, 0.4]])
    label = np.array([0, 0, 0, 1, 1, 0])
    np.testing.assert_allclose([p[label == 0, 0].mean(), p[label == 1, 1].mean()], [0.6, 0.775])
    assert confident_joint(label, p).tolist() == [[3, 1], [0, 2]]
    assert noisy_labels(label, p).tolist() == [False, False, True, False, False, False]


def test_a_label_the_classifier_finds_likeliest_is_never_noisy_and_one_of_each_choice_stays() -> None:
    for seed in range(20):
        label, p = noisy(50, 4, 0.8, seed)
        found = noisy_labels(label, p)
        assert not found[p.argmax(axis=1) == label].any()
        assert set(label[~found]) == set(label)


def test_a_choice_nobody_gave_is_no_truth() -> None:
    label, p = noisy(100, 3, 0.3, 0)
    label = np.where(label == 2, 1, label)
    assert confident_joint(label, p)[:, 2].sum() == 0
