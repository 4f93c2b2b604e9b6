"""The command line: one file per verb, which parses, calls and prints. Nothing here knows how anything is done."""

from __future__ import annotations

import sys
import time

import typer

from crowdtune import __version__
from crowdtune.cli import (
    aggregate,
    audit,
    bench,
    calibrate,
    clean,
    demo,
    evaluate,
    export,
    import_,
    more,
    pay,
    predict,
    report,
    rounds,
    simulate,
    train,
    value,
)
from crowdtune.cli._screen import INTERRUPTED, Stopped, complain
from crowdtune.errors import InputError
from crowdtune.ranks import is_main, n_ranks, rank_name

UNUSABLE = 2  # exit code
PATIENCE = 5.0  # seconds in which a launcher ends all processes once one has failed
LOST = ("gloo", "NCCL", "Connection closed", "Connection reset")  # in an error: another process is gone

app = typer.Typer(
    help="Fine-tune language models on labels from annotators you can't equally trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("import")(import_.import_)
for verb in (
    demo.demo,
    audit.audit,
    aggregate.aggregate,
    more.more,
    value.value,
    simulate.simulate,
    clean.clean,
    train.train,
    predict.predict,
    evaluate.evaluate,
    calibrate.calibrate,
    report.report,
    export.export,
    pay.pay,
):
    app.command()(verb)
app.add_typer(rounds.rounds, name="rounds")
app.add_typer(bench.bench, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"crowdtune {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    if n_ranks() > 1 and context.invoked_subcommand != "train":
        raise InputError(
            f"{n_ranks()} processes train together (crowdtune train); all else is done by one. Leave out torchrun."
        )


def main() -> None:
    """Run the command line; what the user can mend is one sentence and exit code 2, not a traceback."""
    try:
        app()
    except InputError as error:
        _failed(f"error: {error}")
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        _stopped()
    except Stopped:
        raise
    except SystemExit as end:  # typer turns Ctrl-C into this, without a word
        if end.code == INTERRUPTED:
            _stopped()
        raise
    except Exception as error:
        if n_ranks() > 1:
            lost = isinstance(error, RuntimeError) and any(word in str(error) for word in LOST)
            _failed(f"{'lost the others: ' if lost else ''}{type(error).__name__}: {error}", lost)
        raise


def _failed(line: str, lost: bool = False) -> None:
    """Say what ended this process; of several, those that may only repeat another, or `lost` it, let it speak first.

    The launcher then ends all, so that the first message is the only one.
    """
    if lost or not is_main():
        time.sleep(PATIENCE)
    complain(line if n_ranks() == 1 else f"{rank_name()}: {line}")


def _stopped() -> None:
    if is_main():
        complain(
            "stopped. A training run goes on with --resume, from its last checkpoint if it had one "
            "(--set save_steps=N), a bench or clean with the same command; others start anew."
        )
    sys.exit(INTERRUPTED)
