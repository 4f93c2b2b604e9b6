"""An audit on disk: the folder of a run that has no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crowdtune.annotations import Annotations
from crowdtune.audit._audit import Audit
from crowdtune.identity import of_people
from crowdtune.runs import Run
from crowdtune.write.labelled import label_table
from crowdtune.write.tables import Column, write_json, write_table


def write_audit(audit: Audit, annotations: Annotations, folder: Path, *, origin: dict[str, Any] | None = None) -> Run:
    """Write config.json, annotators.csv, confusions.json, items.parquet and, last, results.json.

    Args:
        audit: what was found.
        annotations: in these.
        folder: new or empty.
        origin: where the annotations came from, kept in config.json.
    """
    sizes = {"items": audit.items, "labels": audit.labels, "annotators": len(audit.annotators)}
    config = {"method": "audit", "aggregator": audit.aggregator, "seed": audit.seed, "data": (origin or {}) | sizes}
    run = Run.start(folder, config)
    kinds = annotations.traits.get("kind", [""] * len(annotations.annotators))
    models = [name for name, kind in zip(annotations.annotators, kinds, strict=True) if kind == "model"]
    shown_as = of_people(annotations.annotators, models)  # what a report calls them
    run.write_annotators([{**row, "pseudonym": shown_as.get(row["annotator"], "")} for row in audit.annotators])
    write_json(folder / "confusions.json", audit.confusions)
    write_table(folder / "items.parquet", _items(audit, annotations))
    run.finish(audit.results())
    return run


def _items(audit: Audit, annotations: Annotations) -> dict[str, Column]:
    """Columns of `labelled.label_table` with task, prompt, gold, votes (a count per choice of the item) and error."""
    items = annotations.items
    wrong = {error.item: error.what for error in audit.errors}
    votes = annotations.votes.tolist()
    found: dict[str, Column] = {**label_table(annotations, audit.posterior, audit.aggregator)}
    return found | {
        "task": [items.tasks[m] for m in items.task.tolist()],
        "prompt": items.prompts,
        "gold": [items.text(i, int(code)) for i, code in enumerate(items.gold)],
        "votes": [row[:k] for row, k in zip(votes, items.n_choices.tolist(), strict=True)],
        "error": [wrong.get(name, "") for name in items.ids],
    }
