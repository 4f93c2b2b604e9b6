"""crowdtune more."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from crowdtune.cli._flags import Json, Load, Seed
from crowdtune.cli._screen import SHOWN, new_table, say, share, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.runs import Run
from crowdtune.write.tables import check_form, write_table

if TYPE_CHECKING:
    from crowdtune.metrics import more as futures

ALL_ASKED = "everybody has answered every item they may be asked about"


@reads
def more(
    load: Load,
    accuracy: Annotated[float, typer.Option(help="Share of items to be answered right.")] = 0.95,
    ask: Annotated[int, typer.Option(min=0, help="Say whom to ask about which item next, for so many labels.")] = 0,
    most: Annotated[
        int, typer.Option(min=0, help="Labels of one annotator, with --ask; 0 = as many again as given so far.")
    ] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Items, or whom to ask, as .parquet, ...")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say how many more labels, from whom and on which items, it takes to be right more often.

    SOURCE is a file, or the folder of a finished run. With --ask it says whom to ask about what, for most information.
    """
    from crowdtune.metrics import more as futures

    if not 0 < accuracy < 1:
        raise InputError(f"accuracy={accuracy} must be between 0 and 1, say 0.95.")
    if out is not None:
        check_form(out)
    rng = np.random.default_rng(seed)
    if ask:
        _ask(load, ask, most, out, rng, json)
        return
    run, names = Run(Path(load.flags["source"])), list[str]()
    if run.finished:
        if run.results.get("style") == "responses":
            raise InputError(f"{run.folder} is of free responses: of further ones nobody knows what they would say.")
        names, posterior, reliability, labels = run.beliefs()
        at, gold = futures.standing_of_tables(posterior, reliability, labels, rng), False
    else:
        annotations = load()
        annotations.require_labels()
        say("simulating futures of this crowd")
        names, gold = list(annotations.items.ids), bool((annotations.items.gold >= 0).any())
        at = futures.standing(annotations, rng)
    found = _found(at, accuracy, rng)
    order = np.argsort(-found["asked"], kind="stable")
    order = order[found["asked"][order] > 0]
    if out is not None:
        columns = {
            "item": [names[i] for i in order],
            "further_labels": found["asked"][order].round(2).tolist(),
            "probability": at.posterior.max(axis=1)[order].tolist(),
        }
        write_table(out, columns)
        say(f"wrote {out}: the items to ask about, most labels first")
    found["items"] = [names[i] for i in order]
    del found["asked"]
    if json:
        show_json(found)
        return
    _show(found, gold)


def _ask(load: Load, count: int, most: int, out: Path | None, rng: np.random.Generator, json: bool) -> None:
    """Whom to ask about which item."""
    from crowdtune.metrics import more as futures
    from crowdtune.metrics.ask import plan

    if Run(Path(load.flags["source"])).finished:
        raise InputError(f"{load.flags['source']} does not say who labelled which item. Name the data it was made of.")
    annotations = load()
    annotations.require_labels()
    if "text" in annotations.items.kinds:
        raise InputError("of free responses nobody knows what they would say. --ask is for items with choices.")
    at = futures.standing(annotations, rng)
    given = annotations.labels_per_annotator
    made = plan(at, count, np.full_like(given, most) * (given > 0) if most else given, rng)
    columns = {
        "item": [annotations.items.ids[i] for i in made.item],
        "annotator": [annotations.annotators[j] for j in made.annotator],
        "nats": made.nats.round(6).tolist(),
    }
    if out is not None:
        write_table(out, columns)
        say(f"wrote {out}: the most telling first")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if json:
        show_json({"asked": count, "nats": float(made.nats.sum()), "plan": rows})
        return
    if not rows:
        choosable = int((annotations.items.n_choices > 1).sum())
        done = bool((given[given > 0] >= choosable).all())
        show(ALL_ASKED if done else "nobody is left who tells anything of an item; --most N lets each give more")
        return
    table = new_table("whom to ask about which item", *columns)
    for row in rows[:SHOWN]:
        table.add_row(row["item"], row["annotator"], f"{row['nats']:.3f}")
    show(table)
    show(f"{len(rows)} labels, {made.nats.sum():.1f} nats expected; -o plan.csv has them all")
    if len(rows) < count:
        say(f"fewer than {count}: nobody else is left who tells anything of an item; --most N lets each give more")
    say("add the answers to the data and ask again: reliabilities are then fitted to them as well")


def _found(at: futures.Standing, accuracy: float, rng: np.random.Generator) -> dict[str, Any]:
    """What the futures say, and the mean number of labels each item is asked for."""
    from crowdtune.metrics import more as futures

    now = futures.now(at, rng)
    half = futures.better_half(at)
    asked = {"this crowd as it is": at.share, "its better half": futures.of_at_least(at, half)}
    needed = {name: futures.further(at, accuracy, who, rng) for name, who in asked.items()}
    return {
        "accuracy": accuracy,
        "now": float(now.mean()),
        "now_low": float(np.quantile(now, 0.025)),
        "now_high": float(np.quantile(now, 0.975)),
        "ceiling": futures.ceiling(at),
        "better_half": half,
        "further_labels": {name: _numbers(f) for name, f in needed.items()},
        "asked": next(iter(needed.values())).asked,
    }


def _numbers(needed: futures.Further) -> dict[str, Any]:
    low, middle, high = (None if math.isinf(v) else int(v) for v in needed.quantiles())
    return {"median": middle, "low": low, "high": high, "reached": float(np.isfinite(needed.labels).mean())}


def _show(found: dict[str, Any], gold: bool) -> None:
    show(
        f"right now: about {share(found['now'])} of the items ({share(found['now_low'])} to {share(found['now_high'])})"
    )
    table = new_table(
        f"further labels for {share(found['accuracy'])}", "asked of", "median", "90 % from", "to", "reached"
    )
    for name, row in found["further_labels"].items():
        cells = ["never" if row[key] is None else str(row[key]) for key in ("median", "low", "high")]
        table.add_row(name, *cells, share(row["reached"]))
    show(table)
    show(f"its better half: annotators of reliability {found['better_half']:.2f} or more")
    if found["further_labels"]["this crowd as it is"]["reached"] < 0.5:
        show("this crowd as it is does not get there with ten further labels per item: other annotators are needed")
    if found["items"]:
        show(f"first about: {', '.join(found['items'][:5])} (-o items.csv has them all, with how many labels each)")
    if found["ceiling"] < 1 and gold:
        say(
            f"gold answers say that this crowd stays wrong on about {share(1 - found['ceiling'])} of the items, "
            "however many labels there are"
        )
    if not gold:
        say(
            "no gold answers: right means what a large crowd of these annotators would agree on. "
            "50 items with gold tell how far that is from the truth"
        )
