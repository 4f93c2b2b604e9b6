"""crowdtune import and several files on every verb. Oracle: what was typed, and files written by hand."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from crowdtune import read
from crowdtune.identity import load_key, pseudonym
from tests.cli.test_cli import run
from tests.crowds import put, said
from tests.read.formats.test_lewidi import SECOND
from tests.read.formats.test_mturk import RADIO
from tests.read.formats.test_prolific import ANSWERS, EXPORT

CROWD = (
    "item,text,worker,label\n1,one,ann@x.org,Yes\n1,one,bob,no\n1,one,bob,yes\n2,two,ann@x.org,no\n2,two,bob,\n"
    "2,two,,no\n3,three,ann@x.org,yes\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return put(tmp_path, "crowd.csv", CROWD)


def test_it_says_what_it_found_and_writes_a_folder(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert run(monkeypatch, "import", source, "-o", out) == 0
    printed, told = capsys.readouterr()
    assert "detected: long (3 items, 4 labels, 2 annotators)" in printed
    assert "question  default (choice, 2 choices: no, yes)" in printed
    assert "dropped   1 abstentions, 1 of nobody, 1 repeated; 1 labels respelled" in printed
    assert "items     1.3 labels per labelled item; 2 with one, 0 with none; 0 gold" in printed
    assert f"next: crowdtune audit {out}/" in printed
    assert "'Yes' -> 'yes'" in told
    assert said(read(out)[0]) == {
        (item, pseudonym(who, load_key()), label)
        for item, who, label in (("1", "ann@x.org", "yes"), ("1", "bob", "yes"), ("2", "ann@x.org", "no"),
                                 ("3", "ann@x.org", "yes"))
    }  # fmt: skip


def test_nobody_is_named_in_the_folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "data"
    assert run(monkeypatch, "import", source, "-o", out) == 0
    for path in out.iterdir():
        assert b"ann@x.org" not in path.read_bytes(), path.name
        assert b"bob" not in path.read_bytes(), path.name
    who = tmp_path / "data.identities.csv"
    assert stat.S_IMODE(who.stat().st_mode) == 0o600
    rows = list(csv.DictReader(who.read_text().splitlines()))
    assert rows == [{"annotator": n, "pseudonym": pseudonym(n, load_key())} for n in ("ann@x.org", "bob")]
    told = json.loads((out / "origin.json").read_text())
    assert told["read"]["repeats"] == [["1", pseudonym("bob", load_key())]]
    assert (told["read"]["rows"], told["read"]["nameless"], told["read"]["abstentions"]) == (7, 1, {"": 1})


def test_keep_ids_keeps_names_and_traits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, people = put(tmp_path, "a.csv", ANSWERS), put(tmp_path, "p.csv", EXPORT)
    assert run(monkeypatch, "import", answers, people, "-o", tmp_path / "kept", "--keep-ids") == 0
    kept = read(tmp_path / "kept")[0]
    assert (list(kept.annotators), kept.traits["Age"]) == (["p1", "p2"], ["34", ""])
    assert not (tmp_path / "kept.identities.csv").exists()
    assert run(monkeypatch, "import", answers, "--with", people, "-o", tmp_path / "hidden") == 0
    hidden = read(tmp_path / "hidden")[0]
    assert dict(hidden.traits) == {"kind": ["person", "person"]}
    assert list(hidden.annotators) == [pseudonym(name, load_key()) for name in ("p1", "p2")]


def test_models_keep_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "f.csv", "id,annotator,annotator_type,label\n1,ann,human,x\n1,gpt-4,model,y\n")
    assert run(monkeypatch, "import", path, "-o", tmp_path / "data") == 0
    assert list(read(tmp_path / "data")[0].annotators) == [pseudonym("ann", load_key()), "gpt-4"]


def test_files_and_columns_named_like_people_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = put(tmp_path, "wide.csv", "item,annelise,bertrand\n1,yes,no\n2,no,no\n")
    assert run(monkeypatch, "import", wide, "-o", tmp_path / "wide") == 0
    (tmp_path / "out" / "annelise").mkdir(parents=True)
    state = {"user_id": "annelise", "instance_id_to_label_to_value": {"1": {"mood": {"sad": True}}}}
    path = put(tmp_path / "out" / "annelise", "user_state.json", json.dumps(state))
    assert run(monkeypatch, "import", path, "-o", tmp_path / "potato") == 0
    for name in ("wide", "potato"):
        assert b"annelise" not in b"".join(p.read_bytes() for p in (tmp_path / name).iterdir())


def test_json_for_machines(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                           capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert run(monkeypatch, "import", source, "-o", tmp_path / "data", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["items"], found["labels"], found["nameless"], found["repeated"]) == (3, 4, 1, 1)
    assert found["questions"] == [{"name": "default", "kind": "choice", "choices": ["no", "yes"]}]


def test_a_question_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    path = put(tmp_path, "batch.csv", RADIO)
    assert run(monkeypatch, "import", path, "-o", tmp_path / "data", "--question", "label") == 0
    printed, told = capsys.readouterr()
    assert "detected: mturk by columns HITId, AssignmentId, WorkerId and answers" in printed
    assert "questions left out: 'comment' (--question NAME reads one)" in told
    assert json.loads((tmp_path / "data" / "origin.json").read_text())["read"]["known_by"].startswith("columns HITId")


def test_other_verbs_take_further_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    one, two = (put(tmp_path, f"{n}.csv", f"item,annotator,label\n1,{n},x\n2,{n},y\n") for n in ("ann", "bob"))
    assert run(monkeypatch, "aggregate", one, "--with", two, "--method", "majority", "--json", "--format", "table") == 0
    printed, told = capsys.readouterr()
    assert {row["annotator"] for row in json.loads(printed)["annotators"]} == {"ann", "bob"}
    assert "files joined by id: 2 items are in several" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["CROWD", "--format", "mturkk"], "unknown format 'mturkk'. Did you mean 'mturk'? Known: "),
        (["CROWD", "--format", "mturk"], "no column 'HITId', so these are no batch results of Mechanical Turk"),
        (["CROWD", "--label", "lable"], "no column 'lable' for label. Columns: item, text, worker, label"),
        (["CROWD", "--question", "mood"], "unknown question 'mood'"),
        (["CROWD", "--kind", "grades"], "unknown kind of answers 'grades'. Did you mean 'grade'?"),
        (["CROWD", "--join", "name"], "unknown way to join files 'name'"),
        (["EMPTY"], "empty.csv is empty. It needs a header row and at least one row."),
        (["nowhere.csv"], "nowhere.csv does not exist. Check the path."),
        (["PEOPLE"], "p.csv tells who 3 annotators are and holds no answers. Give the file with the answers as well"),
        (["LEWIDI", "--format", "potato"], "no column 'instance_id', so this is no export of Potato."),
    ],
)
def test_helpful_sentences(
    words: list[str], sentence: str, source: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    places = {
        "CROWD": source, "EMPTY": put(tmp_path, "empty.csv", ""), "PEOPLE": put(tmp_path, "p.csv", EXPORT),
        "LEWIDI": put(tmp_path, "l.json", json.dumps(SECOND)),
    }  # fmt: skip
    assert run(monkeypatch, "import", *[places.get(word, word) for word in words], "-o", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.identities.csv").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "import", source, "-o", tmp_path) == 2
    assert "is not empty. Choose another folder" in capsys.readouterr().err
