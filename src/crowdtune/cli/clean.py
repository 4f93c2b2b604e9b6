"""crowdtune clean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.cli._flags import Json, Load
from crowdtune.cli._screen import new_table, only_our_voice, say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.settings import from_pairs, from_toml

SHOWN = 12  # experts and annotators in the table


@reads
def clean(
    load: Load,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write, new or empty.")] = None,
    model: Annotated[
        str, typer.Option(help="Who is asked: embedded (default), a folder, an id on the hub, or http://host/v1#MODEL.")
    ] = "",
    experts: Annotated[
        str, typer.Option(help="direct (default), reasoning, self-critical, paper; several with commas between.")
    ] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of cleaning; may be repeated.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of such keys; --set wins.")] = None,
    to: Annotated[str, typer.Option(help="Formats of other tools to write as well, with commas between.")] = "",
    store: Annotated[Path | None, typer.Option(help="File that keeps every reply; by default in the cache.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nobody and write nothing: what would be asked, and what is known.")
    ] = False,
    json: Json = False,
) -> None:
    """Find noisy labels with experts, mend them with context, keep what is sure (RobustFT)."""
    from crowdtune.methods import clean as run

    only_our_voice()
    if (out is None) != dry_run:
        raise InputError("say where the cleaned data go, -o FOLDER, or --dry-run: one of both.")
    named = {"model": model, "experts": experts}
    settings = (from_toml(config) if config else {}) | {key: value for key, value in named.items() if value}
    formats = [name.strip() for name in to.split(",") if name.strip()]
    annotations = load()
    place = store or _cache()
    found = run(annotations, settings | from_pairs(set_ or []), out=out, store=place, to=formats, origin=load.flags)
    if json:
        show_json(found.summary)
        return
    _tell(found.summary, out)


def _cache() -> Path:
    """Where replies are kept where no file is named."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crowdtune"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "replies.sqlite"


def _tell(summary: dict[str, Any], out: Path | None) -> None:
    """What was asked, what became of the labels, whom to trust, and what to do next."""
    from crowdtune.denoise.table import COLUMNS, cells

    for note in [*summary["notes"], summary["verdict"]["words"]]:
        say(note)
    rows = summary["choices"]
    table = new_table("what became of the labels", *(["task"] if "task" in rows[0] else []), *COLUMNS)
    for row in rows:
        table.add_row(*cells(row))
    show(table)
    show(_experts(summary["experts"]))
    spent = summary["spent"]
    cost = f", cost {spent['cost']:.2f}" if spent["cost"] else ""
    say(f"{spent['calls']:,} calls, {spent['prompt_tokens']:,} tokens read, {spent['tokens']:,} written{cost}")
    if out is None:
        show("Nobody was asked and nothing is written. Without --dry-run, and with -o FOLDER, both are done.")
        return
    show(f"{out}/decisions.jsonl says of every item who answered what and which rule decided; train on what is left:")
    show(f"crowdtune train {out} --method soft -o runs/cleaned")


def _experts(rows: list[dict[str, Any]]) -> Any:
    """Reliability of who answered, beside accuracy where gold is known."""
    table = new_table("who answered", "expert", "items", "reliability", "accuracy")
    for row in rows[:SHOWN]:
        numbers = ("-" if row[name] is None else f"{row[name]:.3f}" for name in ("reliability", "accuracy"))
        table.add_row(row["expert"], str(row["answered"]), *numbers)
    return table
