"""Oracle: what can be known at all of one annotator, or of one label an item: as much as that label says."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.aggregate import aggregator, intervals
from tests.crowds import crowd, make_items

NAMES = ["dawid-skene", "glad", "mace", "majority", "one-coin", "wawa"]


@pytest.mark.parametrize("name", NAMES)
def test_one_annotator(name: str) -> None:
    annotations = crowd(make_items([-1] * 30, ("a", "b", "c")), [(i, 0, i % 3) for i in range(30)])
    posterior = aggregator(name).fit(annotations).posterior
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    assert (posterior.argmax(axis=1) == np.arange(30) % 3).all()
    low, high = (intervals(annotations, posterior)[f"reliability_{end}"][0] for end in ("low", "high"))
    assert high - low > 0.4


@pytest.mark.parametrize("name", NAMES)
def test_one_label_of_an_item(name: str) -> None:
    annotations = crowd(make_items([-1] * 40), [(i, i % 4, (i // 4) % 2) for i in range(40)])
    posterior = aggregator(name).fit(annotations).posterior
    assert (posterior.argmax(axis=1) == (np.arange(40) // 4) % 2).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_tie_of_equals_stays_open(name: str) -> None:
    """Two annotators who agree on half of the items, and disagree as often one way as the other."""
    table = [(i, j, (i % 2) ^ (j * (i % 4 > 1))) for i in range(40) for j in range(2)]
    posterior = aggregator(name).fit(crowd(make_items([-1] * 40), table)).posterior
    open_items = np.arange(40) % 4 > 1
    np.testing.assert_allclose(posterior[open_items], 0.5, atol=1e-6)
    assert (posterior[~open_items].max(axis=1) > 0.5).all()
