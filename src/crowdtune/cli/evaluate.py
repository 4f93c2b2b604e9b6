"""crowdtune evaluate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crowdtune.cli._flags import Json, Load, Run
from crowdtune.cli._people import show_people
from crowdtune.cli._screen import (
    in_grades,
    new_table,
    number,
    only_our_voice,
    say,
    say_temperature,
    share,
    show,
    show_json,
)
from crowdtune.cli._source import reads
from crowdtune.cli._split import of_split


@reads
def evaluate(
    load: Load,
    run: Run,
    annotators: Annotated[
        bool, typer.Option(help="Also say how well each model of truth foretells annotators it has not met.")
    ] = False,
    split: Annotated[
        str, typer.Option(help="Measure this split alone; by default test, where there is one; all for every item.")
    ] = "",
    json: Json = False,
) -> None:
    """Measure a trained model on items with gold answers or several people's labels."""
    from crowdtune.methods import evaluate as measure
    from crowdtune.methods import foretold, saved_temperature, shared_choices

    only_our_voice()
    annotations = of_split(load(shared_choices(run)), "measuring", split, ("test",))
    found: dict[str, Any] = {}
    if not annotators or (annotations.items.gold >= 0).any():
        say_temperature(saved_temperature(run))
        found = measure(run, annotations)
    if annotators:
        annotations.require_labels()
        found["held_out_annotators"] = foretold(run, annotations)
    if json:
        show_json(found)
        return
    if "accuracy" in found:
        _show(found)
    if "disagreement" in found:
        show_people(found["disagreement"], run)
    if "loss" in found:
        show(f"{found['items']} gold responses: {found['loss']:.3f} nats per token")
    if annotators:
        _show_foretold(found["held_out_annotators"])


def _show(found: dict[str, Any]) -> None:
    show(f"{found['items']} items with gold: {share(found['accuracy'])} right")
    show(
        f"negative log-likelihood {found['negative_log_likelihood']:.3f} nats, "
        f"calibration error {found['calibration_error']:.3f}"
    )
    if told := in_grades(found):
        show(told)
    for choice, value in found["recall"].items():
        show(f"  of those that are '{choice}': {share(value)} recognised")


def _show_foretold(rows: list[dict[str, Any]]) -> None:
    table = new_table(
        "labels of annotators not met, nats per label", "truth by", "loss", "over joint", "95 % from", "to"
    )
    for row in rows:
        table.add_row(row["model"], *(number(row[key]) for key in ("loss", "more", "low", "high")))
    show(table)
    say("realm and joint see the run's model; where it was trained on these very labels, it has met everybody")
