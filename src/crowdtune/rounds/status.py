"""What a folder of rounds holds, be they over, under way or killed; and the table of annotators for others to see."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from crowdtune.errors import InputError
from crowdtune.identity import of_people
from crowdtune.rounds.ledger import Ledger, canonical, ledger_report
from crowdtune.rounds.record import (
    BROUGHT,
    ROUND,
    Contribution,
    Round,
    enter,
    load_contributions,
    load_plan,
    load_rounds,
    place_of,
)
from crowdtune.rounds.summary import annotator_rows, round_rows
from crowdtune.write.tables import check_form, write_table

LEDGER, LOCK, CONFIG, RESULTS, METHOD = "ledger.sqlite", "lock", "config.json", "results.json", "crowd-sft"
HASH = re.compile("[0-9a-fA-F]{64}")
Entered = dict[tuple[str, str], dict[str, Any]]  # (kind, key) -> content
FINISHED, RUNNING, UNFINISHED = "finished", "running", "unfinished"


def config_of(folder: Path) -> dict[str, Any]:
    """What was asked of the rounds in a folder; anything else is refused."""
    path = folder / CONFIG
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.exists() else {}
    except msgspec.DecodeError as e:
        raise InputError(f"{path} is not as it was written: {e}. Restore it, or start anew elsewhere.") from e
    if found.get("method") != METHOD:
        what = f"a run of method {found['method']}" if "method" in found else "no rounds"
        raise InputError(f"{folder} holds {what}. Name a folder that crowdtune rounds run made.")
    return found


def is_rounds(folder: Path) -> bool:
    """Whether a folder is one of rounds: its settings say so, or rounds are in it."""
    if place_of(folder, 1).exists():
        return True
    try:
        return bool(config_of(folder))
    except InputError:
        return False


def status(folder: Path) -> dict[str, Any]:
    """Where rounds stand.

    Returns:
        state ("finished", "running" or "unfinished": killed, or waiting to be resumed), targets, asked (rounds at
        most), rounds (as `round_rows`), annotators (as `annotator_rows`), now (what the round under way has done, None
        between rounds), stopped (why there are no more; "" while there are), ledger_head, ledger_problem ("", or how
        the ledger is not as it was written, or rounds are not as it says).
    """
    config = config_of(folder)
    done = load_rounds(folder)
    results = folder / RESULTS
    ended = msgspec.json.decode(results.read_bytes()) if results.exists() else {}
    ledger = check_ledger(folder) if (folder / LEDGER).exists() else {"head": "", "problem": ""}
    return {
        "state": FINISHED if ended else RUNNING if _held(folder) else UNFINISHED,
        "targets": config["targets"],
        "asked": config["rounds"]["rounds"],
        "rounds": round_rows(done, config["targets"][0]),
        "annotators": annotator_rows(done, load_contributions(folder)),
        "now": None if ended else _now(folder, len(done) + 1),
        "stopped": ended.get("stopped", ""),
        "ledger_head": ledger["head"],
        "ledger_problem": ledger["problem"],
    }


def export(folder: Path, path: Path, *, keep_ids: bool = False) -> dict[str, Any]:
    """Write the annotators' points and attribution as a table (.csv, .jsonl, .parquet).

    Args:
        folder: of rounds.
        path: of the table.
        keep_ids: people by name, else by pseudonym; models keep theirs.

    Returns:
        path, rows (how many), and rounds, state and ledger_head, by which others can tell that the ledger they are
        shown later goes on from this one.
    """
    check_form(path)
    found = status(folder)
    rows: Sequence[dict[str, Any]] = found["annotators"]
    if not keep_ids:
        models = [row["annotator"] for row in rows if row.get("kind") == "model"]
        known = of_people([row["annotator"] for row in rows], models)
        rows = [row | {"annotator": known.get(row["annotator"], row["annotator"])} for row in rows]
    write_table(path, {name: [row[name] for row in rows] for name in rows[0]})
    told = {name: found[name] for name in ("state", "ledger_head")}
    return {"path": str(path), "rows": len(rows), "rounds": len(found["rounds"])} | told


def check_ledger(folder: Path, head: str = "") -> dict[str, Any]:
    """Whether the ledger of rounds is as it was written, and rounds are as it says: see `ledger.ledger_report`."""
    config_of(folder)
    if head and not HASH.fullmatch(head):
        raise InputError(
            f"head '{head}' is no hash: it must be 64 hexadecimal digits, as crowdtune rounds export prints."
        )
    found = ledger_report(folder / LEDGER, head.lower())
    problem = found["problem"] or _other_than_entered(folder)
    return found | {"whole": not problem, "problem": problem}


@dataclass(frozen=True)
class _Noted:
    """What would be entered of a round: (kind, key) -> content."""

    entries: Entered = field(default_factory=dict)

    def append(self, kind: str, key: str, content: dict[str, Any]) -> None:
        self.entries[kind, key] = content


def _other_than_entered(folder: Path) -> str:
    """Where rounds say something other than the ledger, in words; "" where they agree."""
    known = {(entry.kind, entry.key): entry.content for entry in Ledger.open(folder / LEDGER, make=False).entries()}
    try:
        done, brought = load_rounds(folder), load_contributions(folder)
    except InputError as e:
        return str(e)
    over = (folder / RESULTS).exists()  # else the last round and newcomers may not be entered yet
    for number, one in enumerate(done, 1):
        path = place_of(folder, number) / ROUND
        if one.number != number:
            return f"{path} is of round {one.number}. Restore it."
        if problem := _differs(known, path, [one], {}, late=number == len(done) and not over):
            return problem
    if problem := _differs(known, folder / BROUGHT, [], brought, late=not over):
        return problem
    gone = sum(kind == "round" for kind, _ in known) - len(done)
    return f"{gone} of the rounds in the ledger are not in {folder}. Restore them." if gone > 0 else ""


def _differs(
    known: Entered, path: Path, rounds: Sequence[Round], brought: Mapping[str, Contribution], *, late: bool
) -> str:
    """What of a file is not as it was entered, in words; where it is `late`, some may not be entered yet."""
    noted = _Noted()
    enter(noted, rounds, brought)
    for name, content in noted.entries.items():
        what = f"{name[0]} of '{content['annotator']}'" if "annotator" in content else name[0]
        if name not in known and not late:
            return f"{path} has what is not in the ledger: {what}. Restore it, or crowdtune rounds resume enters it."
        if canonical(known.get(name, content)) != canonical(content):
            return f"{path} is not as it was entered in the ledger: {what}. Restore it."
    return ""


def _now(folder: Path, number: int) -> dict[str, Any] | None:
    """The round under way: how many groups it has and which jobs are done."""
    plan = load_plan(folder, number)
    if plan is None:
        return None
    done = sorted(at.name for at in place_of(folder, number).iterdir() if at.is_dir() and not at.name.startswith("."))
    return {"round": number, "groups": len(plan.groups), "done": done}


def _held(folder: Path) -> bool:
    """Whether a process works in the folder."""
    lock = folder / LOCK
    if not lock.exists():
        return False
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
