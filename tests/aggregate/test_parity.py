"""Oracle: crowd-kit, an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.aggregate import aggregator
from crowdtune.aggregate.dawid_skene import DawidSkene
from tests.crowds import lopsided

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

annotations = lopsided(300, np.random.default_rng(4), missing=0.3)


def test_dawid_skene() -> None:
    """With crowd-kit's early stop off (it compares a rising bound with a tolerance) both take the same 20 steps."""
    peers = pytest.importorskip("crowdkit.aggregation")
    theirs = peers.DawidSkene(n_iter=20, tol=-1e9).fit_predict_proba(_frame()).sort_index()
    ours = DawidSkene(prior=0, max_steps=20, tolerance=-1e9).fit(annotations).posterior
    np.testing.assert_allclose(ours[theirs.index], theirs[[0, 1, 2]].to_numpy(), atol=1e-6)


def test_majority() -> None:
    """Where one choice leads; crowd-kit breaks ties by sort order, ours stay open."""
    peers = pytest.importorskip("crowdkit.aggregation")
    theirs = peers.MajorityVote().fit_predict(_frame()).sort_index()
    ours = aggregator("majority").fit(annotations).posterior
    clear = (ours[theirs.index].max(axis=1) == 1).nonzero()[0]
    assert len(clear) > 200
    assert (ours[theirs.index].argmax(axis=1) == theirs.to_numpy())[clear].all()


def _frame() -> object:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"task": annotations.item, "worker": annotations.annotator, "label": annotations.label})
