"""Label Studio's JSON: tasks with their annotations, as a list or as lines, and the files of a target storage.

Every control tag is a question of its own. A cancelled or empty annotation is no answer, one marked as ground truth is
gold, and a prediction is an answer of its model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Batch, Described, Entry, Person, Skipped
from crowdtune.read.formats._label_studio import Annotation, Given, Result, Stored, Task, User, given, together
from crowdtune.read.formats._label_studio_files import known, objects
from crowdtune.read.formats._prompt import pair_of, prompt_of, shown
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

KEPT = 100_000  # distinct values remembered
LONGEST = 200  # bytes of a value worth remembering; longer ones are texts
TASK = Answer._fields.index("task")
FULL = 4096  # answers handed on together
NUMBERS = "annotations or predictions exported as numbers alone: not read (export them in full)"
DRAFTS = "drafts: not submitted, not read"
GOLD = "annotations marked as ground truth: read as gold, not as answers"
TORN = "items whose ground truths disagree: read as without gold"
AGAIN = "second answers of one annotation to one question: left out"
TWICE = "copies of an annotation (same id) left out"
MIXED = "annotators named by number in one place and by e-mail address in another: two people, unless renamed"


def recognise(opened: Opened) -> str:
    """By what the file is known: see formats."""
    return known(opened)


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """What the tasks say."""
    reader = _Reader(report)
    for number, where, data in objects(opened):
        yield from reader.take(number, where, data)
    yield from reader.rest()
    reader.tell(opened)


_Row = tuple[int, str, str, Any, str, Any, float | None]  # an answer, without the time it takes to name its parts


@dataclass(slots=True)
class _Said:
    """What a task says beside its answers, which begin at `start` in the reader's list."""

    number: int
    item: str
    data: dict[str, Any]
    start: int
    golds: list[tuple[str, Any]] = field(default_factory=list)
    asked: dict[str, None] = field(default_factory=dict)  # questions answered
    kept: list[_Row] = field(default_factory=list)  # its answers, while no question is known


