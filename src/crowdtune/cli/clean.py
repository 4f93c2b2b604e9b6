"""crowdtune clean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.cli._flags import Json, Load
from crowdtune.cli._screen import annotator_table, new_table, only_our_voice, say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.settings import from_pairs, from_toml


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
        bool,
        typer.Option("--dry-run", help="Ask nobody, write nothing: what would be asked, what the store's replies say."),
    ] = False,
    json: Json = False,
) -> None:
    """Find noisy labels with experts, mend them with context, keep what is sure (RobustFT)."""
    from crowdtune.methods import clean as run

    only_our_voice()
    if out is None and not dry_run:
        raise InputError(
            "nothing says where the cleaned data go. Give -o FOLDER, new or empty; or --dry-run, which asks nobody and "
            "writes nothing."
        )
    named = {"model": model, "experts": experts}
    settings = (from_toml(config) if config else {}) | {key: value for key, value in named.items() if value}
    formats = [name.strip() for name in to.split(",") if name.strip()]
    annotations = load()
    place = store or _cache()
    settings |= from_pairs(set_ or [])
    found = run(annotations, settings, out=None if dry_run else out, store=place, to=formats, origin=load.flags)
    if json:
        show_json(found.summary)
        return
    _tell(found.summary, None if dry_run else out)


def _cache() -> Path:
    """Where replies are kept where no file is named."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crowdtune"
    return folder / "replies.sqlite"


def _tell(summary: dict[str, Any], out: Path | None) -> None:
    """What was asked, what became of the labels, whom to trust, and what to do next."""
    from crowdtune.denoise.table import COLUMNS, cells

    for note in [*summary["notes"], summary["verdict"]["words"]]:
        say(note)
    rows = summary["choices"]
    title = "what became of the labels" if out else "what would become of the labels, by the replies there are"
    table = new_table(title, *(["task"] if "task" in rows[0] else []), *COLUMNS[:-1])  # their rules have a line
    for row in rows:
        table.add_row(*cells(row)[:-1])
    show(table)
    show(f"rules: {', '.join(f'{rule} {count}' for rule, count in rows[-1]['rules'].items())}")
    show(_experts(summary["experts"]))
    if len(summary["annotators"]) > 1:
        show(annotator_table(summary["annotators"]))
    if out is None:
        show(_needed(summary["needed"]))
        return
    show(_counted(summary["spent"]))
    for name, form in summary["formats"].items():
        show(f"{out}/{form['path']}: for {name}" if form["path"] else f"{name} was not written: {form['why']}")
    if not summary["left"]:
        show(f"No item is left to train on; {out}/decisions.jsonl says why, of each.")
        return
    show(f"{out}/decisions.jsonl says of every item who answered what and which rule decided; train on what is left:")
    show(f"crowdtune train {out} --method {_suited(summary)} -o runs/cleaned")


def _suited(summary: dict[str, Any]) -> str:
    """The method that learns what is left: free responses have no soft labels."""
    return "noisy" if summary["free"] else "soft"


def _counted(spent: dict[str, Any]) -> str:
    """Calls, tokens and, where prices are known, cost."""
    calls = f"{spent['calls']:,} call{'s' * (spent['calls'] != 1)}"
    cost = f", cost {spent['cost']:.2f}" if spent["cost"] else ""
    return f"{calls}, {spent['prompt_tokens']:,} tokens read, {spent['tokens']:,} written{cost}"


def _needed(needed: dict[str, Any]) -> str:
    """What a dry run left undone."""
    if not needed["calls"]:
        return "Nothing is written. Every reply is in the store: with -o FOLDER and without --dry-run nobody is asked."
    calls = f"{needed['calls']:,} call{'s' * (needed['calls'] != 1)}"
    cost = f", cost {needed['cost']:.2f}" if needed["cost"] else ""
    return (
        f"Nobody was asked and nothing is written. With -o FOLDER and without --dry-run it takes at least {calls}, "
        f"about {needed['prompt_tokens']:,} tokens to read{cost}."
    )


def _experts(rows: list[dict[str, Any]]) -> Any:
    """Reliability of who answered, beside accuracy where gold is known."""
    table = new_table("who answered", "expert", "items", "reliability", "accuracy")
    for row in rows:
        numbers = ("-" if row[name] is None else f"{row[name]:.3f}" for name in ("reliability", "accuracy"))
        table.add_row(row["expert"], str(row["answered"]), *numbers)
    return table
