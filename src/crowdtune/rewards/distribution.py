r"""How near a written distribution is to the one people gave, and how much its item counts.

A policy gradient moves by advantages: a rollout's reward less the mean of its item's rollouts. A factor on all rewards
of an item is a factor on its advantages, so `weighted` acts under `scale_rewards="none"` and "batch". Under "group" TRL
divides by the standard deviation of the item's rewards, and any factor cancels. SHALA's weight with that normalisation
is `weighted(scale="group")`: the division is done here, the factor put on after it, and TRL is left at "none".
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.metrics.distances import ambiguity, js_distance
from crowdtune.verbal import Verbal, parse

Completion = str | Sequence[dict[str, Any]]  # a text, or messages of which the last is the answer
STILL = 1e-4  # added to a standard deviation, as TRL does
SCALES = ("none", "group")


def distribution_reward(
    completions: Sequence[Completion],
    target: Sequence[Sequence[float]],
    choices: Sequence[Sequence[str]],
    log_metric: Callable[[str, float], None] | None = None,
    **kwargs: Any,
) -> list[float]:
    """1 - js_distance (base 2) of what was written to what people said; 0 where it is no distribution.

    As one of `reward_funcs` of TRL's GRPOTrainer; `target` and `choices` are columns of its data.

    Args:
        completions: B rollouts, texts or messages.
        target: B x K shares, of the item each rollout answers.
        choices: B x K names.
        log_metric: TRL's; told the shares of rollouts that can be read (`parsed`), and of those the share whose
            numbers sum to 0.95 to 1.05 as written (`sums_to_one`).
        **kwargs: other columns, not used.

    Example:
        >>> distribution_reward(["yes 70%, no 30%", "I can't say"], [[0.7, 0.3]] * 2, [["yes", "no"]] * 2)
        [1.0, 0.0]
    """
    read = [parse(_text(said), names) for said, names in zip(completions, choices, strict=True)]
    _log(read, log_metric)
    found: list[float] = _nearness(read, target).tolist()
    return found


def weighted(
    ambiguity_weight: float = 1.0, *, dynamic: bool = False, scale: Literal["none", "group"] = "none"
) -> Callable[..., list[float]]:
    r"""Make a `distribution_reward` that counts ambiguous items more.

    .. math:: w = 1 + \lambda \tilde H(p) \left[ \cdot js(p, \bar q) \right]

    with the item's normalised ambiguity and, where `dynamic`, how far the mean of its rollouts' distributions still is.

    Args:
        ambiguity_weight: lambda; 0 counts all items alike.
        dynamic: whether an item that is met already counts less, however ambiguous.
        scale: "none" gives w R; "group" gives w (R - mean) / deviation over the item's rollouts, the paper's way.

    Returns:
        A reward function. The rollouts of an item are those with the same `index`, where the data have that column,
        else the same prompt; of several processes, those of its own. Train with `scale_rewards="none"`.

    Example:
        >>> reward = weighted(1.0)
        >>> reward(completions=["yes 50%, no 50%"], target=[[0.5, 0.5]], choices=[["yes", "no"]], prompts=["Is it?"])
        [2.0]
    """
    if ambiguity_weight < 0 or scale not in SCALES:
        raise InputError(
            f"ambiguity_weight={ambiguity_weight} must be 0 or more, and scale '{scale}' one of {', '.join(SCALES)}."
        )

    def weighted_distribution_reward(
        completions: Sequence[Completion],
        target: Sequence[Sequence[float]],
        choices: Sequence[Sequence[str]],
        log_metric: Callable[[str, float], None] | None = None,
        **kwargs: Any,
    ) -> list[float]:
        read = [parse(_text(said), names) for said, names in zip(completions, choices, strict=True)]
        _log(read, log_metric)
        reward = _nearness(read, target)
        made = np.empty(len(read))
        for own in _rollouts(len(read), kwargs):
            gap = _gap([read[b] for b in own], target[own[0]]) if dynamic else 1.0
            weight = 1 + ambiguity_weight * _ambiguity(target[own[0]]) * gap
            made[own] = weight * (_standard(reward[own]) if scale == "group" else reward[own])
        if log_metric is not None:
            log_metric("nearness", float(reward.mean()))
        found: list[float] = made.tolist()
        return found

    return weighted_distribution_reward


def _text(said: Completion) -> str:
    return said if isinstance(said, str) else str(said[-1]["content"])


def _log(read: Sequence[Verbal | None], log_metric: Callable[[str, float], None] | None) -> None:
    if log_metric is None or not read:
        return
    parsed = [v for v in read if v is not None]
    log_metric("parsed", len(parsed) / len(read))
    if parsed:
        log_metric("sums_to_one", sum(v.sums_to_one for v in parsed) / len(parsed))


def _nearness(read: Sequence[Verbal | None], target: Sequence[Sequence[float]]) -> Floats:
    """(B,) 1 - js_distance, 0 where nothing could be read."""
    return np.array([0.0 if v is None else 1 - _distance(p, v.shares) for v, p in zip(read, target, strict=True)])


def _distance(p: Sequence[float], q: Sequence[float]) -> float:
    return float(js_distance(np.array([p], dtype=np.float64), np.array([q], dtype=np.float64))[0])


def _ambiguity(p: Sequence[float]) -> float:
    """From 0 to 1: of an item's K choices, all of which it has."""
    row = np.array([p], dtype=np.float64)
    return float(ambiguity(row, np.ones(row.shape, dtype=bool))[0])


def _gap(read: Sequence[Verbal | None], p: Sequence[float]) -> float:
    """Distance of the mean of an item's rollouts; 1 where none could be read."""
    shares = [v.shares for v in read if v is not None]
    return _distance(p, np.mean(shares, axis=0)) if shares else 1.0


def _standard(reward: Floats) -> Floats:
    """(G,) rewards of one item's rollouts, less their mean, over their standard deviation."""
    spread = reward.std(ddof=1) if len(reward) > 1 else 0.0
    return np.asarray((reward - reward.mean()) / (spread + STILL))


def _rollouts(size: int, columns: dict[str, Any]) -> list[list[int]]:
    """Places of the rollouts of each item."""
    if columns.get("index") is not None:
        keys: list[Hashable] = list(columns["index"])
    else:
        keys = [str(prompt) for prompt in columns.get("prompts") or range(size)]
    groups: dict[Hashable, list[int]] = {}
    for b, key in enumerate(keys):
        groups.setdefault(key, []).append(b)
    return list(groups.values())
