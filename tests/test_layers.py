"""The import rules of layers.toml hold over the whole syntax tree, and they have no cycle."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "crowdtune"
RULES = tomllib.loads((Path(__file__).parent / "layers.toml").read_text())
HEAVY = {"torch", "transformers", "peft", "accelerate", "safetensors", "gguf"}
ENTRANCES = {"__init__", "__main__"}  # the public names, and python -m crowdtune


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """Dotted names imported anywhere in a file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            found.add(node.module or "")
    return found


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if part_of(path) not in ENTRANCES]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_file_imports_only_what_its_part_may(path: Path) -> None:
    part = part_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("crowdtune.")} - {part}
    assert used <= set(RULES["parts"][part]), f"{part} may not import {used - set(RULES['parts'][part])}"
    heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
    assert not heavy or part in RULES["torch"]["allowed"] or path.name == "_screen.py", f"{part} imports {heavy}"


def test_the_rules_name_every_part_and_have_no_cycle() -> None:
    assert set(RULES["parts"]) == {part_of(path) for path in FILES}
    list(TopologicalSorter(RULES["parts"]).static_order())


def test_no_rule_is_idle() -> None:
    """A permission nobody uses hides what depends on what."""
    used: dict[str, set[str]] = {part: set() for part in RULES["parts"]}
    for path in FILES:
        used[part_of(path)] |= {n.split(".")[1] for n in imports(path) if n.startswith("crowdtune.")}
    idle = {part: set(allowed) - used[part] for part, allowed in RULES["parts"].items()}
    assert not {part: names for part, names in idle.items() if names}


@pytest.mark.parametrize(
    "statement",
    [
        "import crowdtune",
        "import crowdtune.cli",
        "import crowdtune.read, crowdtune.aggregate, crowdtune.simulate, crowdtune.report",
        "import crowdtune.audit",
    ],
)
def test_torch_is_not_imported_until_something_trains(statement: str) -> None:
    check = f"{statement}; import sys; sys.exit(bool({HEAVY!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_are_of_a_readable_size(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= (250 if part_of(path) == "methods" else 300)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < 60, f"{node.name} is too long"
