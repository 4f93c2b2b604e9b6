"""Oracle: label files in the shapes published code reads, by hand; the corpus itself is under a licence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from crowdtune import InputError, read
from crowdtune.read.formats.msp_podcast import EMOTIONS, VOTE, WORDS
from tests.crowds import gold_texts, put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, shaken_json, try_reading

TEXT = """MSP-PODCAST_0001_0008.wav; N; A:2.333333; V:4.000000; D:3.000000;
WORKER00000015; Neutral; Neutral,Concerned; A:2.000000; V:4.000000; D:3.000000;
WORKER00000020; Other-Annoyed; Disgust; A:3.000000; V:4.000000; D:3.000000;

MSP-PODCAST_0001_0019.wav; X; A:5.200000; V:2.000000; D:5.400000;
WORKER00000015; Angry; Angry,Disgust; A:6.000000; V:1.000000; D:6.000000;
WORKER00000031; Sad; Sad; A:5.000000; V:2.000000; D:5.000000;
"""
FIRST, SECOND = "MSP-PODCAST_0001_0008", "MSP-PODCAST_0001_0019"
SAID = {
    (FIRST, "WORKER00000015", "Neutral"), (FIRST, "WORKER00000020", "Other"), (SECOND, "WORKER00000015", "Angry"),
    (SECOND, "WORKER00000031", "Sad"),
}  # fmt: skip
ROWS = [line.split("; ") for line in TEXT.replace(";\n", "\n").splitlines() if line.startswith("WORKER")]
FILES = [f"{FIRST}.wav", f"{FIRST}.wav", f"{SECOND}.wav", f"{SECOND}.wav"]


def quoted(*cells: str) -> str:
    return ",".join(f'"{cell}"' for cell in cells)


DETAIL = "FileName,EmoDetail\n" + "\n".join(
    quoted(file, "; ".join(row) + ";") for file, row in zip(FILES, ROWS, strict=True)
)
NAMED = "FileName,{},EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom\n" + "\n".join(
    quoted(file, *row[:3], *(part[2:] for part in row[3:])) for file, row in zip(FILES, ROWS, strict=True)
)
RECORDS = {
    file: {
        row[0]: {"EmoClass_Major": row[1], "EmoClass_Second": row[2], "EmoAct": row[3][2:]}
        for name, row in zip(FILES, ROWS, strict=True)
        if name == file
    }
    for file in FILES
}
FACE = {
    file: {"Workers": [{"Name": worker, **fields} for worker, fields in workers.items()]}
    for file, workers in RECORDS.items()
}
CONSENSUS = (
    "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    f"{FIRST}.wav,N,2.3,4,3,127,Male,Train\n{SECOND}.wav,X,5.2,2,5.4,Unknown,Female,Test1\n"
)
VOTES = {f"{FIRST}.wav": [{"EmoClass_Major": "N", "Split_Set": "Train"}],
         f"{SECOND}.wav": {"EmoClass": "X", "Split_Set": "Test1"}}  # fmt: skip
SAMPLES = {
    "msp-podcast lines": ("labels.txt", TEXT),
    "msp-podcast detail": ("labels_detailed.csv", DETAIL),
    "msp-podcast workers": ("labels_detailed.csv", NAMED.format("WorkerID")),
    "msp-podcast records": ("labels_detailed.json", json.dumps(RECORDS)),
    "msp-podcast face": ("labels_detailed.json", json.dumps(FACE)),
    "msp-podcast consensus": ("labels_consensus.csv", CONSENSUS),
    "msp-podcast votes": ("labels_concensus.json", json.dumps(VOTES)),
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", TEXT),
        ("labels.txt", TEXT.replace("\n", "\r\n")),
        ("f.csv", DETAIL),
        ("f.csv", NAMED.format("WorkerID")),
        ("f.csv", NAMED.format("Workers")),
        ("f.json", json.dumps(RECORDS)),
        ("f.json", json.dumps(FACE)),
    ],
)
def test_primary_emotions_of_workers(tmp_path: Path, name: str, text: str) -> None:
    annotations, report = read(put(tmp_path, name, text))
    assert said(annotations) == SAID
    assert annotations.items.common_choices == tuple(EMOTIONS.values())
    assert annotations.items.gold.tolist() == [-1, -1]
    assert report.notes[WORDS] == 1


def test_the_consensus_brings_the_split_and_no_gold(tmp_path: Path) -> None:
    files = [put(tmp_path, "labels.txt", TEXT), put(tmp_path, "labels_consensus.csv", CONSENSUS)]
    annotations, report = read(files)
    assert said(annotations) == SAID
    assert annotations.items.splits == ["train", "test1"]
    assert annotations.items.gold.tolist() == [-1, -1]
    assert report.all_notes()[VOTE] == 4
    alone, _ = read(put(tmp_path, "votes.json", json.dumps(VOTES)))
    assert (len(alone), alone.items.splits) == (0, ["train", "test1"])


def test_the_user_may_take_the_consensus_for_gold(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", CONSENSUS), columns={"gold": "EmoClass"})
    assert gold_texts(annotations.items) == {FIRST: "Neutral", SECOND: None}
    assert not report.notes[VOTE]


def test_transcripts_are_the_prompts(tmp_path: Path) -> None:
    (tmp_path / "Transcripts").mkdir()
    put(tmp_path / "Transcripts", f"{FIRST}.txt", "\ufeffSo that is\n it.\n")
    put(tmp_path / "Transcripts", f"{SECOND}.txt", "No way!")
    annotations, report = read(put(tmp_path, "labels.txt", TEXT), items=tmp_path / "Transcripts")
    assert dict(zip(annotations.items.ids, annotations.items.prompts, strict=True)) == {
        FIRST: "So that is it.", SECOND: "No way!"
    }  # fmt: skip
    assert said(annotations) == SAID
    assert report.beside[0].shape == "texts"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("f.txt", "just words\n", r"f\.txt has a name of unknown form"),
        ("f.txt", TEXT * 20 + "what is this\n", r"f\.txt row 141: a segment \(NAME\.wav; \.\.\.\) or a worker"),
        ("f.txt", TEXT.replace("Sad;", "Sadd;", 1), r"row 7: label 'Sadd' is not one of the choices"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read(put(tmp_path, name, content))


def test_a_folder_without_texts(tmp_path: Path) -> None:
    path = put(tmp_path, "labels.txt", TEXT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no \.txt file\. Name a table, or a folder"):
        read(path, items=tmp_path / "empty")
    with pytest.raises(InputError, match=r"labels\.txt has a name of unknown form"):
        read(path, items=path)


@settings(bounded, max_examples=60)
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    try_reading("f.json", json.dumps(shaken_json([RECORDS, FACE, VOTES][len(changes) % 3], changes)))
    try_reading("f.csv", shaken_csv([DETAIL, NAMED.format("WorkerID"), CONSENSUS][len(changes) % 3], changes))
    lines = TEXT.splitlines()
    for place, gone, new in changes:
        lines[place % len(lines)] = "" if gone else str(new)
    try_reading("f.txt", "\n".join(lines))
