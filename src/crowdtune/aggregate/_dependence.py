r"""Annotators who do not answer on their own: copies, one person twice, model judges of one family.

.. math:: E \frac{K 1[l_a = l_b] - 1}{K - 1} = r_a r_b, \qquad r = \frac{K s - 1}{K - 1}

holds of any two who err on their own with reliabilities s and spread errors evenly. A block is a set of annotators who
agree with each other far more than that, where r is what their agreement with everybody else gives. So it needs no
truths, and a block that is the majority cannot vote itself right. Of two explanations, these copy each other or the
others do, the one with the tighter block is taken: people who are right agree less than copies do. Where two camps
answer by different rules that may be either of them; what is found is only that there are two. With truths given, r
comes from them. `metrics.copies` is another question, the audit's: whose single mistakes are another's, given truths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints

SHARED = 20  # items two annotators must share to be judged
TIGHT = 0.25  # dependence from which a block is one
SURE = 4.0  # standard errors of one pair's agreement; the pairs of a block are not independent and count as one
MISFIT = 25.0  # squared standard errors, beside two for each pair, that a block must explain
MOST_PAIRS = 5_000_000  # of labels of one item; above, of a random part of the items
WIDEST = isqrt(MOST_PAIRS)  # labels of an item that alone has as many
MOST = 20  # blocks
NAMED = 8  # annotators of a block named in a sentence
CUTS = np.arange(0.95, 0.2, -0.05)  # agreement from which annotators are linked, the tightest first
STEPS = 50  # of fitting r
PULL = 5.0  # pseudo-items at the crowd's mean r


@dataclass(frozen=True, eq=False)
class Block:
    """Annotators who err together.

    Args:
        members: codes of two annotators or more, ascending.
        dependence: rho in [0, 1]; 1 = copies, 0 = they agree as far as they are right alike.
        effective: how many independent annotators they are worth, m / (1 + (m - 1) rho).
        z: standard errors by which they agree more than they should.
    """

    members: Ints
    dependence: float
    effective: float
    z: float


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of annotators who share items enough.

    Args:
        one: (P,) codes.
        other: (P,) codes, above `one`.
        shared: (P,) items both labelled.
        agreement: (P,) mean of (K 1[same] - 1) / (K - 1) over them; 0 is chance, 1 always.
        choices: K, on average.
        size: J.
    """

    one: Ints
    other: Ints
    shared: Floats
    agreement: Floats
    choices: float
    size: int

    def inside(self, members: Ints) -> Bools:
        """(P,) True for pairs of two members."""
        of = np.zeros(self.size, dtype=bool)
        of[members] = True
        return np.asarray(of[self.one] & of[self.other])


def blocks(annotations: Annotations, posterior: Floats | None = None) -> list[Block]:
    """Blocks of annotators, the tightest first.

    Args:
        annotations: N labels.
        posterior: (I, K) truths, by which annotators are judged; None judges them by their agreement with others.
    """
    pairs = _pairs(_thinned(annotations))
    found, free = list[Block](), np.ones(len(pairs.one), dtype=bool)
    known = None if posterior is None else _known(annotations, posterior)
    while len(found) < MOST:
        plain = known if known is not None else _lone(pairs, free)[0]
        tested = [_tested(pairs, members, free, known) for members in _candidates(pairs, free)]
        real = [block for block in tested if block.z >= SURE and block.dependence >= TIGHT]
        real = real if known is not None else [b for b in real if _needed(pairs, b.members, free, plain)]
        if not real:
            break
        best = max(real, key=lambda block: block.dependence)
        found.append(best)
        free &= ~pairs.inside(best.members)
    return _merged(found)


def block_weights(annotations: Annotations, found: list[Block]) -> Floats:
    """(N,) what each label counts: 1 / (1 + (m - 1) rho) with m labels of its block on the item, else 1."""
    weight = np.ones(len(annotations))
    for block in found:
        rows = np.flatnonzero(np.isin(annotations.annotator, block.members))
        count = np.bincount(annotations.item[rows], minlength=len(annotations.items))[annotations.item[rows]]
        weight[rows] = np.minimum(weight[rows], 1 / (1 + (count - 1) * block.dependence))
    return weight


