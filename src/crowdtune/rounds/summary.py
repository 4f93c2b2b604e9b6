"""What rounds come to: who earned what, and whose contributions moved candidates how far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.credit.game import Credit
from crowdtune.credit.points import points_error
from crowdtune.credit.regression import FEWEST, ridge_of
from crowdtune.rounds.groups import membership
from crowdtune.rounds.record import Contribution, Round, standing

DECIMALS = 6


def attribution(rounds: Sequence[Round], players: Sequence[str]) -> Credit | None:
    """Ridge regression of what each group's training of the untrained model gained on who was in the group.

    All start from one base, so that a late round counts as an early one does: on the moving base gains shrink while the
    model converges. None with fewer than `credit.regression.FEWEST` such probes of some of the annotators.

    Args:
        rounds: that are over.
        players: J names.
    """
    probed = [one for one in rounds if one.probes]
    member = np.concatenate([np.zeros((0, len(players)), bool), *(membership(one.groups, players) for one in probed)])
    worth = np.concatenate([np.zeros(0), *(one.probes for one in probed)])
    some = member.any(axis=1) & ~member.all(axis=1)
    return ridge_of(players, member, worth) if some.sum() >= FEWEST else None


def annotator_rows(rounds: Sequence[Round], brought: Mapping[str, Contribution]) -> list[dict[str, Any]]:
    """A row for each annotator, the highest attribution first; the most points per round where there is none.

    Args:
        rounds: that are over.
        brought: what each brings.

    Returns:
        Rows of annotator, kind (only where one's is known), labels, appearances (rounds taken part in), points
        and points_error (standard error over samples; None with one sample), points_per_round (standing; None before
        the first), attribution with the ends of its 95 % interval (in the first
        target's units; None with too few probes, and before the first round).
    """
    players = list(brought)
    stand, credit = standing(rounds, players), attribution(rounds, players)
    mean, error = stand.mean, _points_error(rounds, players)
    told = np.full((len(players), 3), np.nan)
    if credit is not None:
        told = np.column_stack([credit.values, *credit.interval()])
        told[stand.appearances == 0] = np.nan
    kinds = any(own.kind for own in brought.values())
    by = mean if credit is None else told[:, 0]
    order = np.lexsort((np.arange(len(players)), -np.nan_to_num(by, nan=-np.inf)))
    return [
        {"annotator": players[j]}
        | ({"kind": brought[players[j]].kind} if kinds else {})
        | {"labels": brought[players[j]].items, "appearances": int(stand.appearances[j])}
        | {"points": _number(stand.points[j]), "points_error": _number(error[j]), "points_per_round": _number(mean[j])}
        | dict(zip(("attribution", "attribution_low", "attribution_high"), map(_number, told[j]), strict=True))
        for j in order.tolist()
    ]


def _points_error(rounds: Sequence[Round], players: Sequence[str]) -> Floats:
    """(J,) of the points of all rounds, which are measured on samples of their own."""
    total = np.zeros(len(players))
    for one in rounds:
        errors = np.array([np.nan if change.error is None else change.error for change in one.group_gains])
        gains = np.array([change.value for change in one.group_gains])
        total += points_error(gains, errors, membership(one.groups, players)) ** 2
    return np.sqrt(total)


def round_rows(rounds: Sequence[Round], target: str) -> list[dict[str, Any]]:
    """A row for each round: who won with which gain, whether that was accepted, and the score then reached."""
    return [
        {
            "round": one.number,
            "groups": len(one.groups),
            "annotators": len(one.players),
            "winner": one.winner,
            "gain": _number(one.gains[one.winner][target].value),
            "fresh_gain": _number(one.fresh[target].value) if one.fresh else None,
            "error": None if not one.fresh or (error := one.fresh[target].error) is None else _number(error),
            "accepted": one.accepted,
            "why": one.why,
            target: _number(one.reached[target]),
            "steps": sum(one.steps.get(name, 0) for name in one.candidates),
        }
        for one in rounds
    ]


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Numbers on all rounds.

    Returns:
        rounds, accepted (how many gave a new base), base (folder of the last, "" for the untrained model), steps
        (optimiser steps of all groups' copies), steps_on_path (of those that became bases), steps_of_probes, before and
        after (target -> score of the untrained model and of the last base, each on the samples it was last judged by).
    """
    groups = sum(one.steps.get(name, 0) for one in rounds for name in one.candidates)
    probes = sum(n for one in rounds for name, n in one.steps.items() if name.startswith("probe-"))
    return {
        "rounds": len(rounds),
        "accepted": sum(one.accepted for one in rounds),
        "base": rounds[-1].then if rounds else "",
        "steps": groups,
        "steps_on_path": sum(one.steps[one.winner] for one in rounds if one.accepted),
        "steps_of_probes": probes,
        "before": rounds[0].scores if rounds else {},
        "after": rounds[-1].reached if rounds else {},
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), DECIMALS)
