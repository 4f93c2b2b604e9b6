"""Oracle: json.loads of the whole file; and that a value is whole wherever the window on the file ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune import InputError
from crowdtune.read import stream
from crowdtune.read.tables import raw
from tests.crowds import put

VALUES = [
    {"a": -12.5e-7, "b": [1.25, 2e5, -0.0, 10**30], "c": 'é\u2028😀\\"\n', "d": [True, False, None]},
    "\\u00e9 é😀",
    -1.5,
    [],
    {},
]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("chunk", range(1, 60))
def test_a_value_is_whole_wherever_the_window_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, ascii_only: bool
) -> None:
    monkeypatch.setattr(stream, "CHUNK", chunk)
    text = json.dumps(VALUES, ensure_ascii=ascii_only)
    path = put(tmp_path, "f.json", text)
    assert [json.loads(bytes(piece.data)) for piece in raw(path)] == json.loads(path.read_bytes())


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("broken", ["[1.]", "[1, -]", '[{"a": 1.x}]', "[tru]", '["\\x"]', "[1 2]", '{"a" 1}', "[1,"])
def test_broken_values_are_refused_wherever_the_window_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, broken: str
) -> None:
    monkeypatch.setattr(stream, "CHUNK", chunk)
    with pytest.raises(InputError, match="not valid JSON"):
        list(raw(put(tmp_path, "f.json", broken)))


def test_a_broken_value_is_refused_without_reading_on(tmp_path: Path) -> None:
    path = put(tmp_path, "f.json", b'[{"a": 1.x}' + b", 1" * (8 << 20) + b"]")
    pieces = raw(path)
    with pytest.raises(InputError, match="entry 1: not valid JSON"):
        next(pieces)
