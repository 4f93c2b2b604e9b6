"""The rules: how opinions and a posterior decide what becomes of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crowdtune.annotations import UNKNOWN, Bools, Floats, Ints
from crowdtune.denoise.decision import OUTCOMES, Decision
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import entropy
from crowdtune.errors import InputError, unknown_name

KEEP, RELABEL, SOFT, DROP = range(4)  # places among OUTCOMES
WAYS = ("posterior", "checker", "strict")
TIED = 1e-9  # probabilities that differ less are equal

Case = tuple[Bools, str, int, Ints | None]  # where it holds: the rule, the outcome, the label
Chosen = tuple[npt.NDArray[Any], Ints, Ints]  # rule, outcome and label of each item


@dataclass(frozen=True)
class Deciding:
    """Options of decisions.

    Args:
        way: "posterior" weighs who is reliable; "checker" and "strict" count experts, as the paper and its release do.
        keep_above: a given label more probable than this stays.
        margin: how far ahead of the second the most probable answer must be to replace the given label.
        flat: share of the largest entropy there is (log K) from which on a posterior tells nothing.
        threshold: of way "checker": share of experts who must give the given label for it to stay.
    """

    way: str = "posterior"
    keep_above: float = 0.5
    margin: float = 0.0
    flat: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise unknown_name("way to decide", self.way, WAYS)
        for name in ("keep_above", "margin", "flat", "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)} must be between 0 and 1.")


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that decides, as codes of answers: (I,), -1 for none.

    Args:
        posterior: (I, K) P(truth = k); zeros where an item has no such answer, and for items nothing is known of.
        given: the given label.
        n_choices: K of each item.
        context: what was answered with similar clean items in sight; None where nobody was asked.
        review: what the reviewer said who saw that and the experts' answers; None where nobody was asked.
        experts: (E, I) what each expert says without them; for the ways that count.
    """

    posterior: Floats
    given: Ints
    n_choices: Ints
    context: Ints | None = None
    review: Ints | None = None
    experts: Ints | None = None

    def __post_init__(self) -> None:
        n, k = self.posterior.shape
        total = self.posterior.sum(axis=1)
        if not ((self.posterior >= 0).all() and (np.isclose(total, 1, atol=1e-6) | (total == 0)).all()):
            raise ValueError("Judged.posterior must hold probabilities; rows sum to 1, or are zeros.")
        for name in ("n_choices", "given", "context", "review", "experts"):
            column = getattr(self, name)
            if column is not None and column.shape[-1] != n:
                raise ValueError(f"Judged.{name} tells of {column.shape[-1]} items, posterior of {n}.")
            bound = k + 1 if name == "n_choices" else self.n_choices
            if column is not None and not ((column >= -1) & (column < bound)).all():
                raise ValueError(f"Judged.{name} holds a code outside -1..K-1 of its item.")


def answered(opinions: Sequence[Opinion | None], choices: Sequence[Sequence[str]]) -> Ints:
    """(I,) code of each opinion's answer among the choices of its item; -1 where it is none of them, or None."""
    found = np.full(len(opinions), UNKNOWN)
    for i, (opinion, own) in enumerate(zip(opinions, choices, strict=True)):
        if opinion is not None and opinion.answer in own:
            found[i] = own.index(opinion.answer)
    return found


def decide(judged: Judged, options: Deciding | None = None) -> list[Decision]:
    """Decide about every item.

    By the posterior: a given label above `keep_above` stays. Else the most probable answer replaces it where it is
    `margin` ahead and context and reviewer, as far as they were asked and answered, both give it. Where they differ
    from it or from each other the posterior becomes the label, whoever of them is right; a flat one is dropped.

    By the paper's ways: where enough experts give the given label ("checker": `threshold`; "strict": all) it stays,
    else the reviewer's answer is the label, whatever it is; the context's where there is no reviewer, or it gave none.
    Where nobody answered again the item is dropped.

    Args:
        judged: what is known of I items.
        options: thresholds.

    Returns:
        A decision per item; opinions and uncertainty are for `told` to add.
    """
    options = options or Deciding()
    best, margin = _best(judged)
    by = _by_posterior if options.way == "posterior" else _by_counting
    rule, outcome, label = by(judged, best, margin, options)
    return [
        Decision(i, OUTCOMES[outcome[i]], int(judged.given[i]), int(label[i]), shares, float(margin[i]), str(rule[i]))
        for i, shares in enumerate(_own(judged))
    ]


