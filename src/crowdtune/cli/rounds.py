"""crowdtune rounds."""

from __future__ import annotations

import functools
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from crowdtune.annotations import Items
from crowdtune.cli._flags import Engine, Json, KeepIds, Load, Out
from crowdtune.cli._screen import NONE, SHOWN, complain, new_table, only_our_voice, resumable, say, show, show_json
from crowdtune.cli._source import reads, settled, whole
from crowdtune.cli._split import of_split
from crowdtune.credit.payments import Rules
from crowdtune.metrics.crowd import ONE_LABEL
from crowdtune.read import read
from crowdtune.settings import from_pairs

rounds = typer.Typer(help="Crowd-SFT: groups of annotators compete to move a model to a target.", no_args_is_help=True)


@rounds.callback()
def _verbs() -> None:
    pass


Folder = Annotated[Path, typer.Argument(help="Folder of rounds.")]
reads_rounds = functools.partial(reads, source="Folder of rounds.")
Workers = Annotated[
    int | None,
    typer.Option(help="Trainings at a time, a process each; by default as many as groups and cores; 0 = no process."),
]


@reads
def run(
    load: Load,
    out: Out = ...,  # type: ignore[assignment]
    target: Annotated[
        list[str] | None,
        typer.Option(help="distance, loss, brier, accuracy or reward:MODULE:FUNCTION; the first selects, more veto."),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Held-out items with gold, for loss, brier and accuracy.")] = None,
    near: Annotated[Path | None, typer.Option(help="Texts that outputs shall be like, one a line.")] = None,
    ask: Annotated[
        list[str] | None, typer.Option(help="What the model is asked to write, for distance and reward.")
    ] = None,
    method: Annotated[str, typer.Option(help="That learns a group's contributions; of crowdtune train.")] = "noisy",
    model: Annotated[str, typer.Option(help="embedded (default), a folder, or an id on the Hugging Face hub.")] = "",
    strategy: Annotated[
        str, typer.Option(help="random (default), interleaved, synergised, epsilon-greedy or fixed groups.")
    ] = "",
    groups: Annotated[int | None, typer.Option(help="Groups in a round, 3 by default.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds at most, 10 by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE of rounds, the method or training; may be repeated.")
    ] = None,
    workers: Workers = None,
    engine: Engine = "processes",
    split: Annotated[str, typer.Option(help="Of this split alone; by default train, where there is one.")] = "",
    seed: Annotated[int | None, typer.Option(help="Of everything random, 0 by default.")] = None,
    json: Json = False,
) -> None:
    """Play rounds: each group trains a copy, the best that is surely better is the next base."""
    flags = {"method": method, "lm": model, "strategy": strategy, "groups": groups, "rounds": rounds, "seed": seed}
    settings = from_pairs(set_ or []) | {name: str(value) for name, value in flags.items() if value not in (None, "")}
    judged = {"targets": target or [], "near": whole(str(near or "")), "ask": ask or [], "test": whole(str(test or ""))}
    origin = {"flags": settled(load.flags), "split": split, "judged": judged}
    _play(load, settings, origin, out=out, workers=workers, engine=engine, json=json)


@reads_rounds
def resume(
    load: Load,
    rounds: Annotated[int | None, typer.Option(help="Rounds at most, where there shall be more now.")] = None,
    workers: Workers = None,
    engine: Engine = "processes",
    json: Json = False,
) -> None:
    """Go on with the rounds in the folder SOURCE that were stopped, or play more of them.

    Their data are read again, with files that --with adds: whoever is new joins in the next round.
    """
    from crowdtune.rounds.status import config_of

    folder = Path(load.flags["source"])
    config = config_of(folder)
    settings = config["data"]["settings"] | ({} if rounds is None else {"rounds": str(rounds)})
    _play(load, settings, config["data"], out=folder, workers=workers, engine=engine, json=json, resume=True)


def _play(
    load: Load,
    settings: dict[str, str],
    origin: dict[str, Any],
    *,
    out: Path,
    workers: int | None,
    engine: str,
    json: bool,
    resume: bool = False,
) -> None:
    from crowdtune.methods import Judged, judging
    from crowdtune.methods import rounds as play
    from crowdtune.rounds.status import status as status_of

    only_our_voice()
    how, rest = judging(settings)
    held_out = _held_out(origin["judged"]["test"], origin["flags"].get("gold", ""))
    aims = Judged(**origin["judged"], judging=how).aims(held_out)
    annotations = of_split(
        load.again(origin["flags"]) if resume else load(without=ONE_LABEL), "training on", origin["split"], ("train",)
    )
    flags = load.merged(origin["flags"]) if resume else origin["flags"]
    told = {"flags": flags, "split": origin["split"], "judged": origin["judged"], "settings": settings}
    with resumable(f"crowdtune rounds resume {shlex.quote(str(out))}", out):
        made = play(annotations, rest, out=out, aims=aims, workers=workers, engine=engine, resume=resume, origin=told)
    if json:
        show_json(made.results)
        return
    found = status_of(out)
    _show(found)
    _say_what_pay_lacks(found, out)
    say(f"annotators, ledger and model are in {out}; next:")
    for words in ("pay {} --budget AMOUNT", "rounds export {} -o points.csv", "evaluate {} TEST"):
        say("  crowdtune " + words.format(shlex.quote(str(out))))


def _held_out(path: str, gold: str) -> Items | None:
    """Held-out items; their column of gold is that of the contributions where its name does not tell."""
    if not path:
        return None
    items = read(Path(path))[0].items
    if gold and not (items.gold >= 0).any():
        return read(Path(path), columns={"gold": gold})[0].items
    return items


def _say_what_pay_lacks(found: dict[str, Any], out: Path) -> None:
    """Tell how many rounds pay asks for, where somebody took part in fewer."""
    needed, played = int(Rules.min_evidence), len(found["rounds"])
    fewest = min(row["appearances"] for row in found["annotators"])
    if fewest >= needed:
        return
    said = f"pay asks for {needed} rounds of everybody; {played} are played"
    if fewest < played:
        said += f", and some took part in {fewest}"
    if played >= found["asked"]:  # else something other than their number ended them
        said += f": crowdtune rounds resume {shlex.quote(str(out))} --rounds {played + needed - fewest}"
    say(said)


def status(folder: Folder, json: Json = False) -> None:
    """Where rounds stand, be they over, under way or stopped, and what everybody earned so far."""
    from crowdtune.rounds.status import status as status_of

    found = status_of(folder)
    if json:
        show_json(found)
        return
    _show(found)
    if found["state"] == "unfinished":
        say(f"stopped; crowdtune rounds resume {folder} goes on")


def export(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", help="Table: .csv, .jsonl or .parquet.")] = ...,  # type: ignore[assignment]
    keep_ids: KeepIds = False,
    json: Json = False,
) -> None:
    """Write everybody's points and attribution as a table, and tell the head of the ledger they stand in."""
    from crowdtune.rounds.status import export as export_rounds

    told = export_rounds(folder, out, keep_ids=keep_ids)
    if json:
        show_json(told)
        return
    who = "by name" if keep_ids else "by pseudonym (--keep-ids shows names)"
    show(f"{told['rows']} annotators {who} after {told['rounds']} rounds ({told['state']}) in {out}")
    show(f"head of the ledger: {told['ledger_head']}")


def check(
    folder: Folder,
    head: Annotated[str, typer.Option(help="Hash kept from an earlier export: the ledger must go on from it.")] = "",
    json: Json = False,
) -> None:
    """Say whether the ledger of rounds is as it was written; exit code 1 where it is not."""
    from crowdtune.rounds.status import check_ledger

    found = check_ledger(folder, head)
    if json:
        show_json(found)
    else:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found["kinds"].items())
        show(f"{found['entries']} entries ({kinds}){', whole' if found['whole'] else ''}")
        show(found["problem"] or f"head of the ledger: {found['head']}")
    if not found["whole"]:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    """Tables of rounds and of annotators, once there are some, and where rounds stand."""
    if found["rounds"]:
        _show_rounds(found)
        _show_annotators(found["annotators"])
    else:
        show("no round is over yet")
    if now := found["now"]:
        say(f"round {now['round']} of {found['asked']} is under way: done {', '.join(now['done']) or 'nothing yet'}")
    if found["ledger_problem"]:
        complain(f"warning: {found['ledger_problem']}")
    if found["stopped"]:
        say(f"over: {found['stopped']}; head of the ledger {found['ledger_head']}")


