"""A table of what each annotator's labels are worth, the most first; whom too little is known of is not ranked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import softmax
from scipy.stats import norm

from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.metrics import information
from crowdtune.metrics.crowd import THIN, WIDE
from crowdtune.metrics.more import standing

Row = dict[str, Any]
LEVEL = 0.95  # of all intervals


def of_labels(
    annotations: Annotations, rng: np.random.Generator, prices: Mapping[str, float] | None = None
) -> list[Row]:
    """What labels told of the truths, and what a further label would, in nats.

    Args:
        annotations: N labels; gold answers tell what was right, not what is still to be asked.
        rng: of draws.
        prices: of a label by each annotator, above 0; those without one get none.

    Returns:
        Rows of annotator, labels, evidence (labels met by another's or by gold), reliability with its interval, value
        (Shapley share of all that labels told), low, high (95 % of draws, widened to hold the value where draws are few
        or skewed, as all intervals are), error (standard deviation of its draws), per_label, last
        (what the labels add to all others'), next (what a further label is expected to add on an item as they are now,
        with its interval), fresh (on one nobody has labelled), next_per_price (None without prices), and thin.
    """
    at, gold = standing(annotations, rng), annotations.items.gold
    found, met = information.realised(at, rng, gold), information.evidence(at, gold)
    several = at.choices > 1
    now, start, choices = at.posterior[several], softmax(at.log_p, axis=1)[several], at.choices[several]
    following = information.further(now, choices, found.trust)
    columns = {
        "labels": annotations.labels_per_annotator,
        "evidence": met,
        "reliability": found.trust,
        **_interval("reliability_", found.reliability, found.trust),
        "value": found.values,
        **_interval("", found.draws, found.values),
        "error": found.draws.std(axis=0),
        "per_label": found.values / np.maximum(at.given.labels_per_annotator, 1),
        "last": found.last,
        "next": following,
        **_interval("next_", information.further(now, choices, found.reliability), following),
        "fresh": information.further(start, choices, found.trust),
    }
    if prices:
        cost = np.array([prices.get(name, np.nan) for name in annotations.annotators])
        columns["next_per_price"] = columns["next"] / cost
    return _rows(annotations, columns, information.thin(found.reliability, met))


def of_credit(annotations: Annotations, players: tuple[str, ...], values: Floats, error: Floats) -> list[Row]:
    """What contributions are worth to a model: evidence is how many there are, and intervals are normal.

    Args:
        annotations: contributions.
        players: names.
        values: (J,) of players.
        error: (J,) standard errors; NaN where nothing tells.
    """
    place = {name: at for at, name in enumerate(players)}
    at = np.array([place.get(name, -1) for name in annotations.annotators])
    value, error = (np.where(at >= 0, column[at], np.nan) for column in (values, error))
    count = annotations.labels_per_annotator
    reach = float(norm.ppf(0.5 + LEVEL / 2)) * error
    columns = {
        "labels": count,
        "evidence": count,
        "value": value,
        "low": value - reach,
        "high": value + reach,
        "error": error,
        "per_label": value / np.maximum(count, 1),
    }
    return _rows(annotations, columns, count < THIN)


def first(rows: list[Row], by: str = "next") -> list[Row]:
    """Whom to ask first for more labels: those known well enough, by what a further label of theirs brings."""
    able = [row for row in rows if not row["thin"] and row[by] is not None]
    return sorted(able, key=lambda row: -row[by])


def of_rounds(rows: list[Row]) -> list[Row]:
    """What rounds of Crowd-SFT came to, as a table of values.

    Args:
        rows: as `rounds.summary.annotator_rows` makes them.

    Returns:
        Rows of annotator, labels, evidence (rounds taken part in), value (ridge attribution, with its interval and
        error; points per round where too few probes tell of it), per_label, points, and thin; by value, the thin ones
        last.
    """
    probed = any(row["attribution"] is not None for row in rows)
    reach = float(norm.ppf(0.5 + LEVEL / 2))
    found = []
    for row in rows:
        value = row["attribution" if probed else "points_per_round"]
        low, high = row["attribution_low"], row["attribution_high"]
        found.append(
            {name: row[name] for name in ("annotator", "labels")}
            | {"evidence": row["appearances"], "value": value, "low": low, "high": high}
            | {"error": None if low is None or high is None else (high - low) / (2 * reach)}
            | {"per_label": None if value is None else value / max(row["labels"], 1), "points": row["points"]}
            | {"thin": value is None or row["appearances"] < THIN}
        )
    return sorted(found, key=lambda row: (row["thin"], row["value"] is None, -(row["value"] or 0.0)))


def why_thin(method: str) -> str:
    """What it takes to be ranked, in words.

    Args:
        method: "information", "rounds", or how a model trained on labels is credited.
    """
    if method == "rounds":
        return f"fewer than {THIN} rounds taken part in"
    if method != "information":
        return f"fewer than {THIN} labels"
    return f"fewer than {THIN} labels met by others or by gold, or a reliability known to no better than {WIDE:g}"


def _interval(name: str, draws: Floats, at: Floats) -> dict[str, Floats]:
    """Quantiles of draws; a mean of rare large ones may lie outside, and is held by the interval all the same."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return {f"{name}low": np.minimum(low, at), f"{name}high": np.maximum(high, at)}


def _rows(annotations: Annotations, columns: Mapping[str, Floats | Ints], thin: Bools) -> list[Row]:
    """Rows of annotators with labels, by value; the thin ones last, by name and not by value."""
    names = annotations.annotators
    shown = np.flatnonzero(annotations.labels_per_annotator > 0).tolist()
    order = sorted(shown, key=lambda j: (bool(thin[j]), 0.0 if thin[j] else -columns["value"][j], names[j]))
    return [
        {"annotator": names[j]}
        | {name: _plain(column[j]) for name, column in columns.items()}
        | {"thin": bool(thin[j])}
        for j in order
    ]


def _plain(value: np.generic) -> int | float | None:
    number = value.item()
    return None if number != number else number if isinstance(number, int) else float(f"{number:.6g}")
