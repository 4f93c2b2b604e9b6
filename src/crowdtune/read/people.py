"""Which annotators are models: by the name of their column, or by a column that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from crowdtune.read.entries import Person
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.tables import Chunk

JUDGES = ("judge", "judge_model", "model")  # columns whose annotators are models
KINDS = ("annotator_kind", "annotator_type")  # columns that say of each whether it is one
MODELS = frozenset({"model", "llm", "machine", "ai", "tool"})  # casefolded
PERSONS = frozenset({"person", "human", "people", "crowd", "expert"})


def is_annotator(opened: Opened, roles: Mapping[str, str]) -> bool:
    """True but for a `model` column that is not a judge: nothing is labelled, or every item has one model alone."""
    if roles.get("annotator") not in JUDGES or "annotator" in opened.columns:
        return True
    if "label" not in roles or "item" not in roles:
        return False
    count = Counter(clean(row.cells.get(roles["item"])) for row in opened.sample)
    return roles["annotator"] != "model" or max(count.values(), default=0) > 1


class Kinds:
    """Tells of each annotator once what it is."""

    def __init__(self, roles: Mapping[str, str], names: Collection[str]) -> None:
        self.annotator = roles.get("annotator", "")
        self.kind = next((name for name in KINDS if name in names), "")
        self.told = set[str]()

    def of(self, chunk: Chunk) -> Iterator[Person]:
        """The annotators first met in a chunk, where anything is known."""
        if not self.kind and self.annotator not in JUDGES:
            return
        people = chunk.cells.get(self.annotator, [])
        kinds = chunk.cells.get(self.kind) or ["model"] * len(people)
        for who, said in zip(map(clean, people), kinds, strict=True):
            kind = clean(said).casefold()
            kind = "model" if kind in MODELS else "person" if kind in PERSONS else ""
            if who and kind and who not in self.told:
                self.told.add(who)
                yield Person(who, {"kind": kind})
