"""Files as tools write them, and what must hold of any such file once its JSON is damaged."""

from __future__ import annotations

import importlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from crowdtune import Annotations, InputError, read
from crowdtune.read.report import ReadReport

Content = str | bytes | Mapping[str, str]  # of a file; or name -> text of the members of a .zip or a folder
bounded = settings(deadline=None, max_examples=120, derandomize=True, database=None)
junk = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
junk |= st.sampled_from([[], {}, [[]], [{}], [None], {"": None}, {"x": []}, [1], ["a", "b"], 10**30, "\x00", "nan"])


def all_samples() -> list[tuple[str, str, Content]]:
    """Name, file name and content of the SAMPLES of all test modules beside this file that have some."""
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "\nSAMPLES = {" in path.read_text() or "\nSAMPLES: dict" in path.read_text():
            module = importlib.import_module(f"tests.read.formats.{path.stem}")
            found += [(name, *sample) for name, sample in module.SAMPLES.items()]
    return found


def lay(folder: Path, name: str, content: Content) -> Path:
    """Write a sample: a zip where the name says so, a folder where there are members, else a file."""
    path = folder / name
    if isinstance(content, str | bytes):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in content.items():
                archive.writestr(member, text)
    else:
        for member, text in content.items():
            (path / member).parent.mkdir(parents=True, exist_ok=True)
            (path / member).write_text(text)
    return path


def jsonl(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inner for place in places(part, (*at, key)))]


def damaged(records: list[Any]) -> st.SearchStrategy[list[Any]]:
    """The records with up to three values deleted or replaced."""
    where = [place for place in places(records) if place]
    changes = st.lists(st.tuples(st.sampled_from(where), st.just(...) | junk), min_size=1, max_size=3)
    return changes.map(lambda some: _changed(records, some))


def _changed(records: list[Any], changes: list[tuple[tuple[Any, ...], Any]]) -> list[Any]:
    changed = deepcopy(records)
    for (*path, last), new in changes:
        at: Any = changed
        try:
            for key in path:
                at = at[key]
            if new is ...:
                del at[last]
            else:
                at[last] = new
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed the place
    return changed


def keeps_the_contract(
    form: str, name: str, content: Content, given: Callable[[], int] = lambda: 0
) -> tuple[Annotations, ReadReport] | None:
    """Annotations or InputError; and where there are Annotations, all `given` answers are accounted for."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            annotations, report = read(lay(Path(folder), name, content), form=form)
        except InputError:
            return None
    assert all(isinstance(line, str) for line in report.lines(annotations))
    assert accounted(report) >= given()
    return annotations, report


def accounted(report: ReadReport) -> int:
    """Answers read (as labels, repeats or abstentions), left out as nameless, or noted."""
    return report.rows + sum(report.notes.values())
