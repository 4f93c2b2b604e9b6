"""Oracles: crowd-kit and cleanlab, independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.zipf_crowd import zipf_crowd
from scipy.stats import spearmanr

from crowdtune.aggregate import aggregator, crowdlab, medoid
from crowdtune.aggregate.bradley_terry import compared, scores_of
from crowdtune.aggregate.dawid_skene import DawidSkene
from crowdtune.aggregate.mace import Mace
from tests.aggregate.test_bradley_terry import comparers
from tests.aggregate.test_medoid import cosine, writers
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


def test_bradley_terry() -> None:
    """Scores of known outcomes without a prior, and the ranking of a crowd that errs, against crowd-kit.

    A tolerance below 0 is needed: crowd-kit's compares an array with itself and stops after two of its steps.
    """
    peers, pandas = pytest.importorskip("crowdkit.aggregation"), pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    planted = rng.normal(0, 1, 12)
    made = comparers(planted, 1500, 1, rng.uniform(0.6, 0.95, 15), rng)
    things, pairs = compared(made)
    left, right = ([things[p] for p in pairs[made.item, side]] for side in (0, 1))
    better = [things[p] for p in pairs[made.item, made.label]]
    frame = pandas.DataFrame({"worker": made.annotator, "left": left, "right": right, "label": better})
    theirs = np.log(peers.BradleyTerry(n_iter=2000, tol=-1).fit_predict(frame).loc[things].to_numpy())
    wanted = np.eye(2)[made.label]
    ours = scores_of(wanted, pairs[made.item], len(things), np.zeros(len(things) + 1), variance=1e12)[:-1]
    np.testing.assert_allclose(ours, theirs - theirs.mean(), atol=1e-3)
    noisy = peers.NoisyBradleyTerry(n_iter=100, random_state=0).fit_predict(frame).loc[things].to_numpy()
    found = aggregator("bradley-terry").fit(made).scores
    ranked = [found[thing] for thing in things]
    truth = [planted[int(thing[1:])] for thing in things]
    assert spearmanr(ranked, noisy)[0] > 0.9
    assert spearmanr(ranked, truth)[0] >= spearmanr(noisy, truth)[0] - 0.03


def test_medoid_is_nearer_to_the_truth_than_rasa_and_the_plain_mean() -> None:
    """Half of the crowd writes at random. crowd-kit's HRRASA does not run with current pandas."""
    pandas = pytest.importorskip("pandas")
    rasa = pytest.importorskip("crowdkit.aggregation.embeddings.rasa")
    rng = np.random.default_rng(0)
    made, table, truth = writers(150, np.array([0.3, 0.5, 0.8, 0.5, 0.8, 9, 9, 9, 9, 9]), 4, rng)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    frame = pandas.DataFrame({"task": made.item, "worker": made.annotator, "output": np.arange(len(made))})
    frame["embedding"] = list(unit)
    theirs = rasa.RASA().fit_predict(frame)["embedding"]
    ours = unit.reshape(150, 4, -1)[np.arange(150), medoid(made, table).posterior.argmax(axis=1)]
    assert cosine(ours, truth) > cosine(np.stack(list(theirs.sort_index())), truth) - 0.01
