"""crowdtune predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.cli._flags import Json, Load, Run
from crowdtune.cli._screen import only_our_voice, say, say_temperature, show, show_json
from crowdtune.cli._source import reads
from crowdtune.cli._split import of_split
from crowdtune.write.tables import check_form, write_table

SHOWN, WIDE = 10, 100  # items, and characters of a response, on screen


@reads
def predict(
    load: Load,
    run: Run,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Labels as .parquet, .csv or .jsonl.")] = None,
    abstain_below: Annotated[float, typer.Option(help="No label where the best probability is lower.")] = 0.0,
    as_: Annotated[
        str, typer.Option("--as", help="Answer as annotators would: NAME,NAME or trait=value, or everybody.")
    ] = "",
    temperature: Annotated[
        float | None, typer.Option(help="Of the probabilities; by default what crowdtune calibrate saved, else 1.")
    ] = None,
    distribution: Annotated[
        bool, typer.Option("--distribution", help="Tell all choices, with their probabilities and the ambiguity.")
    ] = False,
    split: Annotated[str, typer.Option(help="Label the items of this split alone.")] = "",
    json: Json = False,
) -> None:
    """Label new items with a trained model, with probabilities."""
    if out is not None:
        check_form(out)
    from crowdtune.methods import predict as label
    from crowdtune.methods import saved_temperature, shared_choices

    only_our_voice()
    items = of_split(load(shared_choices(run)), "labelling", split).items
    if temperature is None and not as_:
        say_temperature(saved_temperature(run))
    asked: dict[str, Any] = {"temperature": temperature, "perspective": as_, "distribution": distribution}
    table = label(run, items, abstain_below=abstain_below, **asked)
    if out is not None:
        write_table(out, table)
        say(f"wrote {out}")
    if json:
        show_json([dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)])
        return
    if "response" in table:
        for item, text in list(zip(table["item"], table["response"], strict=True))[:SHOWN]:
            line = " ".join(text.split())
            show(f"{item}\t{line if len(line) <= WIDE else line[:WIDE] + '...'}")
        silent = sum(not text for text in table["response"])
        show(f"{len(table['item'])} items, {silent} answered with nothing")
    else:
        _show_labels(table)
    if out is None:
        say("next: -o labels.jsonl keeps all of them")


def _show_labels(table: dict[str, list[Any]]) -> None:
    rows = list(zip(table["item"], table["label"], table["probability"], strict=True))
    for place, (item, answer, probability) in enumerate(rows[:SHOWN]):
        show(f"{item}\t{answer or '(abstains)'}\t{probability:.3f}{_whole(table, place)}")
    silent = sum(answer is None for answer in table["label"])
    show(f"{len(rows)} items, {silent} abstentions")


def _whole(table: dict[str, list[Any]], place: int) -> str:
    """All choices of an item with their probabilities, and its ambiguity, where they were asked for."""
    if "choices" not in table:
        return ""
    pairs = zip(table["choices"][place], table["probabilities"][place], strict=True)
    told = ", ".join(f"{choice} {share:.3f}" for choice, share in pairs)
    return f"\t{told}\tambiguity {table['ambiguity'][place]:.3f} nats"