def _show_rounds(found: dict[str, Any]) -> None:
    target = found["targets"][0]
    table = new_table(f"rounds, by {target}", "round", "winner", "gain", "fresh gain", "error", "next base", target)
    for row in found["rounds"]:
        cells = [_digits(row[name]) for name in ("gain", "fresh_gain", "error")]
        table.add_row(
            str(row["round"]), row["winner"], *cells, "winner" if row["accepted"] else "as before", _digits(row[target])
        )
    show(table)
    say(f"{target} is measured anew in each round, on other samples")


def _show_annotators(rows: list[dict[str, Any]]) -> None:
    attributed = any(row["attribution"] is not None for row in rows)
    names = ("annotator", "rounds", "points", "points per round", "attribution", "95 % interval")
    table = new_table(f"annotators by {'attribution' if attributed else 'points per round'}", *names)
    for row in rows[:SHOWN]:
        ends = [_digits(row[f"attribution_{end}"]) for end in ("low", "high")]
        span = NONE if NONE in ends else f"{ends[0]} to {ends[1]}"
        earned = [_digits(row[name]) for name in ("points", "points_per_round", "attribution")]
        table.add_row(row["annotator"], str(row["appearances"]), *earned, span)
    if len(rows) > SHOWN:
        table.add_row(f"... {len(rows) - SHOWN} more ...")
    show(table)
    lacks = "" if attributed else ", of which too few trainings tell so far: see pay --value points"
    say(f"pay goes by attribution{lacks}")


def _digits(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


for verb in (run, resume, status, check, export):
    rounds.command()(verb)
