"""crowdtune simulate."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from crowdtune.cli._flags import Json, Load, Out, Seed
from crowdtune.cli._screen import say, share, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.metrics.crowd import annotator_accuracy
from crowdtune.simulate import numbers
from crowdtune.simulate import simulate as run
from crowdtune.simulate.crowd import WEIGHT
from crowdtune.simulate.reliability import reliability as planted
from crowdtune.write.folder import write_folder
from crowdtune.write.tables import occupied, whole

SPREAD = "0.6"  # grades


@reads
def simulate(
    load: Load,
    out: Out = ...,  # type: ignore[assignment]
    reliability: Annotated[str, typer.Option(help="0.9,0.1,0.1 or dist1-3, multi1-3, linspace:HIGH:LOW:J.")] = "dist1",
    noise: Annotated[str, typer.Option(help="uniform, asymmetric or systematic.")] = "uniform",
    weight: Annotated[float, typer.Option(help="Of the favoured error under asymmetric noise.")] = WEIGHT,
    bias: Annotated[str, typer.Option(help="Of who grades, in grades: 0.5,-0.5,0. In place of --reliability.")] = "",
    spread: Annotated[str, typer.Option(help="Of who grades, with --bias; in grades.")] = SPREAD,
    lean: Annotated[str, typer.Option(help="Of who compares, to the first, in shares: 0.1,0,0.")] = "",
    overlap: Annotated[str, typer.Option(help="shared, exclusive, or a number of labels per item.")] = "shared",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Let simulated annotators label items whose truth is known."""
    from crowdtune.simulate.scales import comparers, graders

    if (bias or lean) and noise != "uniform":
        raise InputError(f"--noise {noise} goes with neither --bias nor --lean: they say how an annotator errs.")
    if bias and lean:
        raise InputError("--bias is of who grades, --lean of who compares. Leave one of them out.")
    spec = planted(reliability)
    if occupied(out):
        raise InputError(f"{out} is not empty. Choose another folder or remove it.")
    items = load().items
    rng = np.random.default_rng(seed)
    flags: dict[str, object] = {"overlap": overlap, "seed": seed}
    if bias:
        by = numbers(bias, "--bias", 0)
        made = graders(items, by, numbers(spread, "--spread", len(by)), overlap=overlap, rng=rng)
        flags |= {"bias": bias, "spread": spread}
    elif lean:
        if spec.ndim > 1:
            raise InputError(f"--lean needs one reliability per annotator; {reliability} has one for each task.")
        made = comparers(items, spec, numbers(lean, "--lean", len(spec)), overlap=overlap, rng=rng)
        flags |= {"reliability": reliability, "lean": lean}
    else:
        made = run(items, spec, noise=noise, weight=weight, overlap=overlap, rng=rng)
        flags |= {"reliability": reliability, "noise": noise, "weight": weight}
    with whole(out) as folder:
        write_folder(made, folder, flags)
    shares = annotator_accuracy(made)
    if json:
        show_json(
            {
                "labels": len(made),
                "items": len(items),
                "accuracy": dict(zip(made.annotators, shares.tolist(), strict=True)),
            }
        )
        return
    people = ", ".join(f"{name} {share(value)}" for name, value in zip(made.annotators, shares, strict=True))
    show(f"{len(made)} labels on {len(items)} items in {out}; share right: {people}")
    say(f"next: crowdtune train {out} -o runs/first")
