"""crowdtune pay."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from crowdtune.cli._flags import Json, Seed
from crowdtune.cli._screen import NONE, SHOWN, complain, new_table, say, share, show, show_json
from crowdtune.credit.payments import Payment, PayTable, Rules
from crowdtune.errors import InputError
from crowdtune.write.tables import check_form, write_table

if TYPE_CHECKING:
    from crowdtune.read.values import Values

SOURCE = "Folder of rounds, or a table of annotator, value, error and evidence, as crowdtune value -o writes it."


def pay(
    source: Annotated[Path, typer.Argument(help=SOURCE)],
    budget: Annotated[str, typer.Option(help="To be paid out, all of it.")] = ...,  # type: ignore[assignment]
    currency: Annotated[str, typer.Option(help="Its code of three letters.")] = Rules.currency,
    floor: Annotated[
        float, typer.Option(help="Nobody is paid less, in even shares; 0 = no floor, 1 = all alike.")
    ] = Rules.floor,
    cap: Annotated[float, typer.Option(help="Nobody is paid more, in even shares; inf = no cap.")] = Rules.cap,
    min_evidence: Annotated[
        float, typer.Option(help="Who has less evidence is paid the even share and not ranked.")
    ] = Rules.min_evidence,
    identities: Annotated[
        Path | None, typer.Option(help="Table of annotator and identity; accounts of one are one person.")
    ] = None,
    damping: Annotated[
        bool, typer.Option("--damping", help="Of an identity's accounts the root of the sum of squares counts.")
    ] = False,
    value: Annotated[str, typer.Option(help="Column of the value: attribution, points, ...")] = "",
    ledger: Annotated[
        str, typer.Option(help="Ledger to enter the payments in: a file or a Postgres URL; that of SOURCE by default.")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Payments as .csv, .jsonl or .parquet.")] = None,
    hide_ids: Annotated[
        bool, typer.Option("--hide-ids", help="People by pseudonym, on screen and in the table, for others to see.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Share a budget out by what annotators are worth: with uncertainty, a reason for each, and to the cent.

    Annotators are shown by name, as they are to be paid; --hide-ids is for what is published. With -o the table is
    written, and entered in the ledger of the rounds where there is one; without, nothing is.

    Example: of 500 EUR for ten annotators the even share is 50. With --floor 0.5 --cap 3 --min-evidence 5 nobody is
    paid less than 25 or more than 150, and whoever has evidence of 4 is paid 50.
    """
    if out is not None:
        check_form(out)
    rules = Rules(_amount(budget), currency, floor, cap, min_evidence, damping)
    values, found = _values(source, value)
    table = _shared_out(values, rules, identities, seed)
    models = [name for name, kind in values.kinds.items() if kind == "model"]
    shown = _hidden(table, models) if hide_ids else table
    where, head = _ledger_of(source, ledger), ""
    _check(found, source, where, refuse=out is not None)
    if out is not None:
        write_table(out, shown.columns())
        say(f"wrote {out}")
        head = _enter(table, where)
    elif ledger:
        say("nothing is entered in the ledger without -o")
    shown = replace(shown, notes=(*shown.notes, *_way_out(table, source, len(found["rounds"]) if found else None)))
    if json:
        show_json(_rounded(_told(shown)) | {"ledger_head": head})
        return
    _show(shown)


def _values(source: Path, column: str) -> tuple[Values, dict[str, Any] | None]:
    """Values, and the status of rounds where `source` is a folder of them: its table is there to be read, not paid by.

    What is paid by are the rounds themselves, which the ledger vouches for.
    """
    from crowdtune.read.values import TABLE, read_values, values_of
    from crowdtune.rounds.status import is_rounds, status

    found = status(source) if is_rounds(source) else None
    if found is None:
        values = read_values(source, column)
    else:
        values = values_of(list(enumerate(found["annotators"], 1)), source, column)
        if (source / TABLE).exists() and (other := _other(values, source / TABLE, column)):
            complain(f"warning: {source / TABLE} differs from the rounds: {other}; paid by the rounds")
    say(f"read {len(values.annotators)} annotators; {values.taken}")
    return values, found


def _other(values: Values, path: Path, column: str) -> str:
    """Of whom a table says other than `values`, in words; "" where it says the same."""
    from crowdtune.read.values import read_values

    try:
        table = read_values(path, column)
    except InputError as e:
        return str(e)
    said, there = (
        {
            name: (v if v == v else None, round(e, 6) if e == e else None, (one.evidence or {}).get(name))
            for name, v, e in zip(one.annotators, one.value.tolist(), one.error.tolist(), strict=True)
        }
        for one in (values, table)
    )
    names = [name for name in dict.fromkeys([*said, *there]) if said.get(name) != there.get(name)]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _shared_out(values: Values, rules: Rules, identities: Path | None, seed: int) -> PayTable:
    from crowdtune.credit.game import Credit
    from crowdtune.credit.pay import pay as share_out
    from crowdtune.read.values import read_identities

    persons = read_identities(identities, values.annotators) if identities else {}
    credit = Credit("table", values.annotators, values.value, values.error, 0)
    return share_out(credit, rules, np.random.default_rng(seed), evidence=values.evidence, identities=persons)


