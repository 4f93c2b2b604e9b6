"""Entries gathered into columns of codes: a few numbers per answer, one text per distinct item, annotator and label.

A million answers take some 60 MB here, whatever the file's size. Nothing is decided yet; see assemble.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from crowdtune.errors import InputError
from crowdtune.ragged import Kept
from crowdtune.read.entries import Answer, Batch, Described, Person, Skipped, Source
from crowdtune.read.labels import Numbers, choice_list, clean, counted, numbers, text_of
from crowdtune.read.report import ReadReport
from crowdtune.read.times import UNKNOWN, moment, number

NONE = -1  # label code of an abstention
POWER, FLOAT = re.compile(r"\d(\.\d+)?[eE]\+\d{2,}"), re.compile(r"\d{6,}\.0+")
ROUNDED = "id like 1.23457E+14, as Excel rounds long numbers: several ids may have become one; export without Excel"
NO_SHARES = "posterior that is no probability for each choice its item names: not used"
AS_FLOAT = "id like 123456789012345.0, a number read as a fraction: beyond 16 digits it is rounded"


@dataclass(slots=True)
class Item:
    """What is known of an item; `source` and `row` say where it was first met, `prompt` is a number of its texts."""

    source: int
    row: int
    id: str
    task: str = ""
    prompt: int = 0
    choices: tuple[str, ...] = ()
    gold: str | tuple[str, ...] = ""
    split: str = ""
    kind: str = ""
    posterior: Numbers = ()
    counts: Numbers = ()


@dataclass
class Gathered:
    """Everything the sources say, coded.

    Args:
        items, annotators, labels: vocabularies; a label is a clean text, or a tuple of them where several were chosen.
        traits: annotator -> what sources say of them.
        texts: what items are about.
        item, annotator, label, source, row: an entry per answer; label is -1 for an abstention.
        time: when, in seconds since 1970 or the source's own numbers; NaN where not known.
        seconds: how long it took; NaN where not known.
    """

    sources: list[Source] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    annotators: dict[str, int] = field(default_factory=dict)
    labels: dict[str | tuple[str, ...], int] = field(default_factory=dict)
    traits: dict[str, dict[str, str]] = field(default_factory=dict)
    texts: Kept = field(default_factory=Kept)
    item: array[int] = field(default_factory=lambda: array("i"))
    annotator: array[int] = field(default_factory=lambda: array("i"))
    label: array[int] = field(default_factory=lambda: array("i"))
    source: array[int] = field(default_factory=lambda: array("H"))
    row: array[int] = field(default_factory=lambda: array("q"))
    time: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def where(self, n: int) -> str:
        """Place of an answer, for errors."""
        return self.sources[self.source[n]].where(self.row[n])

    def where_met(self, item: Item) -> str:
        """Place where an item was first met, for errors."""
        return self.sources[item.source].where(item.row)


def gather(sources: Iterable[Source], report: ReadReport) -> Gathered:
    """Read all sources; those that only describe items come first and share their ids with all others."""
    into = Gathered()
    shared: dict[tuple[str, str], int] = {}
    for source in sources:
        into.sources.append(source)
        _Gatherer(into, report, source, dict(shared) if source.own_ids else shared).take()
    return into


class _Gatherer:
    """Takes the entries of one source."""

    def __init__(self, into: Gathered, report: ReadReport, source: Source, known: dict[tuple[str, str], int]) -> None:
        self.into, self.report, self.source, self.known = into, report, source, known
        self.place = len(into.sources) - 1
        self.by_id: dict[str, list[int]] = {}
        for (name, _), i in known.items():
            self.by_id.setdefault(name, []).append(i)
        self.raw_labels: dict[str, int] = {}
        self.raw_annotators: dict[str, int] = {}

    def take(self) -> None:
        for entry in self.source.entries:
            if isinstance(entry, Answer):
                self.answer(*entry)
            elif isinstance(entry, Described):
                self.describe(entry)
            elif isinstance(entry, Batch):
                self.batch(entry)
            else:
                self.person(entry)

    def person(self, said: Person) -> None:
        """Traits of an annotator; in a list of people alone, those who answer nothing stay out."""
        name = clean(said.annotator)
        if name and not self.source.own_ids:
            self.into.annotators.setdefault(name, len(self.into.annotators))
        if name:
            self.into.traits.setdefault(name, {}).update(said.traits)

    def batch(self, said: Batch) -> None:
        """Answers in columns: the same as one by one, but a column at a time where everybody is named."""
        met = [self.raw_annotators.get(name) if type(name) is str else None for name in said.annotators]
        found = [self.annotator(said.annotators[n]) if j is None else j for n, j in enumerate(met)]
        who = [j for j in found if j is not None]
        if len(who) < len(found):
            self.report.nameless -= len(found) - len(who)  # counted again, one by one
            for entry in zip(*said, strict=True):
                self.answer(*entry)
            return
        into, known, labels = self.into, self.known, self.raw_labels
        self.report.rows += len(said.rows)
        code = NONE
        before: Any = self  # like nothing a row may hold
        asked: Any = self
        for row, item, task in zip(said.rows, said.items, said.tasks, strict=True):
            if item is not before or task is not asked:  # the answers to an item mostly follow each other
                place = known.get((item, task)) if type(item) is str and type(task) is str else None
                code = self.code(row, item, task) if place is None else place
                before, asked = item, task
            into.item.append(code)
        for label in said.labels:
            given = labels.get(label) if type(label) is str else None
            into.label.append(self.label(label) if given is None else given)
        into.annotator.extend(who)
        into.source.extend([self.place] * len(who))
        into.row.extend(said.rows)
        into.time.extend([UNKNOWN if time is None else self.when(time) for time in said.times])
        into.seconds.extend([x if type(x) is float else number(x) for x in said.seconds])

    def answer(self, row: int, item: str, who: str, label: Any, task: str, time: Any, seconds: Any) -> None:
        into, report = self.into, self.report
        report.rows += 1
        code = self.code(row, item, task)
        annotator = self.raw_annotators.get(who) if type(who) is str else None
        if annotator is None:
            annotator = self.annotator(who)
            if annotator is None:
                return
        given = self.raw_labels.get(label) if type(label) is str else None
        into.item.append(code)
        into.annotator.append(annotator)
        into.label.append(self.label(label) if given is None else given)
        into.source.append(self.place)
        into.row.append(row)
        into.time.append(UNKNOWN if time is None else self.when(time))
        into.seconds.append(number(seconds))

    def code(self, row: int, item: Any, task: Any) -> int:
        """Code of an item; under every spelling of its id and task it is looked for only once."""
        plain = type(item) is str and type(task) is str
        code = self.known.get((item, task)) if plain else None
        if code is not None:
            return code
        name, family = clean(item), clean(task)
        if not name:
            raise InputError(f"{self.source.where(row)}: the item is empty. Give every row its item's id.")
        code = self.known.get((name, family))
        if code is None:
            code = self.alike(row, name, family)
        if plain:
            self.known[item, task] = code
        return code

    def alike(self, row: int, name: str, family: str) -> int:
        """The item of that id where only one side names a task, else a new item."""
        same = self.by_id.setdefault(name, [])
        items = self.into.items
        if not family and len(same) == 1:
            return same[0]
        if not family and len(same) > 1:
            tasks = ", ".join(items[i].task for i in same)
            raise InputError(
                f"{self.source.where(row)}: item '{name}' is in several tasks ({tasks}), and the row names none. "
                "Add a column that does, called task."
            )
        for i in same:
            if not items[i].task:
                items[i].task = family
                self.known[name, family] = i
                return i
        self.mangled(name)
        item = Item(self.place, row, name, family)
        told = next((items[i] for i in same if not self.into.sources[items[i].source].own_ids), None)
        if told:  # a file that describes the items for whatever is asked about them
            item.prompt, item.split = told.prompt, told.split
        items.append(item)
        same.append(len(items) - 1)
        self.known[name, family] = len(items) - 1
        return len(items) - 1

    def describe(self, said: Described) -> None:
        """Add what is said of an item; two different texts, choices or gold answers for one id are an error."""
        item = self.into.items[self.code(said.row, said.item, said.task)]
        prompt, texts = "" if said.prompt is None else str(said.prompt), self.into.texts
        if not item.prompt:
            item.prompt = texts.add(prompt)
        elif prompt and prompt != texts[item.prompt]:
            raise another(item, "prompt", prompt, texts[item.prompt], self.source.where(said.row), self.into)
        rest = (said.choices, said.gold, said.split or None, said.posterior, said.counts)
        if rest == (None,) * len(rest):
            item.kind = item.kind or said.kind
            return
        where = self.source.where(said.row)
        merge(item, "choices", choice_list(said.choices, where), where, self.into)
        merge(item, "gold", text_of(said.gold), where, self.into)
        merge(item, "split", clean(said.split), where, self.into)
        item.kind = item.kind or said.kind
        item.posterior = item.posterior or self.shares(said.posterior)
        merge(item, "counts", counted(said.counts, item.choices, f"{where}: item '{item.id}'"), where, self.into)

    def shares(self, raw: Any) -> Numbers:
        """A number for each choice; where it is no such thing none, noted."""
        found = numbers(raw)
        if found is None:
            self.report.notes[NO_SHARES] += 1
        return found or ()

    def annotator(self, who: Any) -> int | None:
        """Code of an annotator; None, counted, where nobody is named."""
        name = clean(who)
        if not name:
            self.report.nameless += 1
            return None
        code = self.into.annotators.get(name)
        if code is None:
            code = self.into.annotators[name] = len(self.into.annotators)
            self.mangled(name)
        if type(who) is str:
            self.raw_annotators[who] = code
        return code

    def mangled(self, name: str) -> None:
        """Count ids that a spreadsheet has rewritten."""
        if POWER.fullmatch(name):
            self.report.notes[ROUNDED] += 1
        elif FLOAT.fullmatch(name):
            self.report.notes[AS_FLOAT] += 1

    def label(self, label: Any) -> int:
        """Code of a label; -1 for an abstention the format knows of."""
        if isinstance(label, Skipped):
            self.report.abstentions[str(label)] = self.report.abstentions.get(str(label), 0) + 1
            return NONE
        text = text_of(label)
        code = self.into.labels.setdefault(text, len(self.into.labels))
        if type(label) is str:
            self.raw_labels[label] = code
        return code

    def when(self, time: Any) -> float:
        found = moment(time)
        if found != found and clean(time):
            self.report.unclear_times += 1
        return found


def merge(item: Item, name: str, value: Any, where: str, into: Gathered) -> None:
    """Set what is known of an item; refuse a second, different value."""
    known = getattr(item, name)
    if value and known and value != known:
        raise another(item, name, value, known, where, into)
    if value:
        setattr(item, name, value)


def another(item: Item, name: str, value: Any, known: Any, where: str, into: Gathered) -> InputError:
    """What to say where two things are told of one item."""
    return InputError(
        f"{where}: item '{item.id}' has another {name} than in {into.where_met(item)} "
        f"({str(value)[:60]!r} and {str(known)[:60]!r}). Give different items different ids."
    )
