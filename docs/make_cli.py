"""Write docs/cli.md: the help of every verb and the options of every method, from the code. `make docs` calls it."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

VERBS = ("demo", "import", "aggregate", "more", "simulate", "train", "predict", "evaluate", "bench realm")
PAGE = Path(__file__).parent / "cli.md"


def help_of(*words: str) -> str:
    """Help as printed on a terminal 100 columns wide, without colour."""
    wide = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "crowdtune", *words, "--help"]
    printed = subprocess.run(command, env=wide, capture_output=True, text=True, check=True).stdout
    return "\n".join(line.rstrip() for line in printed.strip().splitlines())


def options_of(kind: type) -> list[str]:
    """Rows of a table: option, default, meaning (the comment on its line)."""
    said = dict(re.findall(r"^ {4}(\w+): [^#\n]*#\s*(.+)$", inspect.getsource(kind), flags=re.MULTILINE))
    rows = [(f.name, f.default if f.default != "" else '""') for f in dataclasses.fields(kind)]
    return [f"| `{name}` | `{default}` | {said.get(name, '')} |" for name, default in rows]


def page() -> str:
    """The whole page."""
    from crowdtune.names import find, known
    from crowdtune.training.options import Training

    lines = ["# Command line", "", "Made by `make docs`; do not edit.", "", "```text", help_of(), "```"]
    for verb in VERBS:
        lines += ["", f"## crowdtune {verb}", "", "```text", help_of(*verb.split()), "```"]
    kinds = {name: find("crowdtune.methods", name, "method") for name in known("crowdtune.methods")}
    head = ["", "| option | default | meaning |", "|---|---|---|"]
    lines += ["", "## Options of training (`--set KEY=VALUE`)", *head, *options_of(Training)]
    for name, kind in kinds.items():
        if dataclasses.fields(kind):
            lines += ["", f"## Options of method {name}", *head, *options_of(kind)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
