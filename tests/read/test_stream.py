"""Oracle: msgspec's own decoding of the whole text at once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdtune import InputError
from crowdtune.read import stream

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
