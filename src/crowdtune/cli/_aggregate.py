"""What `crowdtune aggregate` does, apart from its flags, so that others' help need not load it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from crowdtune.aggregate import (
    Evidence,
    Fit,
    aggregator,
    answers,
    calibrated,
    evidence,
    intervals,
    medoid,
    ranking,
    refuse,
    require_for,
    spelt,
)
from crowdtune.annotations import Annotations, Floats
from crowdtune.cli._flags import Load
from crowdtune.cli._meaning import check, compared
from crowdtune.cli._screen import annotator_table, new_table, number, say, share, show, show_json
from crowdtune.cli.aggregate import MEDOID
from crowdtune.denoise.answers import said_only
from crowdtune.errors import InputError
from crowdtune.history import pseudo_labels
from crowdtune.metrics.accuracy import accuracy
from crowdtune.runs import annotator_table as ranked
from crowdtune.write.labelled import label_table
from crowdtune.write.tables import check_form, write_table

SHOWN = 5  # things at each end of a ranking on screen


@dataclass(frozen=True)
class Asked:
    """The flags."""

    method: str
    out: Path | None
    scores: Path | None
    gold_evidence: bool
    history: Path | None
    calibrate: bool
    meaning: str
    json: bool


def run(load: Load, asked: Asked) -> None:
    """Read, infer, write, print."""
    chosen = None if asked.method == MEDOID else aggregator(asked.method)
    for path in filter(None, (asked.out, asked.scores)):
        check_form(path)
    if asked.calibrate and (chosen is None or asked.gold_evidence):
        raise InputError(f"--calibrate goes with neither {MEDOID} nor --gold-evidence; leave one of them out.")
    if asked.meaning and chosen is None:
        raise InputError(f"--meaning is of methods that count labels; {MEDOID} compares texts itself. Leave one out.")
    check(asked.meaning)
    annotations, notes = load(), list[str]()
    require_for(annotations, asked.method)
    if chosen is not None:
        annotations, notes = compared(annotations, asked.meaning)
    known = _evidence(annotations, asked.gold_evidence, asked.history)
    fit = _medoid(annotations, known) if chosen is None else chosen.fit(annotations, known)
    doubt = (
        {} if chosen is None or not len(annotations) else fit.intervals or intervals(annotations, fit.posterior, known)
    )
    by = next(iter(fit.chosen.values())) if len(fit.chosen) == 1 else asked.method
    posterior = _calibrated(annotations, fit, asked.method) if asked.calibrate else fit.posterior
    shown, posterior = said_only(annotations, posterior) if asked.meaning else (annotations, posterior)
    labels = label_table(shown, posterior, by)
    people = ranked(annotations, fit.posterior, dict(doubt) | fit.columns)
    if asked.out is not None:
        write_table(asked.out, labels)
        say(f"wrote {asked.out}")
    if asked.scores is not None:
        _write_scores(asked.scores, fit)
    found = {
        "method": asked.method,
        "chosen": fit.chosen,
        "items": len(annotations.items),
        "open": sum(label is None for label in labels["label"]),
        "accuracy": math.nan if asked.gold_evidence else accuracy(posterior, shown.items.gold),
        "compared": fit.compared,
        "notes": [*notes, *fit.notes],
        "annotators": people,
    }
    if asked.json:
        show_json(found | ({"scores": fit.scores} if fit.scores else {}))
        return
    _show(found, fit, by)
    keep = "" if asked.out else "-o labels.parquet keeps the labels; "
    learns = "lets a language model read the items as well"
    if not len(annotations):
        learns = "--method shala learns what share of people would say what"
    say(f"next: {keep}crowdtune train {learns}")


def _show(found: dict[str, Any], fit: Fit, by: str) -> None:
    """What was compared, the annotators, the ranking, and a last line that sums up."""
    for task, name in fit.chosen.items():
        rows = [row for row in fit.compared if row["task"] == task]
        about = "" if len(fit.chosen) == 1 else f"{task}: "
        say(f"{about}{name} is the simplest that foretells held-out labels as well as the best:")
        for row in rows:
            more = "the best" if row["more"] == 0 else f"{row['more']:+.4f}, standard error {row['error']:.4f}"
            say(f"  {row['aggregator']:<20} {row['nats']:.4f} nats per label; {more}")
    for note in found["notes"]:
        say(note)
    if found["annotators"]:
        show(annotator_table(found["annotators"]))
    if fit.scores:
        show(_ranking_table(fit))
    counted = " (open ones count in shares)" if found["open"] else ""
    checked = "" if math.isnan(found["accuracy"]) else f"; right against gold: {share(found['accuracy'])}{counted}"
    show(f"{found['items']} items, {found['open']} left open (tied or unlabelled), by {by}{checked}")


def _ranking_table(fit: Fit) -> Table:
    """The best and the worst things, and how many lie between."""
    table, found = new_table("things by score", "thing", "score"), ranking(fit.scores)
    lines = list(zip(found["thing"], found["score"], strict=True))
    between = len(lines) - 2 * SHOWN
    for thing, score in lines if between <= 0 else lines[:SHOWN]:
        table.add_row(str(thing), number(score))
    if between > 0:
        table.add_row(f"... {between} more ...", "")
        for thing, score in lines[-SHOWN:]:
            table.add_row(str(thing), number(score))
    return table


def _medoid(annotations: Annotations, known: Evidence | None) -> Fit:
    """The medoid of texts embedded by the sentence encoder, the one thing here that loads a model."""
    from crowdtune.lm.embed import embed

    refuse(known, MEDOID, why="answers are compared with answers")
    texts = answers(annotations.items)
    return medoid(annotations, spelt(texts, embed(texts)))


def _calibrated(annotations: Annotations, fit: Fit, method: str) -> Floats:
    """The posterior at the temperature of each task, which is told."""
    by = {task: aggregator(fit.chosen.get(task, method)) for task in annotations.items.tasks}
    posterior, used = calibrated(annotations, fit.posterior, by)
    for task, temperature in used.items():
        say(f"{task}: probabilities at temperature {temperature:.2f}; 1 leaves them as they are")
    return posterior


def _write_scores(path: Path, fit: Fit) -> None:
    if not fit.scores:
        raise InputError("--scores: there are none. They are of things compared: pairs, by bradley-terry.")
    write_table(path, ranking(fit.scores))
    say(f"wrote {path}")


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
