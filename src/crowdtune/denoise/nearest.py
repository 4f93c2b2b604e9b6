"""The k nearest of a base of embeddings, by cosine: exact to 1e5 rows, above by an index that misses some."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints, Singles
from crowdtune.errors import InputError

EXACT = 100_000  # rows of a base that is searched whole
BLOCK = 4_000_000  # cosines in memory at once
PAIRS = 8_192  # whose cosines are computed once more, exactly, at once
WIDTH = 64  # rows of the base that share a maximum
DIGITS = 12  # of a cosine; what differs less is equal
CELLS, TRAINED, STEPS, SEED = 512, 40, 10, 0  # of the index: cells, rows of each that place it, of k-means
SEARCHED = 32  # cells
INSTALL = "pip install 'crowdtune[index]'"


def nearest(
    queries: Floats, base: Floats, k: int, *, own: Ints | None = None, allowed: Bools | None = None, exact: int = EXACT
) -> tuple[Ints, Floats]:
    """Find the k rows of a base most like each query.

    Args:
        queries: (Q, D) embeddings of any length; only cosines count, and a row of zeros has the cosine 0 with all.
        base: (B, D) embeddings to choose from.
        k: how many, at least 1.
        own: (Q,) each query's own place in the base, which is never chosen for it; -1 where it is not there.
        allowed: (B,) which rows of the base may be chosen; None for all.
        exact: most allowed rows that are searched whole. Of more an index looks at the likeliest sixteenth: see
            docs/log.md for what it misses.

    Returns:
        (Q, k) places in the base, the most alike first, equal ones by their place; -1 where fewer than k may be
        chosen. (Q, k) their cosines, NaN there.
    """
    queries, base = _checked(queries, "queries"), _checked(base, "base")
    _check_alike(queries, base, k, own, allowed)
    place = np.arange(len(base)) if allowed is None else np.flatnonzero(allowed)
    if own is None:
        own = np.full(len(queries), -1)
    index, cosine = np.full((len(queries), k), -1), np.full((len(queries), k), np.nan)
    if not len(place) or not len(queries):
        return index, cosine
    members = _Members(base, place, k + 1)
    found = partial(_likely, members.units) if len(place) <= exact else partial(_found, _index(members.units))
    step = max(1, BLOCK // len(members.units))
    for begin in range(0, len(queries), step):
        part = slice(begin, begin + step)
        units = _unit(queries[part])
        row, group = found(units.astype(np.float32), k + 1)
        _fill(index[part], cosine[part], members.expanded(units, row, group), own[part])
    return index, cosine


class _Members:
    """The rows of a base that may be chosen, equal ones once: whole data sets repeat a text.

    Attributes:
        units: (U, D) the distinct rows, of length 1.
        places: (U, m) places in the base of each one's first m members, -1 where there are fewer.
    """

    def __init__(self, base: Floats, place: Ints, m: int) -> None:
        rows = base[place]
        rows += 0  # no negative zeros: equal rows have equal bytes
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        self.places = np.full((len(first), min(m, int(rank.max()) + 1)), -1)
        among = rank < m
        self.places[group[order[among]], rank[among]] = place[order[among]]
        self.base = base
        self.units = np.zeros((len(first), base.shape[1]), dtype=np.float32)
        for begin in range(0, len(first), PAIRS):
            part = slice(begin, begin + PAIRS)
            self.units[part] = _unit(base[self.places[part, 0]])

    def expanded(self, queries: Floats, row: Ints, group: Ints) -> tuple[Ints, Ints, Floats]:
        """Rows of queries, places in the base and cosines of pairs of a query and a distinct row."""
        cosine = np.zeros(len(row))
        for begin in range(0, len(row), PAIRS):
            part = slice(begin, begin + PAIRS)
            theirs = _unit(self.base[self.places[group[part], 0]])
            cosine[part] = (queries[row[part]] * theirs).sum(axis=1)
        pair, member = np.nonzero(self.places[group] >= 0)
        return row[pair], self.places[group[pair], member], np.round(cosine, DIGITS)[pair]


def _fill(index: Ints, cosine: Floats, found: tuple[Ints, Ints, Floats], own: Ints) -> None:
    """Write the first of each query's pairs into its row."""
    row, place, value = (part[found[1] != own[found[0]]] for part in found)
    order = np.lexsort((place, -value, row))
    row, place, value = row[order], place[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    among = rank < index.shape[1]
    index[row[among], rank[among]] = place[among]
    cosine[row[among], rank[among]] = value[among]


def _likely(units: Singles, queries: Singles, k: int) -> tuple[Ints, Ints]:
    """Pairs of a query and a row of `units` that hold each query's k nearest, and few others.

    The k-th largest of the maxima of `WIDTH` rows each is no larger than the k-th largest cosine of all, and finding
    it takes a fraction of the time of sorting all. What is near it by float32's error counts as larger.
    """
    u = len(units)
    table = queries @ units.T
    whole = u - u % WIDTH
    maxima = table[:, :whole].reshape(len(queries), -1, WIDTH).max(axis=2)
    maxima = np.concatenate([maxima, table[:, whole:]], axis=1)
    if maxima.shape[1] > k:
        least = np.partition(maxima, -k, axis=1)[:, -k, None]
    else:
        least = np.sort(table, axis=1)[:, -min(k, u), None]
    error = np.float32((queries.shape[1] + 4) * np.finfo(np.float32).eps)  # of two sums of D products, at most
    row, group = np.nonzero(table >= least - error)
    return row, group


def _index(units: Singles) -> Any:
    """An inverted file over rows of length 1: k-means cells, of which a query's nearest are searched."""
    try:
        import faiss
    except ImportError as e:
        raise InputError(
            f"{len(units)} clean items are too many to compare each with each. Run: {INSTALL}; or raise `exact`."
        ) from e
    d = units.shape[1]
    made = faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, CELLS, faiss.METRIC_INNER_PRODUCT)
    made.cp.niter, made.cp.max_points_per_centroid, made.cp.seed, made.cp.spherical = STEPS, TRAINED, SEED, True
    made.train(units)
    made.add(units)
    made.nprobe = SEARCHED
    return made


