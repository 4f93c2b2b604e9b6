"""crowdtune aggregate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from crowdtune.aggregate import Evidence, aggregator, evidence, intervals
from crowdtune.annotations import Annotations
from crowdtune.cli._flags import Json, Load
from crowdtune.cli._screen import annotator_table, say, share, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.history import pseudo_labels
from crowdtune.metrics.accuracy import accuracy
from crowdtune.runs import annotator_table as ranked
from crowdtune.runs import label_table
from crowdtune.write.tables import check_form, write_table


@reads
def aggregate(
    load: Load,
    method: Annotated[str, typer.Option(help="majority, dawid-skene or one-coin.")] = "dawid-skene",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Labels as .parquet, .csv or .jsonl.")] = None,
    gold_evidence: Annotated[
        bool, typer.Option("--gold-evidence", help="Use gold answers as known truths; accuracy is then not measured.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option(help="What annotators did before: folder of a run, or its annotators.csv.")
    ] = None,
    json: Json = False,
) -> None:
    """Infer the right labels and whom to trust from labels alone, in seconds, without a model."""
    chosen = aggregator(method)
    if out is not None:
        check_form(out)
    annotations = load()
    annotations.require_labels()
    known = _evidence(annotations, gold_evidence, history)
    fit = chosen.fit(annotations, known) if known else chosen.fit(annotations)
    posterior = fit.posterior
    doubt = fit.intervals or intervals(annotations, posterior, known)
    labels, people = label_table(annotations, posterior, method), ranked(annotations, posterior, dict(doubt))
    right = math.nan if gold_evidence else accuracy(posterior, annotations.items.gold)
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


def _evidence(annotations: Annotations, gold: bool, history: Path | None) -> Evidence | None:
    """What the flags say is known beside the labels, and how much that is; None without flags."""
    if not gold and history is None:
        return None
    known = annotations.items.gold >= 0
    if gold and not known.any():
        raise InputError("--gold-evidence needs items with a gold answer; the data has none. Say --gold COLUMN.")
    before = None if history is None else pseudo_labels(history, annotations.annotators)
    if before is not None:
        met = int(((before[0] + before[1]) > 0).sum())
        say(f"history of {met} of {len(annotations.annotators)} annotators")
    if gold:
        say(f"{int(known.sum())} gold items are evidence")
    return evidence(annotations, known if gold else None, before)
