"""What users see: results on stdout, progress and findings on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from crowdtune.ranks import is_main, n_ranks

WORDS = ("kind", "bias", "flags")  # columns of text
NONE = "-"  # a number that is not known
INTERRUPTED = 130  # exit code
WIDEST = 400  # characters of a table's row
SHOWN_TASKS = 3  # of a run of several tasks: more have their reliabilities in the file alone
SHOWN = 12  # annotators in a table on screen; the file has them all


def say(line: str) -> None:
    """Tell what is going on; of several processes the main one does."""
    if not is_main():
        return
    Console(stderr=True, soft_wrap=True).print(line, markup=False, highlight=False)


def say_temperature(saved: float) -> None:
    """Tell that probabilities are not as trained, where a temperature was saved with a run."""
    if saved != 1:
        say(f"probabilities at temperature {saved:.2f}, as crowdtune calibrate saved")


def complain(line: str) -> None:
    """Tell what went wrong; of several processes each does."""
    Console(stderr=True, soft_wrap=True).print(line, markup=False, highlight=False, style="red")


class Stopped(SystemExit):
    """Ctrl-C, after which the user was told how to go on."""


@contextmanager
def resumable(command: str, folder: Path) -> Iterator[None]:
    """Answer Ctrl-C with the command that goes on, once work in the folder has begun."""
    try:
        yield
    except KeyboardInterrupt as e:
        if not (folder / "config.json").exists():
            raise
        complain(f"stopped; {command} goes on")
        raise Stopped(INTERRUPTED) from e


def show(table: Table | str) -> None:
    """Print a result; a table wider than the screen keeps its columns, so that no name is cut."""
    console = Console(soft_wrap=isinstance(table, str))
    if isinstance(table, Table):
        needed = console.measure(table, options=console.options.update_width(WIDEST)).maximum
        console.width = max(console.width, needed)
    console.print(table, markup=False, highlight=False)


def show_json(value: Any) -> None:
    """Print a result for machines."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def share(value: float | None) -> str:
    """A share in percent, a dash where it is unknown."""
    return NONE if value is None or value != value else f"{value:.1%}"


def number(value: Any) -> str:
    """A cell: three decimals for shares, a dash where unknown."""
    return NONE if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def new_table(title: str, *columns: str) -> Table:
    """A table without frames: words to the left, numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, min_width=len(title))
    for place, name in enumerate(columns):
        words = not place or not name or name in WORDS
        table.add_column(name, justify="left" if words else "right", no_wrap=not words or name == "bias")
    return table


def annotator_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Annotators as `runs.annotator_table` ranks them: the first and last few, and how many lie between."""
    rows = [_with_interval(row) for row in rows]
    names = [name for name in (rows[0] if rows else {}) if name != "thin"]
    columns = [name for name in names if any(row[name] not in (None, "") for row in rows)]
    per_task = [name for name in columns if name.startswith("reliability:")]
    if len(per_task) > SHOWN_TASKS:
        columns = [name for name in columns if name not in per_task]
    marked = "flags" in names  # which say who is thin
    table = new_table("annotators by reliability", *columns, *([] if marked else [""]))
    half = SHOWN // 2
    shown = list(rows) if len(rows) <= SHOWN else [*rows[:half], None, *rows[-half:]]
    for row in shown:
        if row is None:
            table.add_row(f"... {len(rows) - 2 * half} more ...", *[""] * (len(columns) - marked))
        else:
            thin = "too few to judge" if row["thin"] else ""
            table.add_row(*(number(row[c]) for c in columns), *([] if marked else [thin]))
    return table


def _with_interval(row: dict[str, Any]) -> dict[str, Any]:
    """A row in which the two ends of an interval are one cell, after the reliability; the file has those of others."""
    row = {name: value for name, value in row.items() if not _other_end(name)}
    low, high = row.get("reliability_low"), row.get("reliability_high")
    if low is None or high is None:
        return row
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name not in ("reliability_low", "reliability_high"):
            shown[name] = value
        if name == "reliability":
            shown["95 % interval"] = f"{low:.2f}-{high:.2f}"
    return shown


def in_grades(found: Mapping[str, Any], who: str = "") -> str:
    """How far answers that are grades are off, and their weighted kappa; "" where they are no grades."""
    error, kappa = found.get(f"{who}mean_absolute_error"), found.get(f"{who}quadratic_weighted_kappa")
    if error is None:
        return ""
    return f"{error:.2f} grades off" + ("" if kappa is None or kappa != kappa else f", weighted kappa {kappa:.2f}")


def _other_end(name: str) -> bool:
    """Whether a column is an end of the interval of anything but the reliability."""
    return name.partition(":")[0].endswith(("_low", "_high")) and not name.startswith("reliability")


class _Said(logging.Handler):
    """Shows what crowdtune itself logs the way everything else is told."""

    def emit(self, record: logging.LogRecord) -> None:
        if not is_main():
            return
        if record.levelno >= logging.WARNING:
            complain(f"warning: {record.getMessage()}")
        else:
            say(record.getMessage())


def only_our_voice() -> None:
    """Keep transformers' own bars and notices off the screen, and show crowdtune's."""
    import warnings

    if n_ranks() > 1:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported: each rank would say it
    from transformers.utils import logging as theirs

    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    warnings.filterwarnings("ignore", module=r"torch|transformers|peft|accelerate")
    ours = logging.getLogger("crowdtune")
    ours.handlers, ours.propagate = [_Said()], False
    ours.setLevel(logging.INFO)
