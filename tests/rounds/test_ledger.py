"""Oracle: the chain by hand with hashlib, and a file opened behind the ledger's back by sqlite3."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune.errors import InputError
from crowdtune.rounds.ledger import Ledger, canonical, ledger_report

Change = Callable[[sqlite3.Connection], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of five rounds."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    for n in range(5):
        ledger.append("round", str(n), {"winner": n % 3, "gain": 0.1 * n, "points": {"ann": 1 / 3, "bob": -0.0}})
    return tmp_path / "ledger.sqlite"


def behind(path: Path, change: Change, guarded: bool = False) -> None:
    """Change the file as somebody who does not know what a ledger is, or does and drops its triggers."""
    file = sqlite3.connect(path)
    try:
        if not guarded:
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                file.execute(f"DROP TRIGGER {name}")
        change(file)
        file.commit()
    finally:
        file.close()


def test_the_chain_by_hand(path: Path) -> None:
    previous, file = "", sqlite3.connect(path)
    rows = file.execute("SELECT number, kind, key, content, previous, hash FROM ledger ORDER BY number").fetchall()
    file.close()
    for n, (number, kind, key, content, before, hash) in enumerate(rows):
        points = '{"ann":0.3333333333333333,"bob":-0.0}'
        assert content == f'{{"gain":{0.1 * n!r},"points":{points},"winner":{n % 3}}}'
        plain = f'[{number},"{kind}","{key}",{json.dumps(content)},"{before}"]'
        assert (number, kind, key, before) == (n + 1, "round", str(n), previous)
        assert hash == hashlib.sha256(plain.encode()).hexdigest()
        previous = hash
    assert Ledger.open(path).head == previous
    Ledger.open(path).check()


def test_the_same_again_is_nothing_and_other_content_an_error(path: Path) -> None:
    ledger = Ledger.open(path)
    head = ledger.head
    ledger.append("round", "1", {"points": {"bob": -0.0, "ann": 1 / 3}, "gain": 0.1, "winner": 1})
    assert ledger.head == head
    with pytest.raises(InputError, match=r"entry 2 of ledger .* \(round 1\) has other content: gain, points differ"):
        ledger.append("round", "1", {"gain": 0.2, "winner": 1})
    ledger.append("pay", "1", {})
    assert [entry.number for entry in ledger.entries("pay")] == [6]
    assert ledger.entries()[1].content == {"gain": 0.1, "points": {"ann": 1 / 3, "bob": 0.0}, "winner": 1}


def test_a_run_killed_and_resumed_has_the_same_head(tmp_path: Path) -> None:
    """Time is not in the chain, and appending again what was there already changes nothing."""
    heads = []
    for name, stops in {"whole": [5], "killed": [2, 4, 5]}.items():
        for stop in stops:
            for n in range(stop):
                Ledger.open(tmp_path / name).append("round", str(n), {"gain": n / 7})
        heads.append(Ledger.open(tmp_path / name).head)
    assert heads[0] == heads[1]


SWAP = "UPDATE ledger SET number = -number; UPDATE ledger SET number = CASE number WHEN -2 THEN 3 WHEN -3 THEN 2 ELSE "
TAMPERED: dict[str, tuple[str, str]] = {
    "content": ("""UPDATE ledger SET content = replace(content, '0.2', '0.3') WHERE number = 3""", "entry 3 .*changed"),
    "no text": ("UPDATE ledger SET content = x'00ff' WHERE number = 3", "entry 3 .*changed"),
    "kind": ("UPDATE ledger SET kind = 'pay' WHERE number = 2", "entry 2 .*changed"),
    "key": ("UPDATE ledger SET key = '9' WHERE number = 5", "entry 5 .*changed"),
    "hash": ("UPDATE ledger SET hash = 'ff' WHERE number = 5", "entry 5 .*changed"),
    "previous": ("UPDATE ledger SET previous = hash WHERE number = 4", "entry 4 .*does not follow"),
    "removed": ("DELETE FROM ledger WHERE number = 2", "entry 2 .*is missing: the next there is is 3"),
    "first removed": ("DELETE FROM ledger WHERE number = 1", "entry 1 .*is missing"),
    "removed, closed up": (
        "DELETE FROM ledger WHERE number = 2; UPDATE ledger SET number = -number; "
        "UPDATE ledger SET number = CASE WHEN number < -2 THEN -number - 1 ELSE -number END",
        "entry 2 .*does not follow",
    ),
    "swapped": (f"{SWAP} -number END", "entry 2 .*does not follow"),
    "inserted": (
        "INSERT INTO ledger SELECT number + 1, 'round', 'new', content, hash, hash, '' FROM ledger WHERE number = 5",
        "entry 6 .*changed",
    ),
    "before the first": (
        "INSERT INTO ledger SELECT 0, 'round', 'new', content, '', hash, '' FROM ledger WHERE number = 5",
        "entry 1 .*is missing: the next there is is 0",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found_where_it_happened(name: str, path: Path) -> None:
    command, told = TAMPERED[name]
    behind(path, lambda file: file.executescript(command))
    with pytest.raises(InputError, match=told):
        Ledger.open(path).check()
    report = ledger_report(path)
    assert not report["whole"]
    assert "entry" in report["problem"]


def test_what_a_chain_alone_cannot_tell_a_kept_head_tells(path: Path) -> None:
    """A cut end, and a ledger written anew from the second entry on, are whole chains."""
    kept = Ledger.open(path).head
    early = Ledger.open(path).entries()[0].hash
    behind(path, lambda file: file.execute("DELETE FROM ledger WHERE number = 5"))
    ledger = Ledger.open(path)
    ledger.check()
    ledger.check(early)
    with pytest.raises(InputError, match=f"is whole, but {kept[:12]}... is not in it: .* cut off"):
        ledger.check(kept)
    behind(path, lambda file: file.execute("DELETE FROM ledger WHERE number > 1"))
    for n in range(1, 5):
        ledger.append("round", str(n), {"winner": 2})
    ledger.check()
    with pytest.raises(InputError, match="or written anew"):
        ledger.check(kept)


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE ledger SET content = '{}' WHERE number = 1",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT 1, 'round', 'x', '{}', '', '', '' FROM ledger WHERE number = 1",
        "INSERT OR REPLACE INTO ledger SELECT 6, 'round', '1', '{}', '', '', '' FROM ledger WHERE number = 1",
        "INSERT INTO ledger SELECT 9, 'round', 'x', '{}', '', '', '' FROM ledger WHERE number = 1",
    ],
)
def test_the_database_itself_refuses_changes(command: str, path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="a ledger is only added to"):
        behind(path, lambda file: file.execute(command), guarded=True)
    Ledger.open(path).check(Ledger.open(path).head)


def test_nothing_is_added_to_an_entry_that_was_changed(path: Path) -> None:
    behind(path, lambda file: file.execute("UPDATE ledger SET content = '{}' WHERE number = 5"))
    with pytest.raises(InputError, match=r"entry 5 .*was changed after it was written\. Nothing"):
        Ledger.open(path).append("round", "5", {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"gain": float("nan")}, "must be an object of JSON"),
        ({"gain": [float("inf")]}, "must be an object of JSON"),
        ({"gain": np.int64(3)}, "int64 is not JSON"),
        ({"points": {1: 0.5}}, "key 1 is not text"),
        ({"points": [{True: 0.5}]}, "key True is not text"),
    ],
)
def test_what_json_cannot_hold_is_refused(content: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        Ledger.open(tmp_path / "l").append("round", "1", content)


@pytest.mark.parametrize(("kind", "key"), [("", "1"), ("round", ""), ("round", "a\0b"), ("r" * 201, "1")])
def test_a_name_that_cannot_be_read_is_refused(kind: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be 1 to 200 printable characters"):
        Ledger.open(tmp_path / "l").append(kind, key, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=30, deadline=None)
def test_content_has_one_text_and_comes_back(content: dict[str, Any]) -> None:
    """An axiom: the text decodes to what was given, to the last bit, and in whatever order fields were added."""
    text = canonical(content)
    assert text.isascii()
    assert repr(sorted(json.loads(text).items())) == repr(sorted(json.loads(canonical(json.loads(text))).items()))
    assert canonical(dict(reversed(content.items()))) == text == canonical(json.loads(text))
    assert json.loads(text) == content


def test_a_file_with_bytes_changed_is_never_a_traceback(path: Path) -> None:
    """A fuzz: whatever was flipped, `ledger_report` answers, or says in a sentence that it cannot be used."""
    rng = np.random.default_rng(8)
    whole, broken = np.frombuffer(path.read_bytes(), dtype=np.uint8), path.with_name("broken.sqlite")
    kept, head = [entry.content for entry in Ledger.open(path).entries()], Ledger.open(path).head
    used = np.flatnonzero(whole)
    for cut in [None] * 12 + [len(whole) // 2, 4096, 50]:
        changed = whole.copy()
        changed[rng.choice(used, size=rng.integers(1, 9))] ^= rng.integers(1, 256, dtype=np.uint8)
        broken.write_bytes(changed[:cut].tobytes())
        try:
            report = ledger_report(broken, head)
        except InputError:
            continue
        assert not report["whole"] or [entry.content for entry in Ledger.open(broken).entries()] == kept


APPEND = """
import sys
from crowdtune.rounds.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
for n in range(int(sys.argv[3])):
    ledger.append("own", f"{sys.argv[2]} {n}", {"n": n})
    ledger.append("both", str(n), {"n": n})
