"""What reading a file did, in counts: nothing dropped, merged or renamed goes unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Items
from crowdtune.metrics.crowd import facts, like_responses

SHOWN = 5  # examples named per finding
LISTED = 1000  # repeated answers named in `as_dict`; all are counted


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name or "default") for name in names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


@dataclass
class ReadReport:
    """Counts and examples gathered while a file was read.

    Args:
        source: the path, as given.
        shape: name of the format, or of the plain shape (see `shapes`), or "folder".
        known_by: by what the format was recognised.
        columns: role -> column name.
        ignored: columns without a meaning here.
        beside: what was read of further files.
        rows: rows (or labels, in wide and nested files) seen.
        readings: task -> how labels were read: "text", "letter", "code" or "mixed".
        abstentions: text of an empty, skipped or null answer -> how often; none of them became a choice.
        repeats: (item, annotator) pairs that came more than once.
        repeated_rows: rows dropped because of them.
        repeats_policy: which of several answers of one annotator to one item was kept.
        nameless: answers left out because nobody is named as their annotator.
        unclear_times: answers whose time could not be understood; they count as earlier than all others.
        joined: how items of several files were united, "id" or "content".
        same_items: items that turned out to be another one.
        left_questions: questions of the source that were not read.
        options: question answered by lists -> its options, each now a yes-or-no task of its own.
        counted: question answered by lists -> how many answers were several at once, each of them now a count.
        free: tasks whose many different answers were taken for free text.
        notes: what else a format has to say, with how often.
        merged: spelling as found -> choice it was taken for.
        merged_rows: rows whose spelling was changed so.
    """

    source: str
    shape: str = "long"
    known_by: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    beside: list[ReadReport] = field(default_factory=list)
    rows: int = 0
    readings: dict[str, str] = field(default_factory=dict)
    abstentions: dict[str, int] = field(default_factory=dict)
    repeats: list[tuple[str, str]] = field(default_factory=list)
    repeated_rows: int = 0
    repeats_policy: str = "last"
    nameless: int = 0
    unclear_times: int = 0
    joined: str = ""
    same_items: int = 0
    left_questions: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    merged: dict[str, str] = field(default_factory=dict)
    merged_rows: int = 0

    def respelled(self, spelling: str, choice: str, times: int) -> None:
        """Count labels taken for a choice that is spelled otherwise."""
        self.merged[spelling] = choice
        self.merged_rows += times

    def taken(self) -> list[str]:
        """What was taken for what, and what was left aside."""
        roles = ", ".join(f"{role} = {column}" for role, column in self.columns.items())
        shape = f"{self.shape}, known by {self.known_by}" if self.known_by else self.shape
        said = [f"read {self.source} ({'; '.join(filter(None, [shape, roles]))})"]
        if self.ignored:
            some = ", ".join(self.ignored[:SHOWN]) + (", ..." if len(self.ignored) > SHOWN else "")
            said.append(f"columns without a meaning here: {some}")
        return said

    def lines(self, annotations: Annotations) -> list[str]:
        """Say it, a line for each finding."""
        said = [line for report in (self, *self.beside) for line in report.taken()]
        if set(self.readings.values()) - {"text"}:
            how = ", ".join(f"{task}: {way}" for task, way in self.readings.items())
            said.append(f"labels read by {how}")
        if self.repeats:
            some = ", ".join(f"{item}/{annotator}" for item, annotator in self.repeats[:SHOWN])
            said.append(
                f"{self.repeated_rows} repeated answers of one annotator to one item dropped, kept the "
                f"{self.repeats_policy} of each ({some}{', ...' if len(self.repeats) > SHOWN else ''})"
            )
        if self.abstentions:
            words = ", ".join(f"{word!r} {n}" for word, n in sorted(self.abstentions.items()))
            said.append(f"{sum(self.abstentions.values())} answers taken as abstentions, not as a choice ({words})")
        if self.merged:
            some = ", ".join(f"{raw!r} -> {choice!r}" for raw, choice in sorted(self.merged.items())[:SHOWN])
            more = ", ..." if len(self.merged) > SHOWN else ""
            said.append(f"{self.merged_rows} labels respelled ({some}{more}); --rename or --choices decides otherwise")
        written = ["the answers look like free responses: pass --kind text"] if like_responses(annotations) else []
        return said + self._found() + facts(annotations) + written

    def all_notes(self) -> Counter[str]:
        """What all files brought with them."""
        found = Counter(self.notes)
        for report in self.beside:
            found.update(report.all_notes())
        return found

    def _found(self) -> list[str]:
        """What a format or several files brought with them."""
        said = [f"{n} x {note}" for note, n in self.all_notes().items()]
        if self.left_questions:
            said.append(f"questions left out: {_some(self.left_questions)} (--question NAME reads one)")
        for question, options in self.options.items():
            asked = _some([question])
            said.append(f"{asked} allows several answers at once: each of {_some(options)} is a task, yes or no")
            said.append("--several counts keeps it one question, with every answer counted")
        for question, n in self.counted.items():
            said.append(
                f"{_some([question])} allows several answers at once: {n} times an annotator gave several, counted "
                "without their annotator; an only answer is its annotator's label"
            )
        if self.free:
            said.append(f"answers of {_some(self.free)} taken for free texts: no two items share their choices")
        if self.nameless:
            said.append(f"{self.nameless} answers left out: nobody is named as their annotator")
        if self.unclear_times:
            said.append(f"{self.unclear_times} times not understood; of repeated answers those count as the earliest")
        if self.joined:
            by = "id" if self.joined == "id" else "their text, as the files count on their own"
            said.append(f"files joined by {by}: {self.same_items} items are in several (--join id or content decides)")
        return said

    def numbers(self, annotations: Annotations) -> dict[str, Any]:
        """What was read, in numbers."""
        items, counts = annotations.items, annotations.labels_per_item
        labelled, unnamed = counts[counts > 0], annotations.all_votes.sum(axis=1) - counts
        shares = 0 if annotations.soft is None else int((annotations.soft.sum(axis=1) > 0).sum())
        return {
            "format": self.shape,
            "known_by": self.known_by,
            "items": len(items),
            "labels": len(annotations),
            "annotators": len(annotations.annotators),
            "questions": [_question(items, m) for m in range(len(items.tasks)) if (items.task == m).any()],
            "abstentions": sum(self.abstentions.values()),
            "nameless": self.nameless,
            "repeated": self.repeated_rows,
            "respelled": self.merged_rows,
            "labels_per_item": round(float(labelled.mean()), 2) if len(labelled) else 0.0,
            "items_with_one_label": int((counts == 1).sum()),
            "items_without_label": int((~annotations.answered).sum()),
            "items_with_counts": int((unnamed > 0).sum()),
            "unnamed_labels": int(unnamed.sum()),
            "items_with_shares": shares,
            "gold": int((items.gold >= 0).sum()),
            "notes": dict(self.all_notes()),
        }

    def as_dict(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The whole report as plain data, annotators by other `names` wherever one is named."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        told["beside"] = [other.as_dict(names) for other in self.beside]
        told["notes"] = dict(self.notes)
        told["source"] = _renamed(self.source, names)
        told["repeats"] = [[item, names.get(who, who)] for item, who in self.repeats[:LISTED]]
        if "annotators" in self.columns:  # a wide file's columns are people
            people = [names.get(who, who) for who in self.columns["annotators"].split(", ")]
            told["columns"] = self.columns | {"annotators": ", ".join(people)}
        return told


def _renamed(path: str, names: Mapping[str, str]) -> str:
    """A path in which a file or folder named like an annotator has the other name."""
    parts = [names.get(part, names.get(Path(part).stem, part)) for part in Path(path).parts]
    return str(Path(*parts)) if parts else path


def _question(items: Items, m: int) -> dict[str, Any]:
    """Name, kind and choices of a task; no choices where its items have different ones."""
    first = int(np.flatnonzero(items.task == m)[0])
    choices = list(items.choices(first)) if items.shared_choices[m] else []
    return {"name": items.tasks[m], "kind": items.kinds[m], "choices": choices}
