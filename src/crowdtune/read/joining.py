"""Which items of several files are one: by id, or by content where every file counts its own."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from crowdtune.read.builder import Gathered, Item, another, merge
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
        join = "content" if len(own) > 1 and _count_on_their_own(got) else "id"
    if len(own) > 1:
        report.joined = join
    if len(got.sources) == 1 and join == "id":
        return got.items, list(range(len(got.items)))
    items, place = _merged(got, by_content=join == "content")
    report.same_items = len(got.items) - len(items)
    return items, place


def _text(item: Item, got: Gathered) -> bytes:
    """The item's text without regard to how it is spaced, as a digest: the texts of all may be more than memory."""
    plain = " ".join(unicodedata.normalize("NFC", got.texts[item.prompt]).split())
    return hashlib.blake2b(plain.encode(errors="surrogatepass"), digest_size=16).digest()


def _by_content(item: Item, got: Gathered) -> Hashable:
    return (_text(item, got), item.task, item.choices) if item.prompt else (item.id, item.task, item.source)


def _count_on_their_own(got: Gathered) -> bool:
    """True where two files give one id to two texts, or two ids to one text."""
    texts: dict[tuple[bytes, str], Item] = {}
    ids: dict[tuple[str, str], tuple[Item, bytes]] = {}
    for item in got.items:
        if not item.prompt:
            continue
        text = _text(item, got)
        named, known = ids.setdefault((item.id, item.task), (item, text))
        told = texts.setdefault((text, item.task), item)
        if named.source != item.source and known != text:
            return True
        if told.source != item.source and told.id != item.id:
            return True
    return False


def _merged(got: Gathered, *, by_content: bool) -> tuple[list[Item], list[int]]:
    found: dict[Hashable, int] = {}
    items: list[Item] = []
    place = []
    for item in got.items:
        key = _by_content(item, got) if by_content else (item.id, item.task)
        at = found.setdefault(key, len(items))
        if at == len(items):
            items.append(replace(item))
        else:
            for name in ("choices", "gold", "split", "counts"):
                merge(items[at], name, getattr(item, name), got.where_met(item), got)
            if not by_content:
                _merge_text(items[at], item, got)
            items[at].kind = items[at].kind or item.kind
            items[at].posterior = items[at].posterior or item.posterior
        place.append(at)
    return items, place


def _merge_text(item: Item, other: Item, got: Gathered) -> None:
    """Give an item the text of another of its id; refuse a second, different one."""
    one, two = got.texts[item.prompt], got.texts[other.prompt]
    if one and two and one != two:
        raise another(item, "prompt", two, one, got.where_met(other), got)
    item.prompt = item.prompt or other.prompt


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
