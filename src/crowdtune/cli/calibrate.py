"""crowdtune calibrate."""

from __future__ import annotations

from crowdtune.cli._flags import Json, Load, Run, Seed
from crowdtune.cli._screen import new_table, number, only_our_voice, say, show, show_json
from crowdtune.cli._source import reads


@reads
def calibrate(load: Load, run: Run, seed: Seed = 0, json: Json = False) -> None:
    """Fit a temperature to labels of held-out items, so that a model is as sure as people are."""
    from crowdtune.methods import calibrate as fit
    from crowdtune.methods import shared_choices

    only_our_voice()
    found = fit(run, load(shared_choices(run)), seed=seed)
    if json:
        show_json(found)
        return
    table = new_table("held-out labels, by cross-validation", "", "cross-entropy, nats", "js distance, base 2")
    for when in ("before", "after"):
        table.add_row(when, *(number(found[when][name]) for name in ("cross_entropy", "js_distance")))
    show(table)
    show(
        f"temperature {found['temperature']:.2f}, fitted on {found['labels']:,.0f} labels of {found['items']:,} items; "
        f"it saves {found['gain']:.4f} nats per label ({found['low']:.4f} to {found['high']:.4f}, 95 %)"
    )
    kept = found["saved"] == found["temperature"]
    say(f"saved with {run}; next: crowdtune predict {run} NEW.jsonl" if kept else "it saves nothing, so 1 was saved")
