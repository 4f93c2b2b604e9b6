"""crowdtune pay."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from crowdtune.cli._flags import Json, Seed
from crowdtune.cli._screen import NONE, SHOWN, new_table, say, share, show, show_json
from crowdtune.credit.payments import Payment, PayTable, Rules
from crowdtune.errors import InputError
from crowdtune.write.tables import check_form, write_table

SOURCE = "Folder of rounds, or a table of annotator, value, error and evidence, as crowdtune value -o writes it."
LEDGER = "ledger.sqlite"  # in a folder of rounds


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
    """
    from crowdtune.credit.game import Credit
    from crowdtune.credit.pay import pay as share_out
    from crowdtune.read.values import read_identities, read_values

    if out is not None:
        check_form(out)
    rules = Rules(_amount(budget), currency, floor, cap, min_evidence, damping)
    values = read_values(source, value)
    say(f"read {len(values.annotators)} annotators; {values.taken}")
    persons = read_identities(identities, values.annotators) if identities else {}
    credit = Credit("table", values.annotators, values.value, values.error, 0)
    rng = np.random.default_rng(seed)
    table = share_out(credit, rules, rng, evidence=values.evidence, identities=persons)
    models = [name for name, kind in values.kinds.items() if kind == "model"]
    shown = _hidden(table, models) if hide_ids else table
    head = ""
    if out is not None:
        head = _enter(table, _ledger_of(source, ledger))
        write_table(out, shown.columns())
        say(f"wrote {out}")
    elif ledger:
        say("nothing is entered in the ledger without -o")
    if json:
        show_json(_told(shown) | {"ledger_head": head})
        return
    _show(shown)


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
    book.append("pay", hashlib.sha256(canonical(told).encode()).hexdigest()[:20], told)
    head = book.head
    say(f"entered in {book.where}; its head is {head}: keep it elsewhere, it tells whether entries were cut off later")
    return head


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
