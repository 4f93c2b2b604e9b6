"""What reading a file did, in counts: nothing dropped, merged or renamed goes unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field

from crowdtune.annotations import Annotations
from crowdtune.metrics.crowd import facts

SHOWN = 5  # examples named per finding


@dataclass
class ReadReport:
    """Counts and examples gathered while a file was read.

    Args:
        source: the path, as given.
        shape: "long", "wide", "nested", "items" or "folder".
        columns: role -> column name.
        ignored: columns without a meaning here.
        beside: what was read of second files that describe the items.
        rows: rows (or labels, in wide and nested files) seen.
        readings: task -> how labels were read: "text", "letter", "code" or "mixed".
        abstentions: text of an empty, skipped or null answer -> how often; none of them became a choice.
        repeats: (item, annotator) pairs that came more than once.
        repeated_rows: rows dropped because of them.
        repeats_policy: which of several answers of one annotator to one item was kept.
        merged: spelling as found -> choice it was taken for.
        merged_rows: rows whose spelling was changed so.
    """

    source: str
    shape: str = "long"
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    beside: list[ReadReport] = field(default_factory=list)
    rows: int = 0
    readings: dict[str, str] = field(default_factory=dict)
    abstentions: dict[str, int] = field(default_factory=dict)
    repeats: list[tuple[str, str]] = field(default_factory=list)
    repeated_rows: int = 0
    repeats_policy: str = "last"
    merged: dict[str, str] = field(default_factory=dict)
    merged_rows: int = 0

    def taken(self) -> list[str]:
        """What was taken for what, and what was left aside."""
        roles = ", ".join(f"{role} = {column}" for role, column in self.columns.items())
        said = [f"read {self.source} ({'; '.join(filter(None, [self.shape, roles]))})"]
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
        return said + facts(annotations)
