"""Groups from what is known of pairs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crowdtune.annotations import Floats, Ints

ROUNDING = 1e-12  # by which a likeness may miss the threshold


def linked(alike: Floats, threshold: float) -> Ints:
    """(A,) groups of average linkage.

    Args:
        alike: (A, A) how alike answers are, symmetric.
        threshold: groups are one where their mean likeness is at or above it.
    """
    far = np.maximum(1 - alike[np.triu_indices(len(alike), 1)], 0.0)
    if not (far <= 1 - threshold + ROUNDING).any():
        return np.arange(len(alike))
    cut: Ints = fcluster(linkage(far, "average"), 1 - threshold + ROUNDING, "distance").astype(np.int64)
    return cut - 1


def places(keys: Sequence[Hashable]) -> Ints:
    """(A,) place of each key among the distinct ones."""
    met: dict[Hashable, int] = {}
    return np.array([met.setdefault(key, len(met)) for key in keys], dtype=np.int64)


def components(links: Ints, size: int) -> Ints:
    """(A,) which answers hang together."""
    graph = coo_array((np.ones(links.shape[1], dtype=bool), (links[0], links[1])), shape=(size, size))
    found: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return found
