"""Annotations whose choices are meanings, so that whatever aggregates labels aggregates answers written freely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.denoise._numbers import is_one
from crowdtune.denoise._words import blank, shared
from crowdtune.denoise.meaning import Embeddings, Exact, Meaning, Numbers, grouped
from crowdtune.errors import unknown_name

OPEN = 10  # choices of an item where answers are open: of how many a wrong one is drawn, as far as labels can tell
UNSAID = "(another answer {})"  # what those that nobody gave are called
SHORT = 5  # words of a short answer
NEARLY = 0.9  # share of the answers that is nearly all
OFFERED = ("exact", "numbers", "embeddings")


@dataclass(frozen=True)
class Suited:
    """Which comparison suits a task.

    Args:
        name: one of `OFFERED`.
        why: a sentence, to be told.
    """

    name: str
    why: str


def chosen(annotations: Annotations, task: str) -> Suited:
    """Which comparison suits a task, by the labels it was given.

    Numbers where nearly all answers hold one alone, or mark it ("#### 42", "the answer is 42"); exact where most are
    short; embeddings for the rest.
    """
    items = annotations.items
    rows = np.flatnonzero(items.task[annotations.item] == list(items.tasks).index(task))
    pairs, times = np.unique(np.stack([annotations.item[rows], annotations.label[rows]]), axis=1, return_counts=True)
    said = [(str(items.text(i, k)), n) for i, k, n in zip(*pairs.tolist(), times.tolist(), strict=True)]
    said = [(text, n) for text, n in said if not blank(text)]
    total = max(sum(n for _, n in said), 1)
    share = sum(n for text, n in said if is_one(text)) / total
    words = median([len(text.split()) for text, n in said for _ in range(n)] or [0])
    if share >= NEARLY:
        return Suited("numbers", f"answers to '{task}' are compared as numbers: {share:.0%} hold one, or mark one")
    if words <= SHORT:
        return Suited("exact", f"answers to '{task}' are compared by their words: half of them have {words:g} or fewer")
    return Suited(
        "embeddings", f"answers to '{task}' are compared by embeddings: half of them have {words:g} words or more"
    )


def named(name: str, embed: Callable[[Sequence[str]], Floats]) -> Meaning:
    """The comparison of that name; only embeddings call `embed`."""
    offered: dict[str, Meaning] = {m.name: m for m in (Exact(), Numbers(), Embeddings(embed))}
    if name not in offered:
        raise unknown_name("comparison of answers", name, [*OFFERED, "auto"])
    return offered[name]


def by_meaning(annotations: Annotations, meaning: Meaning, tasks: Sequence[str] = (), least: int = OPEN) -> Annotations:
    """Annotations whose choices are meanings, so that whatever aggregates labels aggregates texts.

    An item's choices become the distinct meanings it was given, each by its most frequent wording (of equally frequent
    ones the one that shares most words with the others), and then, up to `least`, answers that nobody gave. Without
    these an item on which all agree would have one choice and tell nothing of them, and wrong answers would seem to
    coincide as often as among few choices; `said_only` takes them off again. Blank answers are abstentions.

    Args:
        annotations: N labels.
        meaning: how answers are compared.
        tasks: names of those that are changed; () = all of kind "text".
        least: choices of an item; it always has one more than it was given.
    """
    items = annotations.items
    changed = np.array(
        [name in tasks if tasks else kind == "text" for name, kind in zip(items.tasks, items.kinds, strict=True)]
    )
    inside = np.flatnonzero(changed[items.task]).tolist()
    start = np.concatenate([[0], np.cumsum(items.n_choices)])
    count = np.bincount(start[annotations.item] + annotations.label, minlength=start[-1])
    code = np.arange(start[-1]) - np.repeat(start[:-1], items.n_choices)
    choices = [items.choices(i) for i in range(len(items))]
    for i, own in zip(inside, grouped([choices[i] for i in inside], meaning), strict=True):
        names = _names(choices[i], own.tolist(), count[start[i] : start[i + 1]].tolist())
        choices[i] = (*names, *(UNSAID.format(k + 1) for k in range(max(least - len(names), 1))))
        code[start[i] : start[i + 1]] = own
    sets = {texts: s for s, texts in enumerate(dict.fromkeys(choices))}
    gold, known = items.gold.copy(), items.gold >= 0
    gold[known] = code[(start[:-1] + items.gold)[known]]
    items = replace(
        items,
        choice_sets=list(sets),
        choice_set=np.array([sets[texts] for texts in choices], dtype=np.int64),
        gold=gold,
    )
    label = code[start[annotations.item] + annotations.label]
    said = annotations.take_labels(np.flatnonzero(label >= 0))
    return replace(said, items=items, label=label[label >= 0])


def said_only(annotations: Annotations, posterior: Floats) -> tuple[Annotations, Floats]:
    """What `by_meaning` made, and its posterior, without the answers nobody gave.

    Rows of the posterior then sum to less than 1: what is missing is the probability that nobody is right.
    """
    items = annotations.items
    known = items.gold + 1
    np.maximum.at(known, annotations.item, annotations.label + 1)
    open_ended = np.array([kind == "text" for kind in items.kinds])[items.task] if len(items) else known > 0
    kept = np.where(open_ended, known, items.n_choices)
    choices = [items.choices(i)[:k] for i, k in enumerate(kept.tolist())]
    sets = {texts: s for s, texts in enumerate(dict.fromkeys(choices))}
    items = replace(items, choice_sets=list(sets), choice_set=np.array([sets[texts] for texts in choices], np.int64))
    return replace(annotations, items=items), np.where(items.choice_mask, posterior[:, : items.max_choices], 0.0)


def _names(texts: Sequence[str], codes: Sequence[int], count: Sequence[int]) -> list[str]:
    """The wording that stands for each meaning."""
    wordings: dict[int, dict[str, int]] = {}
    for text, code, times in zip(texts, codes, count, strict=True):
        wordings.setdefault(code, {})[text] = times
    return [_name(wordings[g]) for g in range(max(codes, default=-1) + 1)]


def _name(count: dict[str, int]) -> str:
    """The most frequent wording; of several the one that shares most words with all, the shortest of these."""
    often = [text for text, times in count.items() if times == max(count.values())]
    if len(often) == 1:
        return often[0]
    near = {text: sum(shared(text, other) * max(times, 1) for other, times in count.items()) for text in often}
    return min(often, key=lambda text: (-round(near[text], 9), len(text), text))
