"""Plain facts of a crowd that users must know before they trust a number made from it."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints, Items

THIN = 5  # labels; an annotator with fewer cannot be judged
WIDE = 0.5  # of an interval for a share; a wider one tells good from bad no more than a few labels would
APART = 0.8  # distinct answers per label from which items with a few labels look like free responses
MANY = 1000  # answers whose words are counted
WORDY = 3  # words of an answer, on average, above which that is no accident
SKEWED = 0.8  # share of the most common choice from which accuracy alone misleads


def ties(annotations: Annotations) -> Bools:
    """(I,) True where two choices or more share the most votes of an item, of named annotators and others."""
    votes = annotations.all_votes
    if votes.size == 0:
        return np.zeros(len(annotations.items), dtype=bool)
    top = votes.max(axis=1)
    return np.asarray(((votes == top[:, None]).sum(axis=1) > 1) & (top > 0))


def annotator_accuracy(annotations: Annotations) -> Floats:
    """(J,) share of an annotator's labels that equal gold, NaN where no labelled item of theirs has gold."""
    gold = annotations.items.gold[annotations.item]
    known = gold >= 0
    j = len(annotations.annotators)
    seen = np.bincount(annotations.annotator[known], minlength=j)
    right = np.bincount(annotations.annotator[known & (gold == annotations.label)], minlength=j)
    return np.where(seen > 0, right / np.maximum(seen, 1), np.nan)


def reliability(annotations: Annotations, posterior: Floats) -> Floats:
    """(J,) mean posterior of the labels an annotator gave, in [0, 1]; may be below chance; NaN without labels.

    Args:
        annotations: N labels.
        posterior: (I, K) P(truth = k), rows sum to 1.
    """
    return _mean_posterior(annotations, posterior, annotations.annotator, len(annotations.annotators))


def reliability_per_task(annotations: Annotations, posterior: Floats) -> Floats:
    """(J, M) mean posterior of the labels an annotator gave in each task; NaN where there is none."""
    j, m = len(annotations.annotators), len(annotations.items.tasks)
    group = annotations.annotator * m + annotations.items.task[annotations.item]
    return _mean_posterior(annotations, posterior, group, j * m).reshape(j, m)


def _mean_posterior(annotations: Annotations, posterior: Floats, group: Ints, size: int) -> Floats:
    given = posterior[annotations.item, annotations.label]
    total, count = (np.bincount(group, weights=w, minlength=size) for w in (given, None))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


ONE_LABEL = (
    "every item has one label: agreement cannot be measured, so a model that reads the items must tell who is right "
    "(crowdtune train)"
)


def facts(annotations: Annotations) -> list[str]:
    """Counts of what limits a crowd: no overlap, thin annotators, skew, ties, missing labels. A line each."""
    items, per_item = annotations.items, annotations.labels_per_item
    if not len(annotations):
        nobody = f"{len(items)} items, no label by an annotator"
        return [nobody, *_unnamed(annotations), *_skew(annotations), *_missing_texts(items)]
    per_annotator = annotations.labels_per_annotator
    labelled = per_item[per_item > 0]
    said = [
        f"{len(annotations)} labels, {len(items)} items, {int((per_annotator > 0).sum())} annotators; "
        f"{labelled.mean():.1f} labels per labelled item"
    ]
    if (bare := int((~annotations.answered).sum())) > 0:
        said.append(f"{bare} items have no label; they keep their place, without an answer")
    if annotations.all_votes.sum(axis=1).max() == 1:
        said.append(ONE_LABEL)
    thin = (per_annotator > 0) & (per_annotator < THIN)
    if thin.any():
        said.append(f"{int(thin.sum())} annotators gave fewer than {THIN} labels: too few to judge, ranked last")
    written = np.array([kind == "text" for kind in items.kinds])[items.task]  # two of those are no tie
    if (n := int((ties(annotations) & ~written).sum())) > 0:
        said.append(f"{n} items have a tied vote: it stays split, no choice wins by its place in a list")
    return said + _unnamed(annotations) + _skew(annotations) + _missing_texts(items)


def like_responses(annotations: Annotations) -> bool:
    """Whether answers taken for choices are long and hardly ever the same: nobody chose among them.

    Looks at items with three labels or more, of tasks that are choices.
    """
    items, per_item = annotations.items, annotations.labels_per_item
    chosen = np.array([kind == "choice" for kind in items.kinds], dtype=bool)[items.task]
    rows = (chosen & (per_item >= 3))[annotations.item]
    said = np.unique(np.column_stack([annotations.item[rows], annotations.label[rows]]), axis=0)
    if not len(said) or len(said) < APART * rows.sum():
        return False
    words = [len((items.text(i, k) or "").split()) for i, k in said[:MANY].tolist()]
    return float(np.mean(words)) > WORDY


def _unnamed(annotations: Annotations) -> list[str]:
    """What is said of items without saying who said it."""
    said = []
    if annotations.counts is not None:
        count = annotations.counts.sum(axis=1)
        said.append(f"{int((count > 0).sum())} items have counts of {int(count.sum())} labels, annotators not named")
    if annotations.soft is not None:
        said.append(
            f"{int((annotations.soft.sum(axis=1) > 0).sum())} items have a share for each choice (a soft label)"
        )
    if said:
        said.append(
            "nobody's expertise can be estimated from counts or shares; crowdtune train --method shala learns them"
        )
    return said


def _skew(annotations: Annotations) -> list[str]:
    said = []
    for m, task in enumerate(annotations.items.tasks):
        inside = annotations.items.task == m
        if not annotations.items.shared_choices[m] or not inside.any():
            continue
        counts = annotations.all_votes[inside].sum(axis=0)
        if counts.max(initial=0) > SKEWED * counts.sum():
            choice = annotations.items.text(int(np.flatnonzero(inside)[0]), int(counts.argmax()))
            said.append(
                f"task {task}: {counts.max() / counts.sum():.0%} of the labels say '{choice}'; "
                "look at the recall of each choice, not at accuracy alone"
            )
    return said


def _missing_texts(items: Items) -> list[str]:
    n = sum(not p for p in items.prompts)
    return [f"{n} items have no text; a language model needs one (--items FILE adds it)"] if n else []