def _check(found: dict[str, Any] | None, source: Path, where: str, *, refuse: bool) -> None:
    """Tell of a ledger that is not as it was written, or of rounds that are not as it says; or refuse to add to it."""
    from crowdtune.rounds.ledger import Ledger, ledger_report
    from crowdtune.rounds.status import LEDGER

    own, problem = source / LEDGER, found["ledger_problem"] if found else ""
    if found is None and own.exists():
        problem = ledger_report(own)["problem"]
    if problem and refuse:
        raise InputError(f"{problem} Nothing is paid by it; without -o you see what would be.")
    if refuse and where and where != str(own):
        Ledger.open(where).check()
    if found and not own.exists():
        problem = f"{own} is missing: nothing vouches for these rounds"
    if problem:
        complain(f"warning: {problem}")


def _way_out(table: PayTable, source: Path, rounds: int | None) -> list[str]:
    """How those who have too little evidence can be judged, as one note; none where nobody can."""
    least = table.rules.min_evidence
    own: dict[str, float] = {}
    for one in table.payments:
        if one.value is not None and one.evidence is not None:
            own[one.identity or one.annotator] = own.get(one.identity or one.annotator, 0.0) + one.evidence
    few = [evidence for evidence in own.values() if 0 < evidence < least]
    if rounds is None and not few:
        return []
    if rounds is None:
        return [
            f"too little evidence for some: --min-evidence {min(few):g} judges all who have a value and some evidence"
        ]
    if few:
        more = f"crowdtune rounds resume {source} --rounds {rounds + math.ceil(least - min(few))}"
        return [f"too little evidence for some: --min-evidence {min(few):g} judges them as well, or play more: {more}"]
    if all(one.value is None for one in table.payments):
        return [f"no values yet: play more, crowdtune rounds resume {source} --rounds {rounds + 1}, or --value points"]
    return []


def _rounded(value: Any) -> Any:
    """JSON with floats of six digits."""
    if isinstance(value, dict):
        return {name: _rounded(own) for name, own in value.items()}
    if isinstance(value, list):
        return [_rounded(own) for own in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as e:
        raise InputError(f"budget={text} is no amount. Write digits with a point, say 500 or 499.90.") from e


def _hidden(table: PayTable, models: Sequence[str]) -> PayTable:
    """The same by pseudonyms, also of identities."""
    from crowdtune.identity import of_people

    people = of_people([one.annotator for one in table.payments], models)
    owners = of_people([one.identity for one in table.payments if one.identity])
    rows = [
        replace(one, annotator=people.get(one.annotator, one.annotator), identity=owners.get(one.identity, ""))
        for one in table.payments
    ]
    return replace(table, payments=tuple(rows))


def _ledger_of(source: Path, named: str) -> str:
    """Where payments are entered; "" for nowhere."""
    from crowdtune.rounds.status import LEDGER

    beside = source / LEDGER
    return named or (str(beside) if beside.exists() else "")


def _enter(table: PayTable, where: str) -> str:
    """Enter payments in a ledger, once however often they are made; its head, "" without one."""
    if not where:
        return ""
    from crowdtune.rounds.ledger import Ledger, canonical

    paid = ("annotator", "identity", "amount", "rank", "value", "low", "high", "evidence", "reason")
    told = _told(table)
    told["payments"] = [{name: one[name] for name in paid} for one in told["payments"]]
    book = Ledger.open(where)
    book.check()
    key, before = hashlib.sha256(canonical(told).encode()).hexdigest()[:20], book.entries("pay")
    if before and key not in [entry.key for entry in before]:
        complain(f"warning: {_counted([entry.content for entry in before])}")
    book.append("pay", key, told)
    head = book.head
    say(f"entered in {book.where}; its head is {head}: keep it elsewhere, it tells whether entries were cut off later")
    return head


def _counted(before: Sequence[dict[str, Any]]) -> str:
    """How much was paid before, in words."""
    sums: dict[str, Decimal] = {}
    for one in before:
        sums[one["currency"]] = sums.get(one["currency"], Decimal(0)) + Decimal(one["budget"])
    paid = " and ".join(f"{amount} {currency}" for currency, amount in sums.items())
    if len(before) == 1:
        return f"1 earlier payment of these rounds stands in the ledger, {paid} in all; it counts beside this one"
    return (
        f"{len(before)} earlier payments of these rounds stand in the ledger, {paid} in all; they count beside this one"
    )


def _told(table: PayTable) -> dict[str, Any]:
    """The table as JSON; amounts as text."""
    rules = asdict(table.rules) | {"budget": str(table.rules.money(table.rules.units))}
    rules["cap"] = None if rules["cap"] == float("inf") else rules["cap"]
    rows = [asdict(one) | {"amount": str(one.amount)} for one in table.payments]
    return rules | {"payments": rows, "notes": list(table.notes)}


def _show(table: PayTable) -> None:
    rules, rows = table.rules, table.payments
    title = f"pay in {rules.currency}"
    screen = new_table(title, "annotator", "amount", "share", "95 %", "rank", "")
    half = SHOWN // 2
    for one in rows if len(rows) <= SHOWN else [*rows[:half], None, *rows[-half:]]:
        if one is None:
            screen.add_row(f"... {len(rows) - 2 * half} more ...", *[""] * 5)
        else:
            screen.add_row(
                one.annotator, str(one.amount), share(one.share), _span(one), str(one.rank or NONE), one.reason
            )
    show(screen)
    total = sum((one.amount for one in rows), Decimal(0))
    show(f"{total} {rules.currency} in all, to {len(rows)} annotators")
    for note in table.notes:
        say(note)


def _span(one: Payment) -> str:
    """Ends of the interval of a share; a dash where they are not known."""
    if one.share_low is None or one.share_high is None:
        return NONE
    return f"{share(one.share_low)} to {share(one.share_high)}"
