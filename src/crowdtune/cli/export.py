"""crowdtune export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.cli._flags import AGGREGATOR, Json, KeepIds, Load
from crowdtune.cli._screen import say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.runs import Run
from crowdtune.write.formats import check_path, make, names
from crowdtune.write.labelled import Labelled

OUT = "Of labels and annotations a table (.parquet, .csv, .jsonl), else a folder, new or empty."
METHOD = f"Aggregator that infers the labels, {AGGREGATOR} by default; a run has its own."


@reads
def export(
    load: Load,
    to: Annotated[str, typer.Option("--to", help=f"{', '.join(names())}.")] = ...,  # type: ignore[assignment]
    out: Annotated[Path, typer.Option("--out", "-o", help=OUT)] = ...,  # type: ignore[assignment]
    method: Annotated[str, typer.Option(help=METHOD)] = "",
    min_probability: Annotated[float, typer.Option(help="Leave out items whose label is less probable.")] = 0.0,
    variant: Annotated[str, typer.Option(help="Of hf: hard (default), soft, weighted or long.")] = "",
    chat: Annotated[bool, typer.Option("--chat", help="Messages, for a chat template, and not plain text.")] = False,
    keep_ids: KeepIds = False,
    json: Json = False,
) -> None:
    """Write labels and data for other tools, from annotations or from a finished run."""
    asked = {"min_probability": min_probability, "variant": variant, "chat": chat, "keep_ids": keep_ids}
    options: dict[str, Any] = {name: value for name, value in asked.items() if value}
    form = make(to, options)
    check_path(form, out)
    labelled = _labelled(load, method)
    written = form.write(labelled, out)
    if json:
        show_json({"format": to, "path": str(out), "rows": written.rows, "left_out": written.left_out})
        return
    for why, count in written.left_out.items():
        if count:
            say(f"left out: {count}, because the {why}")
    for note in written.notes:
        say(note)
    show(f"{written.rows} rows in {out}, as {to}; labels by {labelled.method}")


def _labelled(load: Load, method: str) -> Labelled:
    """Annotations with a posterior, by the run that is the source or else by an aggregator."""
    run = Run(Path(load.flags["source"]))
    if not run.finished:
        from crowdtune.aggregate import aggregator, require_for

        chosen = aggregator(method or AGGREGATOR)
        annotations = load()
        require_for(annotations, method)
        fit = chosen.fit(annotations)
        by = ", ".join(dict.fromkeys(fit.chosen.values())) or method
        return Labelled(annotations, fit.posterior, by)
    if method:
        raise InputError(f"{run.folder} is a run with labels of its own. Leave out --method, or name its data.")
    flags = run.config["data"].get("flags")
    if not flags:
        raise InputError(f"{run.folder} does not say which file it was trained on. Name the data, and --method.")
    return run.labelled(load.again(flags))
