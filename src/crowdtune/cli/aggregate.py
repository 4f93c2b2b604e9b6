"""crowdtune aggregate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from crowdtune.cli._flags import AGGREGATOR, Json, Load
from crowdtune.cli._source import reads
from crowdtune.names import known

MEANINGS = "Compare free texts by meaning: auto, exact, numbers or embeddings; else every wording is an answer."
MEDOID = "medoid"  # needs embeddings, so no aggregator by name
METHODS = f"{', '.join(known('crowdtune.aggregate'))}, or {MEDOID} for free text."


@partial(reads, several=True)
def aggregate(
    load: Load,
    method: Annotated[str, typer.Option(help=METHODS)] = AGGREGATOR,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Labels as .parquet, .csv or .jsonl.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Scores of things compared, for pairs, as .parquet, .csv or .jsonl.")
    ] = None,
    gold_evidence: Annotated[
        bool, typer.Option("--gold-evidence", help="Use gold answers as known truths; accuracy is then not measured.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option(help="What annotators did before: folder of a run, or its annotators.csv.")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Make labels' probabilities as sure as gold or held-out labels say.")
    ] = False,
    meaning: Annotated[str, typer.Option(help=MEANINGS)] = "",
    json: Json = False,
) -> None:
    """Infer the right labels and whom to trust from labels alone, in seconds, without a model."""
    from crowdtune.cli._aggregate import Asked, run

    run(load, Asked(method, out, scores, gold_evidence, history, calibrate, meaning, json))