def _best(judged: Judged) -> tuple[Ints, Floats]:
    """(I,) code of the most probable answer, -1 where several are or nothing is known; and how far it is ahead."""
    ranked = np.sort(np.pad(judged.posterior, ((0, 0), (2, 0))), axis=1)
    margin = np.where(ranked[:, -1] > 0, ranked[:, -1] - ranked[:, -2], 0.0)
    none = np.full(len(margin), UNKNOWN)
    return np.where(margin > TIED, judged.posterior.argmax(axis=1) if judged.posterior.size else none, none), margin


def _own(judged: Judged) -> list[tuple[float, ...]]:
    """Posterior over an item's own answers."""
    return [tuple(row[:k]) for row, k in zip(judged.posterior.tolist(), judged.n_choices.tolist(), strict=True)]


def _of(table: Floats, codes: Ints) -> Floats:
    """(I,) entry of each row at its code, 0 at -1."""
    wide = np.pad(table, ((0, 0), (0, 1)))
    return np.asarray(wide[np.arange(len(wide)), codes])


def _by_posterior(judged: Judged, best: Ints, margin: Floats, options: Deciding) -> Chosen:
    """Rule, outcome and label of each item."""
    given = judged.given
    again = [codes for codes in (judged.context, judged.review) if codes is not None]
    asked = np.any([codes >= 0 for codes in again], axis=0) if again else np.zeros(len(given), dtype=bool)
    disputed = np.any([(codes >= 0) & (codes != best) for codes in again], axis=0) if again else ~asked & asked
    known = judged.posterior.sum(axis=1) > 0
    probable = (given >= 0) & (_of(judged.posterior, given) > options.keep_above)
    sure = (best >= 0) & (margin > options.margin) & ~disputed
    flat = entropy(judged.posterior, judged.n_choices) >= options.flat - TIED
    cases = [
        (~known & (given >= 0), "unjudged", KEEP, given),
        (~known, "unanswered", DROP, None),
        (probable, "probable", KEEP, given),
        (sure & (best == given), "confirmed", KEEP, given),
        (sure & asked, "agreed", RELABEL, best),
        (sure, "ahead", RELABEL, best),
        (flat, "flat", DROP, None),
        (disputed, "disputed", SOFT, best),
        (known, "close", SOFT, best),
    ]
    return _first(cases)


def _by_counting(judged: Judged, best: Ints, margin: Floats, options: Deciding) -> Chosen:
    """Rule, outcome and label of each item, as the paper has it; the posterior is for show."""
    given, experts = judged.given, judged.experts
    if experts is None or not len(experts):
        raise InputError(f"way={options.way} counts experts, and there is none. Ask some, or use way=posterior.")
    agreement = (experts == given).mean(axis=0)
    strict = options.way == "strict"
    enough = (given >= 0) & (agreement >= (1 - TIED if strict else options.threshold - TIED))
    last = np.full(len(given), UNKNOWN)
    for codes in (judged.context, judged.review):
        last = last if codes is None else np.where(codes >= 0, codes, last)
    cases = [
        (enough, "unanimous" if strict else "checked", KEEP, given),
        ((last >= 0) & (last == given), "reviewed", KEEP, given),
        (last >= 0, "reviewed", RELABEL, last),
        (given >= 0, "contradicted", DROP, None),
        (last < 0, "unanswered", DROP, None),
    ]
    return _first(cases)


def _first(cases: Sequence[Case]) -> Chosen:
    """By the first case that holds; the last one holds everywhere."""
    first = np.argmax([case[0] for case in cases], axis=0)
    none = np.full(len(first), UNKNOWN)
    labels = np.stack([none if case[3] is None else case[3] for case in cases])
    rules, outcomes = np.array([case[1] for case in cases]), np.array([case[2] for case in cases])
    return rules[first], outcomes[first], labels[first, np.arange(len(first))]