def told(annotators: Sequence[str], block: Block) -> str:
    """A sentence on a block, without its end."""
    names = [annotators[j] for j in block.members[:NAMED]]
    more = f" and {len(block.members) - NAMED} more" if len(block.members) > NAMED else ""
    return (
        f"{', '.join(names)}{more} agree far more with each other than with the rest (dependence "
        f"{block.dependence:.2f}): they are worth {block.effective:.1f} annotators"
    )


def _pairs(annotations: Annotations) -> Pairs:
    """All pairs that share enough items; of annotators with enough labels alone, so that the rest costs nothing."""
    j, n_choices = len(annotations.annotators), annotations.items.n_choices[annotations.item]
    rows = (annotations.labels_per_annotator >= SHARED)[annotations.annotator] & (n_choices > 1)
    rows &= _sampled(annotations)[annotations.item]
    item, who, label = annotations.item[rows], annotations.annotator[rows], annotations.label[rows]
    k = annotations.items.n_choices[item].astype(float)
    width, n = max(annotations.items.max_choices, 1), len(annotations.items)

    import scipy.sparse as sp  # here, so that `crowdtune --help` does not wait for it

    def meet(column: Ints, weight: Floats, size: int) -> Any:
        one = sp.csr_array((np.ones(len(who)), (who, column)), shape=(j, size))
        other = sp.csr_array((weight, (who, column)), shape=(j, size))
        return sp.triu(one @ other.T, k=1, format="csr")

    shared = meet(item, np.ones(len(item)), n).tocoo()
    kept = shared.data >= SHARED
    one, other, count = shared.row[kept].astype(np.int64), shared.col[kept].astype(np.int64), shared.data[kept]
    if not len(one):
        return Pairs(one, other, count, count, 2.0, j)
    excess = meet(item * width + label, k / (k - 1), n * width) - meet(item, 1 / (k - 1), n)
    agreement = np.asarray(excess[one, other]).ravel() / count
    return Pairs(one, other, count, agreement, float(k.mean()), j)


def _thinned(annotations: Annotations) -> Annotations:
    """Annotations in which no item alone has more pairs of labels than are looked at; its labels are drawn."""
    if annotations.labels_per_item.max(initial=0) <= WIDEST:
        return annotations
    return annotations.thin(WIDEST, np.random.default_rng(0))


def _sampled(annotations: Annotations) -> Bools:
    """(I,) True for all items, or for a random part where pairs of labels are too many."""
    cost = annotations.labels_per_item.astype(float) ** 2
    order = np.random.default_rng(0).permutation(len(cost))
    kept = np.zeros(len(cost), dtype=bool)
    kept[order[: int(np.searchsorted(np.cumsum(cost[order]), MOST_PAIRS)) + 1]] = True
    return kept


def _candidates(pairs: Pairs, free: Bools) -> list[Ints]:
    """Sets of annotators linked by agreement, at falling cuts; those that leave nobody to compare with are none."""
    found: dict[bytes, Ints] = {}
    judged = len(np.unique(np.concatenate([pairs.one, pairs.other]))) if len(pairs.one) else 0
    for cut in CUTS:
        kept = free & (pairs.agreement >= cut)
        part = _components(pairs.one[kept], pairs.other[kept], pairs.size)
        size = np.bincount(part)
        for p in np.flatnonzero((size > 1) & (size <= judged - 2)).tolist():
            members = np.flatnonzero(part == p)
            found[members.tobytes()] = members
    return sorted(found.values(), key=len)[: 5 * MOST]


def _tested(pairs: Pairs, members: Ints, free: Bools, known: Floats | None) -> Block:
    """How far a set of annotators is a block."""
    inside = pairs.inside(members)
    r, doubt = _lone(pairs, free & ~inside) if known is None else (known, np.zeros(pairs.size))
    inside &= free
    one, other, n = pairs.one[inside], pairs.other[inside], pairs.shared[inside]
    expected = r[one] * r[other]
    excess = float((n * (pairs.agreement[inside] - expected)).sum() / n.sum())
    room = float((n * (1 - expected)).sum() / n.sum())
    noise = _noise(pairs, r[pairs.one] * r[pairs.other])[inside]
    noise += r[one] ** 2 * doubt[other] + r[other] ** 2 * doubt[one]
    error = float(np.sqrt((n * noise).sum() / n.sum() + 1e-12))
    rho = float(np.clip(excess / max(room, 1e-6), 0, 1))
    return Block(members, rho, len(members) / (1 + (len(members) - 1) * rho), excess / error)


