"""Oracle: the contract of `read` on every sample of every format, cut off, marked, or in another encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune import InputError, read
from crowdtune.read.formats import names
from tests.crowds import put, said
from tests.read.formats._samples import all_samples, jsonl

TEXTS = [(name, file, text) for name, file, text in all_samples() if isinstance(text, str)]
IDS = [name for name, *_ in TEXTS]


def outcome(folder: Path, file: str, content: bytes) -> object:
    """What is said, or that it is refused in a sentence."""
    try:
        annotations, report = read(put(folder, file, content))
    except InputError as e:
        return str(e)[-1:] == "."
    assert report.lines(annotations)
    return said(annotations)


@pytest.mark.parametrize(("name", "file", "text"), TEXTS, ids=IDS)
def test_cut_off_anywhere(tmp_path: Path, name: str, file: str, text: str) -> None:
    whole = text.encode()
    for part in range(1, 20):
        outcome(tmp_path, file, whole[: len(whole) * part // 20])


@pytest.mark.parametrize(("name", "file", "text"), TEXTS, ids=IDS)
def test_a_mark_at_the_beginning_changes_nothing(tmp_path: Path, name: str, file: str, text: str) -> None:
    plain = text.removeprefix("\ufeff").encode()
    assert outcome(tmp_path, file, b"\xef\xbb\xbf" + plain) == outcome(tmp_path, file, plain)


@pytest.mark.parametrize(("name", "file", "text"), TEXTS, ids=IDS)
def test_another_encoding_says_the_same_or_is_refused(tmp_path: Path, name: str, file: str, text: str) -> None:
    plain = text.removeprefix("\ufeff")
    for encoding in ("utf-16", "utf-16-le", "latin-1"):
        found = outcome(tmp_path, file, plain.replace("text 1", "tëxt 1").encode(encoding))
        assert found is True or found == outcome(tmp_path, file, plain.encode())


@pytest.mark.parametrize(("name", "file", "text"), TEXTS, ids=IDS)
def test_bytes_that_are_no_text(tmp_path: Path, name: str, file: str, text: str) -> None:
    whole = text.encode()
    for place in range(0, len(whole), max(1, len(whole) // 20)):
        outcome(tmp_path, file, whole[:place] + b"\xff\x00" + whole[place + 1 :])


@pytest.mark.parametrize("form", names())
@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[[]]", "[null]", '{"a": 1}', '"x"', jsonl([{}, {"id": 1}]), "[" * 9999]
)
@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_what_is_no_export_at_all(tmp_path: Path, form: str, text: str, suffix: str) -> None:
    path = put(tmp_path, f"f.{suffix}", text)
    for asked in (form, "auto"):
        try:
            read(path, form=asked)
        except InputError:
            continue
