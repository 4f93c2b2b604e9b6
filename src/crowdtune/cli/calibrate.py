"""crowdtune calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.cli._flags import Json, Load, Run, Seed
from crowdtune.cli._screen import new_table, number, only_our_voice, say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.cli._split import of_split

USUAL = ("validation", "valid", "val", "dev", "test")  # splits to fit on, the first there is


@reads
def calibrate(
    load: Load,
    run: Run,
    split: Annotated[
        str,
        typer.Option(help="Fit to this split alone; by default validation or dev, else test; all for every item."),
    ] = "",
    off: Annotated[
        bool, typer.Option("--off", help="Undo it: save temperature 1, as trained; the file is not read.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Fit a temperature to labels of held-out items, so that a model is as sure as people are."""
    from crowdtune.methods import calibrate as fit
    from crowdtune.methods import set_temperature, shared_choices

    only_our_voice()
    if off:
        set_temperature(run, 1.0)
        say(f"temperature 1 saved with {run}: probabilities are as trained")
        return
    found = fit(run, of_split(load(shared_choices(run)), "calibrating on", split, USUAL), seed=seed)
    if json:
        show_json(found)
        return
    table = new_table("held-out labels, by cross-validation", "", "cross-entropy, nats", "js_distance, base 2")
    for when in ("before", "after"):
        table.add_row(when, *(number(found[when][name]) for name in ("cross_entropy", "js_distance")))
    show(table)
    show(
        f"temperature {found['temperature']:.2f}, fitted on {found['labels']:,.0f} labels of {found['items']:,} items; "
        f"it saves {found['gain']:.4f} nats per label ({found['low']:.4f} to {found['high']:.4f}, 95 %)"
    )
    say(_end(found, run, f"crowdtune calibrate {run} {load.typed()} --off"))


def _end(found: dict[str, Any], run: Path, undo: str) -> str:
    """What got worse and why, whether the temperature was saved, and what to do."""
    if found["trained_on"] > found["items"] / 2:
        return (
            f"most of these items were trained on, so nothing was saved: {run} keeps temperature {found['saved']:.2f}"
        )
    if found["gain"] <= 0:
        return "cross-entropy got no better, so temperature 1 was saved"
    saved = f"saved with {run}; next: crowdtune predict {run} NEW.jsonl"
    if round(found["after"]["js_distance"], 3) <= round(found["before"]["js_distance"], 3):
        return saved
    why = "; js_distance rewards being sure" if found["temperature"] > 1 else ""
    return f"js_distance got worse: a temperature is fitted by cross-entropy{why}\n{saved}\nto undo it: {undo}"
