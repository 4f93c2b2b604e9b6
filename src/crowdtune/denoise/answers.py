"""Annotations whose choices are meanings, so that whatever aggregates labels aggregates answers written freely."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints, Items
from crowdtune.denoise._numbers import is_one
from crowdtune.denoise._words import blank, shared
from crowdtune.denoise.meaning import Embeddings, Exact, Meaning, Numbers, grouped
from crowdtune.denoise.question import Opinion
from crowdtune.errors import InputError, unknown_name

OPEN = 10  # choices of an item where answers are open: of how many a wrong one is drawn, as far as labels can tell
UNSAID = "(another answer {})"  # what those that nobody gave are called, with a letter: a number would be an answer
SHORT = 5  # words of a short answer
NEARLY = 0.9  # share of the answers that is nearly all
OFFERED = ("exact", "numbers", "embeddings")

_UNSAID = re.compile(re.escape(UNSAID).replace(r"\{\}", "[a-z]+"))
Opinions = Mapping[str, Sequence[Opinion | None]]  # who -> what it says of each item


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
    return _recoded(annotations, meaning, tasks, least)[0]


def with_opinions(
    annotations: Annotations, opinions: Opinions, meaning: Meaning, tasks: Sequence[str] = (), least: int = OPEN
) -> tuple[Annotations, dict[str, list[Opinion | None]]]:
    """`by_meaning`, of what experts answer as well; and their opinions in the wordings that stand for the meanings.

    Args:
        annotations: N labels.
        opinions: expert -> what it says of each of the I items, None where it was not asked.
        meaning: how answers are compared.
        tasks: names of those that are changed; () = all of kind "text".
        least: choices of an item.
    """
    items, free = annotations.items, _changed(annotations.items, tasks)
    _require_answers_alone(annotations, free)
    choices = [items.choices(i) for i in range(len(items))]
    for said in opinions.values():
        for i, opinion in enumerate(said):
            if free[i] and opinion is not None and opinion.answer not in choices[i]:
                choices[i] = (*choices[i], opinion.answer)
    wider = replace(annotations, items=_with_choices(items, choices))
    recoded, named = _recoded(wider, meaning, tasks, least)
    return recoded, {
        who: [
            o if o is None or i not in named else replace(o, answer=named[i].get(o.answer, ""))
            for i, o in enumerate(said)
        ]
        for who, said in opinions.items()
    }


def matched(items: Items, opinions: Sequence[Opinion | None], meaning: Meaning) -> list[Opinion | None]:
    """Opinions in the words of the choices that mean the same, "" where none does; for answers that come later.

    Args:
        items: I, as `by_meaning` or `with_opinions` made them.
        opinions: of one expert on each of them.
        meaning: how answers are compared.
    """
    free = _changed(items, ())
    found = list(opinions)
    asked = [i for i, opinion in enumerate(opinions) if opinion is not None and free[i]]
    sets = [[*_given(items.choices(i)), getattr(opinions[i], "answer", "")] for i in asked]
    for i, texts, codes in zip(asked, sets, grouped(sets, meaning), strict=True):
        same = np.flatnonzero((codes[:-1] == codes[-1]) & (codes[-1] >= 0))
        opinion = opinions[i]
        if opinion is not None:
            found[i] = replace(opinion, answer=texts[same[0]] if len(same) else "")
    return found


def _recoded(
    annotations: Annotations, meaning: Meaning, tasks: Sequence[str], least: int
) -> tuple[Annotations, dict[int, dict[str, str]]]:
    """The annotations, and per item changed what each wording is called."""
    items = annotations.items
    _require_answers_alone(annotations, _changed(items, tasks))
    inside = np.flatnonzero(_changed(items, tasks)).tolist()
    start = np.concatenate([[0], np.cumsum(items.n_choices)])
    count = np.bincount(start[annotations.item] + annotations.label, minlength=start[-1])
    code = np.arange(start[-1]) - np.repeat(start[:-1], items.n_choices)
    choices, called = [items.choices(i) for i in range(len(items))], dict[int, dict[str, str]]()
    shown = [["" if _UNSAID.fullmatch(text) else text for text in choices[i]] for i in inside]
    for i, own in zip(inside, grouped(shown, meaning), strict=True):
        names = _names(choices[i], own.tolist(), count[start[i] : start[i + 1]].tolist())
        called[i] = {text: names[g] for text, g in zip(choices[i], own.tolist(), strict=True) if g >= 0}
        choices[i] = (*names, *(UNSAID.format(_letters(k)) for k in range(max(least - len(names), 1))))
        code[start[i] : start[i + 1]] = own
    gold, known = items.gold.copy(), items.gold >= 0
    gold[known] = code[(start[:-1] + items.gold)[known]]
    label = code[start[annotations.item] + annotations.label]
    said = annotations.take_labels(np.flatnonzero(label >= 0))
    return replace(said, items=_with_choices(items, choices, gold), label=label[label >= 0]), called


def _require_answers_alone(annotations: Annotations, free: Bools) -> None:
    """Refuse counts and soft labels beside free texts: they are numbers for choices that would change."""
    if free.any() and not (annotations.counts is None and annotations.soft is None):
        raise InputError(
            "answers are compared by their meaning, and the data also have counts or soft labels, which are of the "
            "wordings. Read the free texts alone (--question NAME)."
        )


def _changed(items: Items, tasks: Sequence[str]) -> Bools:
    """(I,) True for items whose answers are compared: of `tasks`, or of kind "text"."""
    asked = [name in tasks if tasks else kind == "text" for name, kind in zip(items.tasks, items.kinds, strict=True)]
    return np.array(asked, dtype=bool)[items.task]


def _with_choices(items: Items, choices: Sequence[tuple[str, ...]], gold: Ints | None = None) -> Items:
    """The items with other choices, one list each; gold stays where it is not given."""
    sets = {texts: s for s, texts in enumerate(dict.fromkeys(choices))}
    place = np.array([sets[texts] for texts in choices], dtype=np.int64)
    return replace(items, choice_sets=list(sets), choice_set=place, gold=items.gold if gold is None else gold)


def _given(choices: Sequence[str]) -> list[str]:
    """Choices that somebody gave, or gold is."""
    return [text for text in choices if not _UNSAID.fullmatch(text)]


def _letters(k: int) -> str:
    """A, b, ..., z, aa, bb, ..."""
    return chr(ord("a") + k % 26) * (1 + k // 26)


def said_only(annotations: Annotations, posterior: Floats) -> tuple[Annotations, Floats]:
    """What `by_meaning` made, and its posterior, without the answers nobody gave.

    Rows of the posterior then sum to less than 1: what is missing is the probability that nobody is right.
    """
    free = _changed(annotations.items, ())
    choices = [annotations.items.choices(i) for i in range(len(free))]
    items = _with_choices(annotations.items, [tuple(_given(own)) if free[i] else own for i, own in enumerate(choices)])
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
