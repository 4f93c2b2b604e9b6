"""crowdtune demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdtune.cli._flags import Json, Out, Seed
from crowdtune.cli._screen import new_table, only_our_voice, say, share, show, show_json

TRAINED_ON = {
    "zero-shot": "nothing",
    "noisy": "every label as it came",
    "majority": "the winner of the vote",
    "realm": "labels and annotators together, no gold",
    "joint": "the same, one truth per item, annotators by EM",
    "oracle": "gold: what could be reached",
}
MOVED = (
    "Two of three annotators mostly lie: trained on their labels or votes, the model learns the opposite of the truth."
)
WHY = (
    "realm and joint start from what the model half knows, see who agrees with it, and learn from the one who can be "
    "trusted; joint from the liars too, by what they exclude."
)


def demo(
    out: Out = Path("runs/demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Leave out majority and oracle.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Watch a model learn the truth from a crowd whose majority lies: minutes on two CPU cores."""
    from crowdtune.demo import SETTINGS
    from crowdtune.demo import demo as run

    only_our_voice()
    summary = run(out, seed=seed, quick=quick, say=say)
    if json:
        show_json(summary)
        return
    table = new_table("held-out words answered right", "method", "accuracy", "trained on")
    table.columns[-1].justify = "left"
    for method, accuracy in summary["accuracy"].items():
        table.add_row(method, share(accuracy), TRAINED_ON[method])
    show(table)
    table = new_table("whom it learned to trust", "annotator", "planted accuracy", "realm", "joint", "95 % interval")
    for row in summary["annotators"]:
        joint = row["joint"]
        interval = f"{joint['reliability_low']:.2f}-{joint['reliability_high']:.2f}"
        numbers = (row["planted_accuracy"], row["reliability"], joint["reliability"])
        table.add_row(row["annotator"], *(f"{value:.2f}" for value in numbers), interval)
    show(table)
    show(f"{MOVED}\n{WHY}")
    say(
        f"{summary['seconds']:.0f} s; the annotators are simulated, the words and their truth are real. "
        f"A run per method is in {out}."
    )
    say(f"next: crowdtune train {out}/data -o runs/first --set template='{SETTINGS['template']}', or your own file")