"""


def append_at_once(where: str | Path, times: int) -> None:
    running = [subprocess.Popen([sys.executable, "-c", APPEND, str(where), who, str(times)]) for who in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    ledger = Ledger.open(where)
    ledger.check()
    assert len(ledger.entries("own")) == 2 * times
    assert [entry.key for entry in ledger.entries("both")] == [str(n) for n in range(times)]


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    append_at_once(tmp_path / "ledger.sqlite", 8)
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.sqlite"], "between calls the file is whole by itself"


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("item,label\n" * 9)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE items (x)")
    other.close()
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for name in ("text.csv", "other.db", "."):
        with pytest.raises(InputError, match=r"not a (ledger|database)"):
            Ledger.open(tmp_path / name)
    with pytest.raises(InputError, match="does not exist"):
        Ledger.open(tmp_path / "none", make=False)
    with pytest.raises(InputError, match="holds no ledger"):
        Ledger.open(tmp_path / "other.db", make=False)
    with pytest.raises(InputError, match="cannot be opened"):
        Ledger.open(tmp_path / "text.csv" / "below.db")
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://me:secret@host/db", r"mysql://me:\*\*\*@host/db must be a file or a database of Postgres"),
        ("postgresql://me:secret@host", "must be a file or a database of Postgres"),
        ("postgresql://me:secret@host:port/db", "URL cannot be read"),
    ],
)
def test_other_databases_are_refused_without_their_passwords(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        Ledger.open(url)
    assert "secret" not in str(refused.value)


def test_without_sqlalchemy_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "crowdtune.rounds._database")
    monkeypatch.setattr("crowdtune.rounds._database", None, raising=False)
    monkeypatch.delattr("crowdtune.rounds._database")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(InputError, match=r"pip install 'crowdtune\[crowd\]'"):
        Ledger.open(tmp_path / "l")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Postgres that lives as long as these tests."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    found = shutil.which("initdb") or next((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")), "")
    if not found:
        pytest.skip("no Postgres here: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("pg")
    data, programs = folder / "data", Path(found).parent
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:  # Postgres refuses to be run by root
        as_user = {"user": "postgres", "cwd": "/"}
        for parent in [folder, *folder.parents][:4]:
            parent.chmod(0o755)
        shutil.chown(folder, "postgres")
    subprocess.run([found, "-D", data, "-A", "trust", "-U", "me"], check=True, capture_output=True, **as_user)
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    pg_ctl = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*pg_ctl, "-o", options, "start"], check=True, capture_output=True, **as_user)
    yield f"postgresql://me@/postgres?host={folder}"
    subprocess.run([*pg_ctl, "-m", "immediate", "stop"], check=True, capture_output=True, **as_user)


@pytest.fixture
def url(server: str) -> str:
    """URL of an empty schema."""
    import psycopg

    name = f"ledger_{uuid.uuid4().hex}"
    with psycopg.connect(server) as held:
        held.execute(f"CREATE SCHEMA {name}")  # type: ignore[call-overload]
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.mark.slow
def test_postgres_has_the_same_heads_and_guards(url: str, path: Path) -> None:
    import psycopg

    ledger = Ledger.open(url)
    for entry in Ledger.open(path).entries():
        ledger.append(entry.kind, entry.key, entry.content)
    assert ledger.head == Ledger.open(path).head
    with pytest.raises(InputError, match="has other content"):
        ledger.append("round", "1", {})
    for command in ("UPDATE ledger SET content = '{}'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with psycopg.connect(url) as held, pytest.raises(psycopg.Error, match="a ledger is only added to"):
            held.execute(command)
    with psycopg.connect(url) as held:
        held.execute("DROP TRIGGER ledger_no_change ON ledger")
        held.execute("UPDATE ledger SET content = '{}' WHERE number = 4")
    assert "entry 4" in ledger_report(url)["problem"]


@pytest.mark.slow
def test_two_processes_append_to_postgres_at_once(url: str) -> None:
    append_at_once(url, 20)
