"""A batch in one row: no token of padding, and what prompts or texts have in common is read once.

The segments of a batch are a tree. Its root is what all prompts begin with; what each goes on with are the root's
children, the texts that are choices after a prompt are that prompt's. A token looks at those before it on the way from
the root. Matrix products see the row; only attention lays the segments of a level side by side (`attention.attend`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.annotations import Bools, Ints

Ids = Sequence[int]


@dataclass(frozen=True, eq=False)
class Level:
    """Segments of one depth.

    Args:
        own: (n, S) places of the tokens of n segments among those of the level; 0 where padded.
        real: (n, S) False where padded.
        parent: (n,) place among the segments one level up.
        seen: (n, A) what lies above each: True for its tokens, False for padding between them.
    """

    own: Ints
    real: Bools
    parent: Ints
    seen: Bools

    def tensors(self) -> list[Tensor]:
        """Own; where each token is there; parents; mask (n, 1, S, A + S) of what a token sees, empty if A is 0."""
        (count, length), above = self.own.shape, self.seen.shape[1]
        mask = np.zeros((0,), dtype=bool)
        if above:
            seen = np.broadcast_to(self.seen[:, None], (count, length, above))
            earlier = np.broadcast_to(np.tri(length, dtype=bool), (count, length, length))
            mask = np.concatenate([seen, earlier], axis=2)[:, None]
        parts = (self.own, np.flatnonzero(self.real), self.parent, mask)
        return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]


def pack(prompts: Sequence[Ids], texts: Sequence[Sequence[Ids]] = ()) -> dict[str, Any]:
    """Lay out a batch.

    Args:
        prompts: B lists of token ids, none empty.
        texts: B x K lists of token ids that go on from them; () where choices are single tokens.

    Returns:
        row and position (1, N); ends (B,), the place of each prompt's last token; before (R, L), of R texts that are
        not empty, in their order, the place of the token before each of theirs, 0 where padded; levels, as
        `attention.attend` takes them.
    """
    shared = common(prompts)
    written = [(i, ids) for i, own in enumerate(texts) for ids in own if len(ids)]
    later = [(i, ids[:-1]) for i, ids in written if len(ids) > 1]  # nothing follows the last token of a text
    root = [(0, prompts[0][:shared])] if shared else []
    tree = [root, [(0, prompt[shared:]) for prompt in prompts], later]  # (parent, tokens) of each segment
    begins = [[0], [shared] * len(prompts), [len(prompts[i]) for i, _ in later]]
    levels: list[Level] = []
    for segments in filter(None, tree):
        levels.append(_level(segments, levels[-1] if levels else None))
    tokens = [np.asarray(ids, dtype=np.int64) for segments in tree for _, ids in segments]
    position = [
        np.arange(begin, begin + len(ids))
        for segments, own in zip(tree, begins, strict=True)
        for (_, ids), begin in zip(segments, own, strict=False)
    ]
    ends = shared + np.cumsum([len(ids) for _, ids in tree[1]]) - 1
    return {
        "row": torch.from_numpy(np.concatenate(tokens))[None],
        "position": torch.from_numpy(np.concatenate(position))[None],
        "ends": torch.from_numpy(ends),
        "before": torch.from_numpy(_before(written, ends)),
        "levels": [level.tensors() for level in levels],
    }


def common(prompts: Sequence[Ids]) -> int:
    """How many tokens all of several prompts begin with, one at least left of each; 0 where there is but one."""
    most = min(map(len, prompts)) - 1 if len(prompts) > 1 else 0
    first, last = min(prompts, key=list), max(prompts, key=list)  # what these two share, all between them share
    return next((place for place in range(most) if first[place] != last[place]), max(most, 0))


def _level(segments: Sequence[tuple[int, Ids]], above: Level | None) -> Level:
    """Segments that follow each other in the row, below those of another level."""
    parent, sizes = np.array([(i, len(ids)) for i, ids in segments]).T
    real = np.arange(sizes.max()) < sizes[:, None]
    own = np.where(real, (np.cumsum(sizes) - sizes)[:, None] + np.arange(sizes.max()), 0)
    if above is None:
        return Level(own, real, parent, np.zeros((len(sizes), 0), dtype=bool))
    return Level(own, real, parent, np.concatenate([above.seen, above.real], axis=1)[parent])


def _before(written: Sequence[tuple[int, Ids]], ends: Ints) -> Ints:
    """(R, L) place of the token before each token of a text: the prompt's last, then the text's own."""
    table = np.zeros((len(written), max((len(ids) for _, ids in written), default=1)), dtype=np.int64)
    begin = int(ends[-1]) + 1
    for row, (i, ids) in zip(table, written, strict=True):
        row[0] = ends[i]
        row[1 : len(ids)] = np.arange(begin, begin + len(ids) - 1)
        begin += len(ids) - 1
    return table