def _needed(pairs: Pairs, members: Ints, free: Bools, plain: Floats) -> bool:
    """Whether agreement is explained far better with these members as a block, and all r are told by pairs outside it.

    r is told where annotators outside agree with each other as well: of members and outsiders alone only products are.
    """
    inside = pairs.inside(members) & free
    used = free & ~inside
    ends = np.concatenate([pairs.one[used], pairs.other[used]]), np.concatenate([pairs.other[used], pairs.one[used]])
    part = _components(ends[0], ends[1] + pairs.size, 2 * pairs.size)  # a node and its twin meet where a cycle is odd
    if (part[members] != part[members + pairs.size]).any():
        return False
    r, _ = _lone(pairs, used)
    before, after = _misfit(pairs, plain), np.where(inside, 0.0, _misfit(pairs, r))
    return float((before - after)[free].sum()) >= MISFIT + 2 * float(inside.sum())


def _components(one: Ints, other: Ints, size: int) -> Ints:
    """(size,) code of the connected component of each node."""
    import scipy.sparse as sp
    from scipy.sparse.csgraph import connected_components

    links = sp.coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _misfit(pairs: Pairs, r: Floats) -> Floats:
    """(P,) squared standard errors between the agreement of a pair and what r expects."""
    expected = r[pairs.one] * r[pairs.other]
    return np.asarray((pairs.agreement - expected) ** 2 / _noise(pairs, expected))


def _noise(pairs: Pairs, expected: Floats) -> Floats:
    """(P,) variance of a pair's agreement."""
    same = (1 + (pairs.choices - 1) * expected) / pairs.choices
    return np.asarray((pairs.choices / (pairs.choices - 1)) ** 2 * np.maximum(same * (1 - same), 0.01) / pairs.shared)


def _lone(pairs: Pairs, used: Bools) -> tuple[Floats, Floats]:
    """(J,) r that explains best how the `used` pairs agree, and (J,) the variance of each."""
    one, other = (
        np.concatenate(ends)[np.tile(used, 2)] for ends in ((pairs.one, pairs.other), (pairs.other, pairs.one))
    )
    n, agreement = np.tile(pairs.shared, 2)[np.tile(used, 2)], np.tile(pairs.agreement, 2)[np.tile(used, 2)]
    mean = float((n * agreement).sum() / n.sum()) if len(n) else 0.0
    r = np.full(pairs.size, np.sqrt(max(mean, 0.01)))
    seen = np.bincount(one, minlength=pairs.size) > 0
    weight: Floats = np.zeros(pairs.size)
    for _ in range(STEPS):
        weight = np.asarray(np.bincount(one, n * r[other] ** 2, pairs.size), dtype=np.float64)
        usual = float(r[seen].mean()) if seen.any() else 0.0
        best = (np.bincount(one, n * agreement * r[other], pairs.size) + PULL * usual) / (weight + PULL)
        r = (r + np.clip(best, -1, 1)) / 2
    return r, (pairs.choices / (pairs.choices - 1)) ** 2 * 0.25 / (weight + PULL)


def _known(annotations: Annotations, posterior: Floats) -> Floats:
    """(J,) r of each annotator against given truths, shrunk to the crowd's."""
    k = np.maximum(annotations.items.n_choices[annotations.item], 2)
    value = (k * posterior[annotations.item, annotations.label] - 1) / (k - 1)
    total = np.bincount(annotations.annotator, value, len(annotations.annotators))
    usual = float(value.mean()) if len(value) else 0.0
    return np.asarray(np.clip((total + PULL * usual) / (annotations.labels_per_annotator + PULL), -1, 1))


def _merged(found: list[Block]) -> list[Block]:
    """Blocks with members in common made one, of the mean dependence of its parts."""
    whole: list[Block] = []
    for block in found:
        touching = [w for w in whole if np.isin(w.members, block.members).any()]
        parts = [*touching, block]
        members = np.unique(np.concatenate([p.members for p in parts]))
        rho = float(np.average([p.dependence for p in parts], weights=[len(p.members) for p in parts]))
        joined = replace(
            parts[0], members=members, dependence=rho, effective=len(members) / (1 + (len(members) - 1) * rho)
        )
        whole = [w for w in whole if w not in touching] + [joined if touching else block]
    return whole
