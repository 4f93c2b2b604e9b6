"""What the user decides about reading; everything has a default that loses nothing silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crowdtune.annotations import KINDS
from crowdtune.errors import unknown_name
from crowdtune.read.joining import JOINS

REPEATS = ("last", "first", "majority", "error")
SEVERAL = ("tasks", "counts")


@dataclass(frozen=True)
class Policy:
    """What to do with what real exports get wrong."""

    choices: tuple[str, ...] = ()  # allowed answers of every item that names none; () = those that occur
    labels: str | None = None  # "text", "letter" or "code" where the data cannot decide
    repeats: str = "last"  # of one annotator's answers to one item: last (by time), first, majority or error
    abstain: tuple[str, ...] = ()  # answers that mean "no answer"
    several: str = "tasks"  # of a question that allows several answers at once each option is a task, yes or no; or
    # every answer is counted: an annotator's only one is their label, several are counts without them
    rename: Mapping[str, str] = field(default_factory=dict)  # spelling -> choice
    questions: tuple[str, ...] = ()  # which to read of a source that asks several; () = all but free texts
    kind: str = ""  # of the answers where the source does not say: choice, grade, pair or text
    join: str = "auto"  # items of several files are one by id, by content, or auto

    def __post_init__(self) -> None:
        for what, name, known in (
            ("policy for repeated answers", self.repeats, REPEATS),
            ("policy for several answers at once", self.several, SEVERAL),
            ("kind of answers", self.kind or KINDS[0], KINDS),
            ("way to join files", self.join, JOINS),
        ):
            if name not in known:
                raise unknown_name(what, name, known)
