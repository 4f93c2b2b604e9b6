"""From timed steps to the figures of a table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from .worker import Ready, Step

GIB = 2.0**30


@dataclass(frozen=True)
class Timed:
    """One way of training under one condition.

    Args:
        name: of the way.
        warm: the first steps, which are not counted.
        steps: those that are, a round each.
        ready: what was known before.
        memory: bytes used at most.
    """

    name: str
    warm: list[Step]
    steps: list[Step]
    ready: Ready
    memory: float

    @property
    def epoch(self) -> float:
        """Seconds of an epoch: of the steps timed, by the share of an epoch they were."""
        return sum(s.seconds for s in self.steps) / sum(s.share for s in self.steps)

    @property
    def warming(self) -> float:
        """Seconds that the first steps took above what as much of an epoch takes later: compiling, first memory."""
        return sum(s.seconds for s in self.warm) - sum(s.share for s in self.warm) * self.epoch

    def figures(self, peak: float) -> dict[str, float]:
        """Columns of the table, for a machine with this peak in FLOP/s."""
        seconds = sum(s.seconds for s in self.steps)
        read, there = sum(s.read for s in self.steps), sum(s.there for s in self.steps)
        return {
            "seconds_per_epoch": self.epoch,
            "unique_tokens_per_second": self.ready.tokens / self.epoch,
            "tokens_read_per_second": read / seconds,
            "padding": 1 - there / read,
            "share_of_peak": sum(s.work for s in self.steps) / seconds / peak,
            "peak_memory_gib": self.memory / GIB,
            "warm_up_seconds": self.warming,
        }


def ratios(of: Timed, to: Timed) -> list[float]:
    """How many times as long an epoch of one way takes as of another, round by round."""
    return [(a.seconds / a.share) / (b.seconds / b.share) for a, b in zip(of.steps, to.steps, strict=False)]


def condition(told: dict[str, Any], ways: list[Timed], peak: float) -> dict[str, Any]:
    """A condition's part of the JSON file; `times` are ratios to the first way, their median, least and most."""
    rows = []
    for way in ways:
        times = ratios(way, ways[0])
        steps = [{"seconds": s.seconds, "share_of_epoch": s.share, "tokens_read": s.read} for s in way.steps]
        rows.append(
            {"way": way.name}
            | way.figures(peak)
            | {"times": {"median": median(times), "least": min(times), "most": max(times), "rounds": len(times)}}
            | {"steps": steps}
        )
    return told | {"unique_tokens": ways[0].ready.tokens, "ways": rows}


HEAD = f"{'':<26}{'s/epoch':>9}{'unique':>8}{'read':>8}{'pad':>6}{'peak':>7}{'GiB':>7}{'warm s':>8}  times as long"


def lines(made: dict[str, Any]) -> list[str]:
    """A condition as lines under HEAD."""
    title = f"{made['labels']} labels, about {made['tokens']} tokens, {'LoRA' if made['lora'] else 'full'}"
    found = [f"{title}: {made['batch']} items a step"]
    for row in made["ways"]:
        t = row["times"]
        spread = f"{t['median']:.2f} ({t['least']:.2f} to {t['most']:.2f}, {t['rounds']})"
        found.append(
            f"  {row['way']:<24}{row['seconds_per_epoch']:>9.1f}{row['unique_tokens_per_second']:>8.0f}"
            f"{row['tokens_read_per_second']:>8.0f}{row['padding']:>6.0%}{row['share_of_peak']:>7.1%}"
            f"{row['peak_memory_gib']:>7.2f}{row['warm_up_seconds']:>8.1f}  {spread}"
        )
    return found
