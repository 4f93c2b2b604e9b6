"""Oracles: crowd-kit and cleanlab, independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.zipf_crowd import zipf_crowd

from crowdtune.aggregate import aggregator, crowdlab
from crowdtune.aggregate.dawid_skene import DawidSkene
from crowdtune.aggregate.mace import Mace
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


def test_wawa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their check for being fitted fails under today's scikit-learn. Shares differ where they break a tied majority."""
    peers = pytest.importorskip("crowdkit.aggregation")
    wawa = pytest.importorskip("crowdkit.aggregation.classification.wawa")
    monkeypatch.setattr(wawa, "check_is_fitted", lambda *_, **__: None)
    theirs = peers.Wawa().fit_predict_proba(_frame()).sort_index().fillna(0)
    ours = aggregator("wawa").fit(annotations).posterior[theirs.index]
    np.testing.assert_allclose(ours, theirs[[0, 1, 2]].to_numpy(), atol=0.01)
    assert (ours.argmax(axis=1) == theirs[[0, 1, 2]].to_numpy().argmax(axis=1)).mean() > 0.99


def test_mace() -> None:
    """Ids in order of appearance: else crowd-kit gives the habits of annotators and choices to others of them."""
    peers, pandas = pytest.importorskip("crowdkit.aggregation"), pytest.importorskip("pandas")
    who, _ = pandas.factorize(annotations.annotator)
    label, names = pandas.factorize(annotations.label)
    frame = pandas.DataFrame({"task": annotations.item, "worker": who, "label": label})
    theirs = peers.MACE(n_restarts=1, n_iter=100).fit_predict_proba(frame).sort_index()
    ours = Mace(max_steps=1000, tolerance=1e-12).fit(annotations).posterior[theirs.index][:, names]
    np.testing.assert_allclose(ours, theirs[[0, 1, 2]].to_numpy(), atol=1e-4)


def test_glad() -> None:
    """Their M-step stops early and moves both kinds at once; all but an item in a hundred have the same answer."""
    peers = pytest.importorskip("crowdkit.aggregation")
    theirs = peers.GLAD(n_iter=100).fit_predict_proba(_frame()).sort_index()[[0, 1, 2]]
    ours = aggregator("glad").fit(annotations).posterior[theirs.index]
    assert (ours.argmax(axis=1) == theirs.to_numpy().argmax(axis=1)).mean() >= 0.99
    assert np.abs(ours - theirs.to_numpy()).mean() < 0.01


def test_dawid_skene_of_a_large_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 labels by 2,000 annotators, twenty steps of both, probabilities of 0 taken for 1e-10 as they do."""
    monkeypatch.setattr("crowdtune.aggregate.dawid_skene.TINY", 1e-10)
    peers, pandas = pytest.importorskip("crowdkit.aggregation"), pytest.importorskip("pandas")
    made, _ = zipf_crowd(100_000, 2_000)
    frame = pandas.DataFrame({"task": made.item, "worker": made.annotator, "label": made.label})
    theirs = peers.DawidSkene(n_iter=20, tol=-1e9).fit_predict_proba(frame).sort_index()[list(range(5))]
    ours = DawidSkene(prior=0, max_steps=20, tolerance=-1e9).fit(made).posterior[theirs.index]
    assert (ours.argmax(axis=1) == theirs.to_numpy().argmax(axis=1)).mean() > 0.999
    assert (np.abs(ours - theirs.to_numpy()).max(axis=1) < 1e-3).mean() > 0.99


def _frame() -> object:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"task": annotations.item, "worker": annotations.annotator, "label": annotations.label})


@pytest.mark.parametrize("missing", [0.3, 0.8])
def test_crowdlab(missing: float) -> None:
    """cleanlab's defaults: its consensus, its weights, its quality of a label: the posterior of the choice given."""
    peer = pytest.importorskip("cleanlab.multiannotator")
    rng = np.random.default_rng(4)
    made = lopsided(300, rng, missing)
    made = made.take_items(np.flatnonzero(made.labels_per_item))
    model = rng.dirichlet(np.ones(3), len(made.items)) + np.eye(3)[made.items.gold]
    model /= model.sum(axis=1, keepdims=True)
    wide = np.full((len(made.items), 7), np.nan)
    wide[made.item, made.annotator] = made.label
    theirs = peer.get_label_quality_multiannotator(wide, model, return_weights=True, verbose=False)
    ours = crowdlab(made, model)
    np.testing.assert_allclose(ours.model_weight, theirs["model_weight"])
    np.testing.assert_allclose(ours.annotator_weights, theirs["annotator_weight"])
    quality = theirs["detailed_label_quality"].to_numpy()[made.item, made.annotator]
    np.testing.assert_allclose(ours.posterior[made.item, made.label], quality)
    best = theirs["label_quality"]["consensus_label"].to_numpy()
    np.testing.assert_array_equal(ours.posterior.argmax(axis=1), best)
    assert (made.votes.argmax(axis=1) != best).any()
