"""Which items of several files are one: by id, or by content where every file counts its own."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from crowdtune.read.builder import Gathered, Item, merge
from crowdtune.read.report import ReadReport

JOINS = ("auto", "id", "content")


def united(got: Gathered, join: str, report: ReadReport) -> tuple[list[Item], list[int]]:
    """Unite items of several files.

    Args:
        got: what the sources say.
        join: "id"; "content", items of the same task with the same text; "auto", which takes content where files
            clearly count on their own: the same id for different texts, or the same text under different ids.
        report: told what was done.

    Returns:
        The items, of which several may share an id until they are `named`, and for each item of `got` its place
        among them.
    """
    own = {n for n, source in enumerate(got.sources) if source.own_ids}
    if join == "auto":
        join = "content" if len(own) > 1 and _count_on_their_own(got.items) else "id"
    if len(own) > 1:
        report.joined = join
    if len(got.sources) == 1 and join == "id":
        return got.items, list(range(len(got.items)))
    key = _by_content if join == "content" else _by_id
    items, place = _merged(got, key)
    report.same_items = len(got.items) - len(items)
    return items, place


def _text(item: Item) -> str:
    return " ".join(unicodedata.normalize("NFC", item.prompt).split())


def _by_id(item: Item) -> Hashable:
    return item.id, item.task


def _by_content(item: Item) -> Hashable:
    return (_text(item), item.task, item.choices) if item.prompt else (item.id, item.task, item.source)


def _count_on_their_own(items: list[Item]) -> bool:
    """True where two files give one id to two texts, or two ids to one text."""
    texts: dict[tuple[str, str], Item] = {}
    ids: dict[tuple[str, str], Item] = {}
    for item in items:
        if not item.prompt:
            continue
        named, told = ids.setdefault((item.id, item.task), item), texts.setdefault((_text(item), item.task), item)
        if named.source != item.source and _text(named) != _text(item):
            return True
        if told.source != item.source and told.id != item.id:
            return True
    return False


def _merged(got: Gathered, key: Callable[[Item], Hashable]) -> tuple[list[Item], list[int]]:
    found: dict[Hashable, int] = {}
    items: list[Item] = []
    place = []
    for item in got.items:
        at = found.setdefault(key(item), len(items))
        if at == len(items):
            items.append(replace(item))
        else:
            for name in ("choices", "gold", "split", "counts"):
                merge(items[at], name, getattr(item, name), got.where_met(item), got)
            if key is _by_id:
                merge(items[at], "prompt", item.prompt, got.where_met(item), got)
            items[at].kind = items[at].kind or item.kind
            items[at].posterior = items[at].posterior or item.posterior
        place.append(at)
    return items, place


def named(items: Sequence[Item], paths: Sequence[Path]) -> list[Item]:
    """Items with ids of their own: those that share one get the name of their task, or of their file, or a number.

    Args:
        items: those that are read; questions left out must not make the ids of the others longer.
        paths: of the sources.
    """
    count: dict[str, int] = {}
    for item in items:
        count[item.id] = count.get(item.id, 0) + 1
    taken = {name for name, n in count.items() if n == 1}
    own = []
    for item in items:
        if count[item.id] > 1:
            name = f"{item.id}/{item.task}" if item.task else item.id
            n = 1
            while name in taken:
                n += 1
                name = f"{paths[item.source].stem}/{item.id}" if n == 2 else f"{item.id}#{n}"
            taken.add(name)
            item = replace(item, id=name)
        own.append(item)
    return own
