"""Which questions of a source are read, and answers that are several choices at once as yes-or-no tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Ints
from crowdtune.errors import InputError, unknown_name
from crowdtune.read.builder import Item
from crowdtune.read.report import ReadReport

NO, YES = "no", "yes"
MOST = 500  # different options of one question; more are no options but texts
Text = str | tuple[str, ...]


@dataclass(frozen=True)
class Labels:
    """Answers in columns.

    Args:
        items: what was answered.
        item: (N,) which of `items`.
        text: (N,) which of `texts`; -1 for an abstention.
        texts: distinct answers; a tuple where several options were chosen.
        answer: (N,) which answer of the source each is.
    """

    items: list[Item]
    item: Ints
    text: Ints
    texts: Sequence[Text]
    answer: Ints

    def tasks(self) -> dict[str, Ints]:
        """Task -> its items, in the order of the file."""
        found: dict[str, list[int]] = {}
        for i, item in enumerate(self.items):
            found.setdefault(item.task, []).append(i)
        return {task: np.array(index, dtype=np.int64) for task, index in found.items()}

    def of(self, index: Ints) -> Ints:
        """Rows of the answers to some items."""
        asked = np.zeros(len(self.items), dtype=bool)
        asked[index] = True
        return np.flatnonzero(asked[self.item])


def asked(labels: Labels, questions: Sequence[str], report: ReadReport) -> Labels:
    """Keep the questions the user names; without any, all but those answered freely, if there are others."""
    tasks = labels.tasks()
    for name in questions:
        if name not in tasks:
            raise unknown_name("question", name, tasks)
    free = [task for task, index in tasks.items() if labels.items[index[0]].kind == "text"]
    kept = list(questions) or [task for task in tasks if task not in free] or list(tasks)
    report.left_questions = [task for task in tasks if task not in kept]
    if not report.left_questions:
        return labels
    return _part(labels, np.sort(np.concatenate([tasks[task] for task in kept])))


def spread(labels: Labels, several_as: str, report: ReadReport) -> Labels:
    """Answers that are lists: one text each where none holds two, else as the user says (see `Policy.several`).

    Args:
        labels: answers, of which some may be several at once.
        several_as: "tasks", a yes-or-no task for every option; "counts", a row for every option chosen.
        report: told which questions these are.
    """
    apart = _options if several_as == "tasks" else _marks
    several = np.array([isinstance(text, tuple) for text in labels.texts] or [False])
    parts, rest = [], np.ones(len(labels.items), dtype=bool)
    for task, index in labels.tasks().items():
        part = _part(labels, index)
        used = part.text[part.text >= 0]
        lists = [part.texts[t] for t in np.unique(used[several[used]])]
        lists += [item.gold for item in part.items if isinstance(item.gold, tuple)]
        if lists:
            rest[index] = False
            parts.append(apart(part, task, report) if max(map(len, lists)) > 1 else _single(part))
    if not parts:
        return labels
    return _together([_part(labels, np.flatnonzero(rest)), *parts])


def _part(labels: Labels, index: Ints) -> Labels:
    """Some items and the answers to them."""
    place = np.full(len(labels.items), -1)
    place[index] = np.arange(len(index))
    rows = np.flatnonzero(place[labels.item] >= 0)
    items = [labels.items[i] for i in index]
    return Labels(items, place[labels.item[rows]], labels.text[rows], labels.texts, labels.answer[rows])


def _one(text: Text) -> str:
    return text if isinstance(text, str) else text[0] if text else ""


def _single(part: Labels) -> Labels:
    items = [replace(item, gold=_one(item.gold)) for item in part.items]
    return replace(part, items=items, texts=[_one(text) for text in part.texts])


def _options(part: Labels, task: str, report: ReadReport) -> Labels:
    """Each item once for every option, answered yes or no."""
    met = [part.texts[t] for t in np.unique(part.text) if t >= 0] + [item.gold for item in part.items]
    met += [item.choices for item in part.items]
    sets = [(text,) if isinstance(text, str) else text for text in met]
    options = sorted({option for chosen in sets for option in chosen if option})
    if len(options) > MOST:
        raise InputError(
            f"question '{task}' has {len(options)} different options in its lists, which is more than {MOST}. "
            "Lists of options are read as yes-or-no questions; leave this one out with --question."
        )
    report.options[task] = options
    c, n = len(options), len(part.items)
    code = {option: o for o, option in enumerate(options)}
    chosen = np.zeros((len(part.texts), c), dtype=np.int64)
    for t in np.unique(part.text[part.text >= 0]):
        text = part.texts[t]
        for option in (text,) if isinstance(text, str) else text:
            if option:
                chosen[t, code[option]] = 1
    items = [_asked_of(item, option, task) for option in options for item in part.items]
    text = np.where(part.text[None, :] >= 0, chosen.T[:, part.text], -1)
    item = (np.arange(c)[:, None] * n + part.item[None, :]).ravel()
    return Labels(items, item, text.ravel(), [NO, YES], np.tile(part.answer, c))


def _marks(part: Labels, task: str, report: ReadReport) -> Labels:
    """A row for every option chosen; several gold answers become the shares of an item that has none."""
    sets = [(text,) if isinstance(text, str) else tuple(filter(None, text)) or ("",) for text in part.texts]
    options = {option: code for code, option in enumerate(dict.fromkeys(o for chosen in sets for o in chosen))}
    report.counted[task] = 0
    width = np.array([len(chosen) for chosen in sets] or [1])
    starts = np.concatenate([[0], np.cumsum(width)])
    flat = np.array([options[option] for chosen in sets for option in chosen] or [0])
    times = np.where(part.text >= 0, width[part.text], 1)
    rows = np.repeat(np.arange(len(part.text)), times)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    text = np.where(part.text[rows] >= 0, flat[(starts[part.text[rows]] + place).clip(max=len(flat) - 1)], -1)
    items = [_with_one_gold(item) for item in part.items]
    return Labels(items, part.item[rows], text, list(options) or [""], part.answer[rows])


def _with_one_gold(item: Item) -> Item:
    """An item whose gold answer is one; several are its shares."""
    if isinstance(item.gold, str) or len(item.gold) < 2:
        return replace(item, gold=_one(item.gold))
    return replace(item, gold="", posterior=item.posterior or dict.fromkeys(filter(None, item.gold), 1.0))


def _asked_of(item: Item, option: str, task: str) -> Item:
    gold = (item.gold,) if isinstance(item.gold, str) and item.gold else item.gold
    answer = (YES if option in gold else NO) if gold else ""
    name = f"{task}: {option}" if task else option
    return replace(
        item,
        task=name,
        choices=(NO, YES),
        gold=answer,
        kind="choice",
        id=f"{item.id}/{option}",
        posterior=(),
        counts=(),
    )


def _together(parts: list[Labels]) -> Labels:
    """Several parts as one, vocabularies joined."""
    items: list[Item] = []
    texts: dict[Text, int] = {}
    item, text = [], []
    for part in parts:
        item.append(part.item + len(items))
        items.extend(part.items)
        own = np.array([texts.setdefault(t, len(texts)) for t in part.texts] or [0])
        text.append(np.where(part.text >= 0, own[part.text], -1))
    answer = np.concatenate([part.answer for part in parts])
    return Labels(items, np.concatenate(item), np.concatenate(text), list(texts), answer)
