"""What is known of each annotator: a row of numbers, a habit in words, and flags.

A flag needs a large effect and significance among all annotators together (Benjamini and Hochberg). It is a reason to
look, and never excludes anyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from crowdtune.annotations import Annotations, Bools, Floats
from crowdtune.metrics import habits
from crowdtune.metrics.copies import copied
from crowdtune.metrics.crowd import reliability
from crowdtune.runs import annotator_table

BELOW = 0.8  # of chance: a reliability below it is below chance
NEAR = 0.25  # of what is between chance and always right: a reliability below it is near random
CONSTANT, FAST, LIAR, RANDOM, THIN = "constant", "too fast", "below chance", "near random", "too few to judge"
COPIES = "copies another"
JUDGED = (LIAR, RANDOM)  # flags that need a reliability, which thin annotators have not
BAD = (CONSTANT, FAST, LIAR, RANDOM, COPIES)  # flags by which labels are doubted


@dataclass(frozen=True, eq=False)
class Part:
    """One task, and what to call its choices.

    Args:
        annotations: its items and their labels.
        name: of the task, "" where it is the only one.
    """

    annotations: Annotations
    name: str

    @property
    def kind(self) -> str:
        """What its answers are."""
        items = self.annotations.items
        return items.kinds[int(items.task[0])]

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices that its items share, () where they differ or are written freely."""
        return () if self.kind == "text" else self.annotations.items.common_choices


def parts(annotations: Annotations) -> list[Part]:
    """Every task that has items."""
    items = annotations.items
    rows = [np.flatnonzero(items.task == m) for m in range(len(items.tasks))]
    several = sum(len(r) > 0 for r in rows) > 1
    if not several:
        return [Part(annotations, "")] if len(items) else []
    return [Part(annotations.take_items(r), items.tasks[m]) for m, r in enumerate(rows) if len(r) > 0]


def people(
    annotations: Annotations,
    posterior: Floats,
    intervals: dict[str, list[float]],
    tasks: list[Part],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Rows of `runs.annotator_table` with agreement, seconds, bias and flags; flags joined by "; "."""
    flags: list[list[str]] = [[] for _ in annotations.annotators]
    marked = _always(tasks)
    _mark(flags, marked, CONSTANT)
    _mark(flags, habits.too_fast(annotations), FAST)
    below, near = _by_reliability(annotations, posterior, intervals)
    _mark(flags, below, LIAR)
    _mark(flags, near, RANDOM)
    of = copied(annotations, posterior, rng)
    for j in np.flatnonzero((of >= 0) & ~marked).tolist():
        flags[j].append(f"{COPIES}: {annotations.annotators[of[j]]}")
    rows = annotator_table(
        annotations,
        posterior,
        intervals
        | {
            "agreement": _plain(habits.agreement_with_others(annotations), 4),
            "seconds": _plain(habits.median_seconds(annotations), 1),
            "bias": _biases(tasks, len(annotations.annotators)),
            "flags": flags,
        },
    )
    for row in rows:
        kept = [flag for flag in row["flags"] if not (row["thin"] and flag in JUDGED)]
        row["flags"] = "; ".join(kept + [THIN] * row["thin"])
    return rows


def flagged(rows: list[dict[str, Any]], flag: str) -> list[str]:
    """Names of the annotators with a flag."""
    return [row["annotator"] for row in rows if any(f.startswith(flag) for f in row["flags"].split("; "))]


def doubted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the annotators whose labels are doubted."""
    return [row for row in rows if row["flags"].startswith(BAD)]


def _mark(flags: list[list[str]], who: Bools, flag: str) -> None:
    for j in np.flatnonzero(who).tolist():
        flags[j].append(flag)


def _always(tasks: list[Part]) -> Bools:
    """(J,) who says one thing always, in the tasks that hold most of their labels."""
    chosen = [t.annotations for t in tasks if t.kind != "text"]  # codes of free texts are places in a list, no habit
    told = [(habits.constant(habits.lean(part)), part.labels_per_annotator) for part in chosen]
    none = np.zeros(len(tasks[0].annotations.annotators) if tasks else 0)
    held = sum((found * count for found, count in told), start=none)
    return np.asarray(held * 2 > sum((count for _, count in told), start=none))


def _by_reliability(
    annotations: Annotations, posterior: Floats, intervals: dict[str, list[float]]
) -> tuple[Bools, Bools]:
    """(J,) below chance, and near random: the whole interval is, and it is no accident among so many annotators."""
    trust, count = reliability(annotations, posterior), annotations.labels_per_annotator
    low, high = (np.array(intervals[f"reliability_{end}"], dtype=np.float64) for end in ("low", "high"))
    guessed = np.bincount(annotations.annotator, 1 / annotations.items.n_choices[annotations.item], len(count))
    chance = guessed / np.maximum(count, 1)
    spread = np.maximum((high - low) / (2 * 1.96), 1e-6)
    written = np.array([kind == "text" for kind in annotations.items.kinds])[annotations.items.task]
    free = np.bincount(annotations.annotator, written[annotations.item], len(count))
    usable = (count > 0) & (chance < 1) & (2 * free < count)

    def surely_under(bound: Floats) -> Bools:
        p = np.where(usable, ndtr((trust - bound) / spread), 1.0)
        return np.asarray(usable & (high < bound) & habits.discoveries(np.nan_to_num(p, nan=1.0)))

    below = surely_under(chance) & (trust < BELOW * chance)
    return below, surely_under(chance + NEAR * (1 - chance)) & ~below


def _biases(tasks: list[Part], size: int) -> list[str]:
    """(J,) the strongest habit of each annotator in words, "" where there is none."""
    said, strength = [""] * size, np.zeros(size)
    for task in tasks:
        where = f"{task.name}: " if task.name else ""
        if task.kind == "text":
            continue
        if task.kind == "grade" and task.choices:
            moved = habits.shift(task.annotations)
            for j in np.flatnonzero(habits.shifted(moved)).tolist():
                said[j] = where + habits.higher(float(moved.grades[j]), "others on the same items")
            continue
        found = habits.lean(task.annotations)
        for j in np.flatnonzero(habits.leaning(found)).tolist():
            own, others, code = float(found.own[j]), float(found.others[j]), int(found.choice[j])
            if own - others > strength[j]:
                strength[j] = own - others
                what = f"'{task.choices[code]}'" if task.choices else f"choice {code + 1}"
                said[j] = f"{where}says {what} {own:.0%} of the time, others {others:.0%} on the same items"
    return said


def _plain(values: Floats, digits: int) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), digits) for v in values]
