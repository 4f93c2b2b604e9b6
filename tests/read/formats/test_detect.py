"""Every sample of every format's tests is recognised by exactly one format, and plain tables by none.

A test module beside this one may define SAMPLES: name of the format, or that and more words -> (file name, content).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune.read import formats
from crowdtune.read.opened import Opened
from tests.read.formats._samples import Content, all_samples, lay

SAMPLES = all_samples()
PLAIN: dict[str, str] = {
    "long.csv": "item,annotator,label,created_at,lead_time\n1,a,yes,2026-01-01,3\n",
    "wide.csv": "id,text,ann,bob\n1,t,yes,no\n2,u,no,no\n",
    "items.jsonl": '{"id": 1, "text": "t", "label": ["a", "b"]}\n',
    "prodigious.csv": "_input_hash,_annotator_id,answer,text\n1,a,accept,t\n",
    "nested.json": json.dumps([{"id": 1, "text": "t", "annotations": [{"annotator": "a", "label": "x"}]}]),
    "responses.json": json.dumps([{"id": 1, "text": "t", "responses": [{"user_id": "a", "value": "x"}]}]),
    "tasks.json": json.dumps([{"id": 1, "data": {"text": "t"}}]),
    "empty.json": "[]",
}


def knowing(path: Path) -> list[str]:
    """All formats that say a file is theirs."""
    return [name for name in formats.names() if formats.format_of(name).recognise(Opened(path, {}))]


@pytest.mark.parametrize(("name", "file", "content"), SAMPLES, ids=[name for name, *_ in SAMPLES])
def test_exactly_one_format_knows_a_sample(tmp_path: Path, name: str, file: str, content: Content) -> None:
    assert knowing(lay(tmp_path, file, content)) == [name.split()[0]]


@pytest.mark.parametrize("file", PLAIN)
def test_no_format_knows_a_plain_table(tmp_path: Path, file: str) -> None:
    assert knowing(lay(tmp_path, file, PLAIN[file])) == []


def test_every_format_has_a_sample() -> None:
    assert {name.split()[0] for name, *_ in SAMPLES} == set(formats.names())
