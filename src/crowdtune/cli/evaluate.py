"""crowdtune evaluate."""

from __future__ import annotations

from crowdtune.cli._flags import Json, Load, Run
from crowdtune.cli._screen import only_our_voice, share, show, show_json
from crowdtune.cli._source import reads


@reads
def evaluate(load: Load, run: Run, json: Json = False) -> None:
    """Measure a trained model on items with gold answers."""
    from crowdtune.methods import evaluate as measure
    from crowdtune.methods import shared_choices

    only_our_voice()
    found = measure(run, load(shared_choices(run)).items)
    if json:
        show_json(found)
        return
    show(f"{found['items']} items with gold: {share(found['accuracy'])} right")
    show(
        f"negative log-likelihood {found['negative_log_likelihood']:.3f} nats, "
        f"calibration error {found['calibration_error']:.3f}"
    )
    for choice, value in found["recall"].items():
        show(f"  of those that are '{choice}': {share(value)} recognised")