def _found(index: Any, queries: Singles, k: int) -> tuple[Ints, Ints]:
    """Pairs of a query and a row that an index finds."""
    _, found = index.search(queries, k)
    row, column = np.nonzero(found >= 0)
    return row, found[row, column].astype(np.int64)


def _unit(rows: Floats) -> Floats:
    """Rows of length 1, in float64; of zeros stay so."""
    wide = rows.astype(np.float64)
    wide /= np.abs(wide).max(axis=1, keepdims=True, initial=np.finfo(np.float64).tiny)
    norm = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return np.asarray(wide / np.where(norm > 0, norm, 1.0))


def _checked(rows: Floats, name: str) -> Floats:
    """A table of finite numbers."""
    table = np.asarray(rows)
    if table.ndim != 2 or table.dtype.kind not in "fiu" or not table.shape[1]:
        raise InputError(f"{name} must be a table of embeddings, a row each, not {table.dtype} of shape {table.shape}.")
    odd = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(odd):
        raise InputError(f"row {odd[0]} of {name} holds a number that is none (NaN or infinite). Embed it again.")
    return table


def _check_alike(queries: Floats, base: Floats, k: int, own: Ints | None, allowed: Bools | None) -> None:
    if queries.shape[1] != base.shape[1]:
        raise InputError(f"queries are {queries.shape[1]} wide and base {base.shape[1]}. Embed both by one model.")
    if k < 1:
        raise InputError(f"k={k} must be at least 1.")
    if own is not None and (own.shape != (len(queries),) or (own < -1).any() or (own >= len(base)).any()):
        raise InputError(f"own must name a place in the base, 0 to {len(base) - 1}, or -1, for each of the queries.")
    if allowed is not None and (allowed.shape != (len(base),) or allowed.dtype != bool):
        raise InputError(f"allowed must say True or False of each of {len(base)} rows of the base.")
