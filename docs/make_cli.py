"""Write docs/cli.md: the help of every verb and the options of every method, from the code. `make docs` calls it."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

ROUNDS = [f"rounds {verb}" for verb in ("run", "resume", "status", "export")]
PAGE = Path(__file__).parent / "cli.md"


HELP = """
import sys
from crowdtune.cli import app
for words in sys.argv[1:]:
    app([*words.split(), "--help"], prog_name="crowdtune", standalone_mode=False)
    print("\\f", flush=True)
"""


def helps(*verbs: str) -> list[str]:
    """Help of each verb as printed on a terminal 100 columns wide, without colour; one process prints all."""
    wide = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-c", HELP, *verbs]
    printed = subprocess.run(command, env=wide, capture_output=True, text=True, check=True).stdout
    return ["\n".join(line.rstrip() for line in said.strip().splitlines()) for said in printed.split("\f")[:-1]]


def options_of(kind: type) -> list[str]:
    """Rows of a table: option, default, meaning (the comment on its line)."""
    said = dict(re.findall(r"^ {4}(\w+): [^#\n]*#\s*(.+)$", inspect.getsource(kind), flags=re.MULTILINE))
    rows = [(f.name, f.default if f.default != "" else '""') for f in dataclasses.fields(kind)]
    return [f"| `{name}` | `{default}` | {said.get(name, '')} |" for name, default in rows]


def page() -> str:
    """The whole page."""
    from crowdtune.cli import app
    from crowdtune.methods._asking import Asking
    from crowdtune.methods._clean import Options
    from crowdtune.methods._judged import Judging
    from crowdtune.names import find, known
    from crowdtune.rounds.options import Rounds
    from crowdtune.training.options import Training

    verbs = [
        *(command.name or command.callback.__name__ for command in app.registered_commands),
        *ROUNDS,
        "bench realm",
    ]
    whole, *each = helps("", *verbs)
    lines = ["# Command line", "", "Made by `make docs`; do not edit.", "", "```text", whole, "```"]
    for verb, said in zip(verbs, each, strict=True):
        lines += ["", f"## crowdtune {verb}", "", "```text", said, "```"]
    kinds = {name: find("crowdtune.methods", name, "method") for name in known("crowdtune.methods")}
    head = ["", "| option | default | meaning |", "|---|---|---|"]
    lines += ["", "## Options of training (`--set KEY=VALUE`)", *head, *options_of(Training)]
    lines += ["", "## Options of cleaning (`--set KEY=VALUE`)", *head, *options_of(Options), *options_of(Asking)]
    lines += ["", "## Options of rounds (`--set KEY=VALUE`)", *head, *options_of(Rounds), *options_of(Judging)]
    for name, kind in kinds.items():
        if dataclasses.fields(kind):
            lines += ["", f"## Options of method {name}", *head, *options_of(kind)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
