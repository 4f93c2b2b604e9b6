"""Oracle: crowd-kit, an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.aggregate import vote_shares
from crowdtune.em.coin import coin
from crowdtune.em.given import given
from crowdtune.em.solve import solve
from tests.crowds import lopsided

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


def test_one_coin() -> None:
    """Its stop off, our prior off: the same 20 steps. It learns class shares: we hand them in as the model's answer."""
    peers = pytest.importorskip("crowdkit.aggregation")
    pandas = pytest.importorskip("pandas")
    annotations = lopsided(300, np.random.default_rng(4), missing=0.3)
    annotations = annotations.take_items(np.flatnonzero(annotations.labels_per_item > 0))
    frame = pandas.DataFrame({"task": annotations.item, "worker": annotations.annotator, "label": annotations.label})
    theirs = peers.OneCoinDawidSkene(n_iter=20, tol=-1e9).fit(frame)
    found, posterior = given(annotations), vote_shares(annotations)
    for _ in range(20):
        shares = np.tile(np.log(posterior.mean(axis=0)), (len(posterior), 1))
        fit = solve(shares, found, coin(found, 1.0, 1.0), start=posterior, sharpness=1.0, steps=1)
        posterior = fit.posterior
    expected = theirs.probas_.sort_index()[[0, 1, 2]].to_numpy()
    np.testing.assert_allclose(posterior, expected, atol=1e-6)
    again = coin(found, 1.0, 1.0).refit(found, posterior)
    np.testing.assert_allclose(again.reliability, theirs.skills_.sort_index().to_numpy(), atol=1e-6)
