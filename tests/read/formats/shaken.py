"""A valid file with something broken: what every format must survive."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from crowdtune import Annotations, InputError, read
from crowdtune.read.report import ReadReport
from tests.crowds import put

bounded = settings(deadline=None, max_examples=100, derandomize=True, database=None)
ODD = [
    None,
    True,
    False,
    0,
    -1,
    1e308,
    "",
    " ",
    "nan",
    "null",
    "\x00",
    "\ud83d\ude00",
    "<a>",
    "[{",
    [],
    {},
    [[]],
    [None],
]
odd = st.sampled_from([*ODD, {"label": {"a": []}}, "9" * 400, "x" * 5000, ["a", "a"], {"": ""}, "true", "a|b", "1E+15"])
edits = st.lists(st.tuples(st.integers(0, 10_000), st.booleans(), odd), min_size=1, max_size=4)
Edit = tuple[int, bool, Any]


def shaken_json(value: Any, changes: Sequence[Edit]) -> Any:
    """A copy in which some parts are gone or something odd."""
    copy = json.loads(json.dumps(value))
    for place, gone, new in changes:
        spots = list(_spots(copy))
        if spots:
            holder, key = spots[place % len(spots)]
            if gone:
                del holder[key]
            else:
                holder[key] = json.loads(json.dumps(new))
    return copy


def _spots(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield value, key
        yield from _spots(part)


def shaken_csv(text: str, changes: Sequence[Edit], header: bool = False) -> str:
    """A copy in which some cells are empty or something odd."""
    rows = list(csv.reader(io.StringIO(text)))
    for place, gone, new in changes:
        cells = [(r, c) for r in range(0 if header else 1, len(rows)) for c in range(len(rows[r]))]
        r, c = cells[place % len(cells)]
        rows[r][c] = "" if gone else str(new)
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def try_reading(name: str, content: str | bytes, form: str = "auto") -> tuple[Annotations, ReadReport] | None:
    """What is read, None where that is refused in a sentence; anything else fails the test."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(InputError):
        annotations, report = read(put(Path(folder), name, data), form=form)
        assert all(isinstance(line, str) for line in report.lines(annotations))
        return annotations, report
    return None
