"""crowdtune value."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from crowdtune.annotations import Annotations
from crowdtune.cli._flags import Json, Load, Seed
from crowdtune.cli._screen import NONE, SHOWN, new_table, say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError, unknown_name
from crowdtune.metrics.crowd import THIN
from crowdtune.settings import from_pairs
from crowdtune.write.tables import check_form, write_table

INFORMATION, NEIGHBOURS = "information", "knn-shapley"
METHODS = (
    *(INFORMATION, NEIGHBOURS),
    *("leave-one-out", "permutations", "ridge", "exact", "banzhaf", "beta-shapley"),
)
SCORES = {"loss": "nats per held-out item", "accuracy": "share of held-out items right"}
BROUGHT = "contributions.json"  # in a folder of rounds
EXTRA = {"reliability": "reliability", "next": "next label", "fresh": "on a new item", "points": "points"}
NATS = "nats (1 nat = 1.44 yes-or-no answers that are sure)"
FIRST = 5  # named to be asked first


@reads
def value(
    load: Load,
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}.")] = INFORMATION,
    test: Annotated[Path | None, typer.Option(help="Held-out items with gold, to judge models by.")] = None,
    model: Annotated[str, typer.Option(help="Train LoRA copies of it; by default a head on frozen embeddings.")] = "",
    target: Annotated[str, typer.Option(help="What models are judged by: loss or accuracy.")] = "loss",
    trainings: Annotated[int, typer.Option(min=0, help="Coalitions to train at most; 0 = five an annotator.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Trainings at a time; 0 = one after another.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of training, with --model.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder of trainings, each done once; by default beside the table of -o.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="CSV of annotator and price of a label.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Values as .csv, .parquet or .jsonl.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say what each annotator's labels are worth: to what is known of the items, or to a model trained on them.

    SOURCE may be a folder of rounds. The table of -o is what crowdtune pay reads. Whom too little is known of is not
    ranked.
    """
    if method not in METHODS:
        raise unknown_name("method of value", method, METHODS)
    if target not in SCORES:
        raise unknown_name("target", target, SCORES)
    if out is not None:
        check_form(out)
    paid = _prices(prices) if prices else None
    if (Path(load.flags["source"]) / BROUGHT).exists():
        _done(_of_rounds(Path(load.flags["source"])), "rounds", "units of the target", out, json)
        return
    annotations = load()
    annotations.require_labels()
    rng = np.random.default_rng(seed)
    if method == INFORMATION:
        rows, unit = _informed(annotations, rng, paid), NATS
    else:
        from crowdtune.cli._worth import Asked, trained

        unit = "share of right neighbours" if method == NEIGHBOURS else SCORES[target]
        with ExitStack() as stack:
            folder = keep or (out.with_name(f"{out.stem}.trainings") if out else None)
            place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            settings = from_pairs(set_ or [])
            asked = Asked(method, test, model, target, trainings, workers, settings, place, seed)
            rows = trained(annotations, asked, rng)
    _done(rows, method, unit, out, json)


def _done(rows: list[dict[str, Any]], method: str, unit: str, out: Path | None, json: bool) -> None:
    if out is not None:
        write_table(out, {name: [row[name] for row in rows] for name in rows[0]})
        say(f"wrote {out}; next: crowdtune pay {out} --budget AMOUNT")
    if json:
        show_json({"method": method, "unit": unit, "annotators": rows})
    else:
        _show(rows, method, unit)


def _of_rounds(folder: Path) -> list[dict[str, Any]]:
    """What rounds of Crowd-SFT say: points, and ridge attribution where enough probes tell."""
    from crowdtune.metrics.worth import of_rounds
    from crowdtune.rounds.record import load_contributions, load_rounds
    from crowdtune.rounds.summary import annotator_rows

    played = load_rounds(folder)
    if not played:
        raise InputError(f"no round in {folder} is over yet. crowdtune rounds resume {folder} goes on.")
    return of_rounds(annotator_rows(played, load_contributions(folder)))


def _informed(annotations: Annotations, rng: np.random.Generator, prices: dict[str, float] | None) -> list[Any]:
    from crowdtune.metrics.worth import of_labels

    if "text" in annotations.items.kinds:
        raise InputError(
            "free responses are no labels of a common truth, which information is about. "
            "Say --method ridge --model embedded --test FILE."
        )
    return of_labels(annotations, rng, prices)


def _prices(path: Path) -> dict[str, float]:
    """Annotator -> price of a label."""
    if not path.is_file():
        raise InputError(f"prices={path} is no file. Give a CSV with the columns annotator and price.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        rows, columns = list(table), table.fieldnames or []
    if not {"annotator", "price"} <= set(columns):
        raise InputError(f"{path} has the columns {', '.join(columns) or '(none)'}; it needs annotator and price.")
    found = dict[str, float]()
    for line, row in enumerate(rows, start=2):
        try:
            found[row["annotator"]] = float(row["price"])
        except (KeyError, TypeError, ValueError) as e:
            raise InputError(f"{path} line {line}: needs an annotator and a price that is a number.") from e
        if not 0 < found[row["annotator"]] < float("inf"):
            raise InputError(f"{path} line {line}: price={row['price']} must be above 0.")
    return found


def _show(rows: Sequence[dict[str, Any]], method: str, unit: str) -> None:
    """The table, most worth first, who is not ranked, and whom to ask for more."""
    from crowdtune.metrics.worth import first, why_thin

    informed = method == INFORMATION
    more = dict.fromkeys(name for name in EXTRA if name in rows[0])
    extra = [EXTRA[name] for name in more]
    table = new_table(f"value by {method}, in {unit}", "annotator", "labels", "value", "95 %", "a label", *extra, "")
    half = SHOWN // 2
    shown = list(rows) if len(rows) <= SHOWN else [*rows[:half], None, *rows[-half:]]
    for row in shown:
        if row is None:
            table.add_row(f"... {len(rows) - 2 * half} more ...", *[""] * (5 + len(extra)))
            continue
        cells = [_cell(row["value"]), f"{_cell(row['low'])} to {_cell(row['high'])}", _cell(row["per_label"])]
        cells += [_cell(row[name]) for name in more]
        table.add_row(row["annotator"], str(row["labels"]), *cells, _mark(row, method))
    show(table)
    thin = sum(row["thin"] for row in rows)
    if thin:
        say(f"{thin} of {len(rows)} annotators are not ranked: {why_thin(method)}")
    if not informed:
        return
    by = "next_per_price" if "next_per_price" in rows[0] else "next"
    best = first(list(rows), by)[:FIRST]
    per = " per unit of price" if by != "next" else ""
    if best:
        named = ", ".join(f"{row['annotator']} ({_cell(row[by])})" for row in best)
        show(f"most nats for a further label{per}: {named}; crowdtune more --ask N says about which items")


def _mark(row: dict[str, Any], method: str) -> str:
    """What is said of whoever is not ranked; of rounds, how many there were."""
    if not row["thin"]:
        return ""
    few = method == "rounds" and row["evidence"] < THIN
    return f"too few to judge: {row['evidence']} of {THIN} rounds" if few else "too few to judge"


def _cell(number: float | None) -> str:
    return NONE if number is None else f"{number:.3g}"
