"""crowdtune aggregate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from crowdtune.aggregate import aggregator
from crowdtune.cli._flags import AGGREGATOR, Json, Load
from crowdtune.cli._screen import annotator_table, say, share, show, show_json
from crowdtune.cli._source import reads
from crowdtune.metrics.accuracy import accuracy
from crowdtune.runs import annotator_table as ranked
from crowdtune.runs import label_table
from crowdtune.write.tables import check_form, write_table


@reads
def aggregate(
    load: Load,
    method: Annotated[str, typer.Option(help="majority, dawid-skene or one-coin.")] = AGGREGATOR,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Labels as .parquet, .csv or .jsonl.")] = None,
    json: Json = False,
) -> None:
    """Infer the right labels and whom to trust from labels alone, in seconds, without a model."""
    chosen = aggregator(method)
    if out is not None:
        check_form(out)
    annotations = load()
    annotations.require_labels()
    fit = chosen.fit(annotations)
    posterior = fit.posterior
    labels, people = label_table(annotations, posterior, method), ranked(annotations, posterior, dict(fit.intervals))
    right = accuracy(posterior, annotations.items.gold)
    if out is not None:
        write_table(out, labels)
        say(f"wrote {out}")
    open_items = sum(label is None for label in labels["label"])
    if json:
        show_json(
            {
                "method": method,
                "items": len(annotations.items),
                "open": open_items,
                "accuracy": right,
                "annotators": people,
            }
        )
        return
    show(annotator_table(people))
    checked = "" if math.isnan(right) else f"; right against gold: {share(right)}"
    show(f"{len(annotations.items)} items, {open_items} left open (tied or unlabelled), by {method}{checked}")
    if out is None:
        say("next: -o labels.parquet keeps the labels; crowdtune train lets a language model read the items as well")