class _Reader:
    """Translates tasks one by one; remembers the questions met, for items nobody answered."""

    def __init__(self, report: ReadReport) -> None:
        self.notes = report.notes
        self.task_of = msgspec.json.Decoder(Task).decode
        self.stored_of = msgspec.json.Decoder(Stored).decode
        self.values: dict[bytes, Given] = {}
        self.questions: dict[str, tuple[str, list[str]]] = {}  # kind, and fields it is about
        self.emails: dict[int | str, str] = {}
        self.by_number: dict[int | str, str] = {}
        self.known: set[int | str] = set()  # ids of stored annotations
        self.models: dict[str, None] = {}
        self.unasked: list[_Said] = []
        self.out: list[_Row] = []
        self.read = 0

    def take(self, number: int, where: str, data: bytes | memoryview) -> Iterable[Entry]:
        """What a task or a stored annotation says."""
        try:
            task = self.task_of(data)
            if task.data is not None or task.annotations is not None or task.completions is not None:
                return self.task(number, task, task.annotations or task.completions or [])
            stored = self.stored_of(data)
            if stored.result is None and not stored.was_cancelled:
                raise msgspec.ValidationError("it has neither data, annotations nor a result")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
            raise InputError(
                f"{where}: not a task or annotation of Label Studio ({e}). Mend it, or export the project again."
            ) from e
        if stored.id in self.known:
            self.notes[TWICE] += 1
            return ()
        if stored.id is not None:
            self.known.add(stored.id)
        return self.task(number, stored.task, [stored])

    def task(self, number: int, task: Task, annotations: Iterable[Annotation | int]) -> list[Entry]:
        said = _Said(number, str(number if task.id is None else task.id), task.data or {}, len(self.out))
        entries: list[Entry] = []
        for annotation in annotations:
            if isinstance(annotation, int):
                self.notes[NUMBERS] += 1
            else:
                self.add(said, annotation, self.who(annotation))
        for prediction in task.predictions or ():
            entries += self.prediction(said, prediction)
        if task.drafts:
            self.notes[DRAFTS] += len(task.drafts)
        if said.asked or self.questions:
            return entries + self.item(said)
        said.kept = self.out[said.start :]
        del self.out[said.start :]
        self.unasked.append(said)
        return entries

    def prediction(self, said: _Said, prediction: Annotation | int) -> list[Entry]:
        if isinstance(prediction, int):
            self.notes[NUMBERS] += 1
            return []
        model = f"model {prediction.model_version or ''}".strip()
        met = model in self.models
        self.models[model] = None
        self.add(said, prediction, model)
        return [] if met else [Person(model, {"kind": "model"})]

    def add(self, said: _Said, annotation: Annotation, who: str) -> None:
        """Add the answers of one annotation; a cancelled or empty one is an abstention from the item's question."""
        number, item, time, seconds = said.number, said.item, annotation.updated_at, annotation.lead_time
        if time is None:
            time = annotation.created_at
        results = annotation.result
        if annotation.was_cancelled or annotation.skipped or not results:
            why = "cancelled" if annotation.was_cancelled or annotation.skipped else "empty"
            self.out.append((number, item, who, Skipped(why), "", time, seconds))
            return
        gold = annotation.ground_truth or annotation.honeypot
        if len(results) == 1 and not gold:  # as nearly all are
            name, known = results[0].from_name, self.values.get(bytes(results[0].value))
            if known and not known.note and name in self.questions:
                said.asked[name] = None
                self.out.append((number, item, who, known.label, name, time, seconds))
                return
        if gold:
            self.notes[GOLD] += 1
        for question, label in self.given(results):
            said.asked[question] = None
            if not gold:
                self.out.append((number, item, who, label, question, time, seconds))
            elif not isinstance(label, Skipped):
                said.golds.append((question, label))

    def given(self, results: list[Result]) -> Iterable[tuple[str, Any]]:
        """What an annotation says to each question."""
        found: dict[str, Given] = {}
        for result in results:
            value = bytes(result.value)
            said = self.values.get(value) or self.value(value)
            name = result.from_name or ""
            if said.note:
                self.notes[said.note] += 1
                continue
            if name not in self.questions:
                fields = result.to_name if isinstance(result.to_name, list) else (result.to_name or "").split(",")
                self.questions[name] = said.kind, [part.strip() for part in fields]
            if name in found:
                both = together(found[name], said)
                self.notes.update([AGAIN] if both is None else [])
                said = both or found[name]
            found[name] = said
        return [(name, said.label) for name, said in found.items()]

    def value(self, value: bytes) -> Given:
        said = given(msgspec.json.decode(value))
        if len(value) < LONGEST and len(self.values) < KEPT:
            self.values[value] = said
        return said

    def item(self, said: _Said) -> list[Entry]:
        """Describe the item for every question asked of it; hand its answers on, many items at a time."""
        self.read += len(self.out) - said.start + len(said.golds)
        gold = self.gold(said.golds) if said.golds else {}
        entries: list[Entry] = []
        for question in said.asked or self.questions or {"": None}:
            kind, fields = self.questions.get(question, ("", []))
            if kind == "pair":
                entries.append(self.pair(said, question, fields, gold.get(question)))
                continue
            prompt = prompt_of(said.data, fields)
            entries.append(Described(said.number, said.item, question, prompt, None, gold.get(question), "", kind))
        first = next(iter(said.asked or self.questions), "")
        for n in range(said.start, len(self.out)):
            if not self.out[n][TASK]:
                self.out[n] = Answer(*self.out[n])._replace(task=first)
        if len(self.out) >= FULL:
            entries.append(self.batch())
        return entries

    def batch(self) -> Batch:
        """The answers so far, to be handed on."""
        out, self.out = self.out, []
        return Batch(*zip(*out, strict=True)) if out else Batch((), (), (), (), (), (), ())

    def gold(self, golds: list[tuple[str, Any]]) -> dict[str, Any]:
        """The gold answer to each question, where there is one only."""
        found: dict[str, Any] = {}
        torn = {question for question, label in golds if found.setdefault(question, label) != label}
        self.notes.update([TORN] * len(torn))
        return {question: label for question, label in found.items() if question not in torn}

    def pair(self, said: _Said, question: str, fields: list[str], gold: Any) -> Described:
        """The item as two texts, with left and right in its answers named by them."""
        names, texts = _sides(said.data, fields)
        for n in range(said.start, len(self.out)):
            answer = Answer(*self.out[n])
            if answer.task == question and type(answer.label) is str:
                self.out[n] = answer._replace(label=texts.get(answer.label, answer.label))
        gold = texts.get(gold, gold) if isinstance(gold, str) else gold
        prompt = prompt_of(said.data, () if names else fields, names)
        return Described(said.number, said.item, question, prompt, [*texts.values()], gold, "", "pair")

    def rest(self) -> Iterator[Entry]:
        """The items met before any question was, and the last answers."""
        for said in self.unasked:
            said.start = len(self.out)
            self.out.extend(said.kept)
            yield from self.item(said)
        yield self.batch()

    def who(self, said: Annotation) -> str:
        """The annotator's e-mail address, else number."""
        by: Any = said.completed_by
        if type(by) is int:
            return self.by_number.get(by) or self.number(by)
        if by is None:
            by = said.created_username
        if isinstance(by, User):
            if by.email and by.id is not None:
                self.emails[by.id] = by.email
            return by.email or ("" if by.id is None else str(by.id))
        return by or ""

    def number(self, by: int) -> str:
        """Name of an annotator known by number; an e-mail address where an earlier annotation tells it."""
        name = self.emails.get(by) or str(by)
        self.by_number[by] = name
        return name

    def tell(self, opened: Opened) -> None:
        """Say what of the file as a whole is worth it."""
        mixed = self.by_number.keys() & self.emails.keys()
        if mixed:
            self.notes[MIXED] += len(mixed)
        if not self.read and self.notes:
            raise InputError(
                f"{opened.path} holds no answer to a whole item ({'; '.join(self.notes)}). "
                "Export annotations of choices, taxonomy, ratings, numbers, texts or pairs."
            )


def _sides(data: dict[str, Any], fields: list[str]) -> tuple[list[str], dict[str, str]]:
    """The fields of the two texts compared, and left and right as those texts where they differ."""
    names = pair_of(data, fields)
    texts = [shown(data[name]) for name in names]
    if len({clean(text) for text in texts} - {""}) == 2:
        return names, dict(zip(("left", "right"), texts, strict=True))
    return [], {"left": "left", "right": "right"}
