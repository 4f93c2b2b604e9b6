"""crowdtune audit."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdtune.annotations import Annotations
from crowdtune.cli._flags import Json, KeepIds, Load, Seed
from crowdtune.cli._screen import SHOWN, annotator_table, complain, say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError, unknown_name
from crowdtune.runs import Run
from crowdtune.settings import from_pairs

if TYPE_CHECKING:
    from crowdtune.audit import Audit

FAILED = 1  # exit code
KEYS = ("alpha", "ac1", "fleiss", "cohen", "raw", "reliability")
BRIEF = 16  # letters of a habit on screen
NAMED = 5  # ids shown of a warning


@partial(reads, several=True)
def audit(
    load: Load,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="REPORT.html, which also writes the folder REPORT; or a FOLDER.")
    ] = None,
    aggregator: Annotated[str, typer.Option(help="What infers the truths; auto chooses.")] = "auto",
    fail_below: Annotated[
        list[str] | None,
        typer.Option(help=f"KEY=VALUE, exit code 1 where lower; KEY: {', '.join(KEYS)}. May be repeated."),
    ] = None,
    keep_ids: KeepIds = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say whom to trust, how far annotators agree and what looks wrong: from labels alone, in seconds."""
    from crowdtune.audit import audit as judged

    limits = _limits(fail_below or [])
    folder = None if out is None else _folder(out)
    annotations = load()
    found = judged(annotations, aggregator=aggregator, seed=seed)
    if json:
        show_json(found.results() | {"people": found.annotators, "errors": found.errors})
    else:
        _show(found)
    if folder is not None and out is not None:
        _write(found, annotations, folder, out, load.flags, keep_ids)
    elif not json:
        say("next: -o report.html keeps this with every annotator and item; crowdtune train learns from all labels")
    failures = [f"{name} is {_number(value)}, below {limit}" for name, value, limit in _below(found, limits)]
    for failure in failures:
        complain(failure)
    if failures:
        raise typer.Exit(FAILED)


def _folder(out: Path) -> Path:
    """Where the tables go; refused before any work where it holds something."""
    if out.suffix not in ("", ".html"):
        raise InputError(
            f"{out} has an unknown form. Allowed: NAME.html, which writes the folder NAME as well, or a folder."
        )
    folder = out.with_suffix("") if out.suffix == ".html" else out
    if folder != out and out.exists():
        raise InputError(f"{out} exists already. Choose another name or remove it.")
    Run.claim(folder, {})
    return folder


def _limits(pairs: list[str]) -> dict[str, float]:
    limits = {}
    for key, text in from_pairs(pairs, plain=True).items():
        if key not in KEYS:
            raise unknown_name("measure", key, KEYS)
        try:
            limits[key] = float(text)
        except ValueError:
            raise InputError(f"--fail-below {key}={text} is not a number. Say for instance {key}=0.4.") from None
    return limits


def _below(found: Audit, limits: dict[str, float]) -> list[tuple[str, float | None, float]]:
    """What is below its limit, or cannot be measured: name, value, limit; agreement in each task by itself."""
    values: list[tuple[str, str, float | None]] = [("reliability", "mean reliability", found.reliability)]
    for task in found.tasks:
        own = {row["key"]: row["value"] for row in task["agreement"]}
        where = f" of task {task['task']}" if len(found.tasks) > 1 else ""
        values += [(key, f"{key}{where}", own.get(key)) for key in KEYS[:-1]]
    return [
        (name, value, limits[key])
        for key, name, value in values
        if key in limits and (value is None or value < limits[key])
    ]


def _number(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.3f}"


def _show(found: Audit) -> None:
    show(found.in_words[0])
    show(annotator_table(_shown(found.annotators)))
    for task in found.tasks:
        where = f"{task['task']}: " if len(found.tasks) > 1 else ""
        show(where + "; ".join(_measure(row) for row in task["agreement"] if row["value"] is not None))
    show(f"truths by {found.why}")
    for sentence in found.in_words[1:]:
        show(sentence)
    for warning in found.warnings:
        if warning.what not in found.in_words:
            show(f"! {warning.what}{_named(warning.annotators or warning.items)}")


def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in words short enough for a screen; of many annotators those that can be judged."""
    if len(rows) > SHOWN:
        rows = [row for row in rows if not row["thin"]] or rows
    kept = [name for name in rows[0] if name != "agreement"]
    return [{name: row[name] for name in kept} | {"bias": _brief(row["bias"])} for row in rows]


def _brief(bias: str) -> str:
    """A habit in a few letters, without the others', who are in the file."""
    own = re.sub(r"says '?(.*?)'? (\d+%) of the time.*", r"\2 \1", bias).split(" than others")[0]
    return own if len(own) <= BRIEF else own[: BRIEF - 1] + "…"


def _measure(row: dict[str, Any]) -> str:
    ends = "" if row["low"] is None else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['measure']} {row['value']:.2f}{ends}"


def _named(names: list[str]) -> str:
    return f" ({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})" if names else ""


def _write(
    found: Audit, annotations: Annotations, folder: Path, out: Path, origin: dict[str, str], keep_ids: bool
) -> None:
    from crowdtune.audit import write_audit
    from crowdtune.report import write_report

    write_audit(found, annotations, folder, origin=dict(origin))
    say(f"wrote {folder}, with names: annotators.csv says who is who")
    if out == folder:
        return
    write_report(folder, out, keep_ids=keep_ids)
    say(f"wrote {out}, annotators by {'name' if keep_ids else 'pseudonym (--keep-ids shows names)'}")
