"""The command line: one file per verb, which parses, calls and prints. Nothing here knows how anything is done."""

from __future__ import annotations

import sys

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

UNUSABLE = 2  # exit code

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
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is one sentence and exit code 2, not a traceback."""
    try:
        app()
    except InputError as error:
        complain(f"error: {error}")
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        _stopped()
    except Stopped:
        raise
    except SystemExit as end:  # typer turns Ctrl-C into this, without a word
        if end.code == INTERRUPTED:
            _stopped()
        raise


def _stopped() -> None:
    complain(
        "stopped. A training run goes on with --resume, from its last checkpoint if it had one (--set save_steps=N), a "
        "bench or clean with the same command; others start anew."
    )
    sys.exit(INTERRUPTED)
