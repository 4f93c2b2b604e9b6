"""Oracle: json.loads and msgspec on the whole text; and that a value is whole wherever the window on the file ends."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdtune import InputError
from crowdtune.read import stream
from crowdtune.read.tables import raw
from tests.crowds import put

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=8)
    | st.sampled_from(['"}', "],[", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
blanks = st.sampled_from(["", " ", "\n", " \t\r\n "])


def streamed(text: bytes) -> list[tuple[int, str, Any]]:
    return [(n, key, msgspec.json.decode(data)) for n, key, data in stream.pieces(Path("f"), io.BytesIO(text))]


@pytest.fixture(params=[1, 3, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values fall across the ends of what is read at a time."""
    monkeypatch.setattr(stream, "CHUNK", request.param)


@pytest.mark.usefixtures("chunk")
@settings(
    deadline=None,
    max_examples=60,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(given=st.lists(values, max_size=5) | st.dictionaries(st.text(max_size=4), values, max_size=5), blank=blanks)
def test_streamed_equals_whole(given: Any, blank: str) -> None:
    text = msgspec.json.encode(given).decode()
    open_, inside, close = text[0], text[1:-1], text[-1]
    found = streamed(f"{blank}{open_}{blank}{inside}{blank}{close}{blank}".encode())
    pairs = list(given.items()) if isinstance(given, dict) else [("", value) for value in given]
    assert found == [(n, key, value) for n, (key, value) in enumerate(pairs, start=1)]


@pytest.mark.usefixtures("chunk")
@given(cut=st.integers(0, 40))
@settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_a_cut_off_file_is_said_to_be_one(cut: int) -> None:
    text = b'[{"a": "x]y"}, {"b": [1, 2, {"c": null}]}, 17]'
    if cut == 0:
        assert streamed(b"") == []
        return
    with pytest.raises(
        InputError, match=r"^f( entry \d)?: not valid JSON \(.+\)\. Mend it, or remove the cut-off end\.$"
    ):
        streamed(text[:cut])


def test_a_mark_at_the_start_is_no_part_of_it() -> None:
    assert streamed(b'\xef\xbb\xbf[{"a": 1}]') == [(1, "", {"a": 1})]


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
