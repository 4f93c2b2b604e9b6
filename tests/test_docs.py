"""The docs say what the code does: every name has its row, generated pages are fresh, versions agree."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import crowdtune
from crowdtune import aggregate
from crowdtune.names import known
from crowdtune.read.columns import ALIASES
from crowdtune.simulate import NOISES
from crowdtune.simulate.reliability import DISTRIBUTIONS
from crowdtune.write import formats

ROOT = Path(__file__).parents[1]
METHODS = (ROOT / "docs" / "methods.md").read_text()
OFFERED = {
    "method": known("crowdtune.methods"),
    "aggregator": aggregate.names(),
    "annotator model": [n for n in known("crowdtune.annotators") if n != "labels"],
    "objective": known("crowdtune.objectives"),
    "noise": list(NOISES),
    "distribution": list(DISTRIBUTIONS),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in OFFERED.items() for name in names])
def test_everything_offered_has_its_row(kind: str, name: str) -> None:
    assert re.search(rf"^\| `{re.escape(name)}` ", METHODS, flags=re.MULTILINE), (
        f"docs/methods.md: no row for {kind} {name}"
    )


@pytest.mark.parametrize("name", formats.names())
def test_every_format_has_its_row(name: str) -> None:
    assert f"\n| `{name}` |" in (ROOT / "docs" / "data.md").read_text(), f"docs/data.md: no row for format {name}"


def test_the_command_line_page_is_fresh() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["page"]()
    assert (ROOT / "docs" / "cli.md").read_text() == page, "run: make docs"


def test_the_changelog_is_at_the_packages_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == crowdtune.__version__
    assert f'version = "{crowdtune.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("verb", ["audit", "aggregate"])
def test_examples_of_the_readme_print_what_it_says(verb: str, tmp_path: Path) -> None:
    """Runs the README's block of `verb`; what stands between its dots must be printed."""
    readme = (ROOT / "README.md").read_text()
    command, shown = re.search(rf"```console\n\$ (crowdtune {verb} [^\n]*)\n([^`]*)```", readme).groups()  # type: ignore[union-attr]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    printed = " ".join((said.stderr + said.stdout).split())
    for part in shown.split("..."):
        assert " ".join(part.split()) in printed


def test_readers_columns_are_in_the_docs() -> None:
    page = (ROOT / "docs" / "data.md").read_text()
    for aliases in ALIASES.values():
        for name in aliases:
            assert f"`{name}`" in page, f"docs/data.md does not name column {name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
