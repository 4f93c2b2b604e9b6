"""Store: what is put comes back exactly, whoever is killed; what is no store is left as it is."""

from __future__ import annotations

import hashlib
import math
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from crowdtune.backends import Reply, Request
from crowdtune.backends.store import Store, key
from crowdtune.errors import InputError

ASKED = Request((("system", "Be brief."), ("user", "2 + 2?")), ("3", "4"), 5, 0.5, 1)


def test_replies_come_back_to_the_last_bit(tmp_path: Path) -> None:
    given = Reply("vier — 4\n", (1 / 3, 2 / 3), (-math.inf, -0.1 - 0.2, 5e-324), (math.pi,), 12, 3, True)
    with Store(tmp_path / "new" / "replies.db") as store:
        assert store.put(b"a", given) == given
        assert store.get(b"b") is None
    with Store(tmp_path / "new" / "replies.db") as store:
        assert store.get(b"a") == given
        assert store.put(b"a", Reply("another")) == given, "the first reply stays"
        assert len(store) == 1


def test_everything_asked_is_in_the_key() -> None:
    """An axiom: requests differ where any field does, and equal ones never."""
    others = [
        replace(ASKED, messages=(("system", "Be brief."), ("user", "2 + 3?"))),
        replace(ASKED, messages=(("system", "Be brief.2 + 2?"),)),
        replace(ASKED, choices=("34",)),
        replace(ASKED, max_tokens=6),
        replace(ASKED, temperature=0.6),
        replace(ASKED, sample=2),
    ]
    assert len({key("m", request) for request in [ASKED, *others]} | {key("n", ASKED)}) == 8
    assert key("m", replace(ASKED, temperature=0)) == key("m", replace(ASKED, temperature=-0.0))


def test_the_key_stays_what_it_was() -> None:
    """What is hashed, by hand. With another key everybody asks everything again: raise `store.VERSION` and say so."""
    plain = (
        '{"backend":"model","request":{"messages":[["system","Be brief."],["user","2 + 2?"]],'
        '"choices":["3","4"],"max_tokens":5,"temperature":0.5,"sample":1}}'
    )
    assert key("model", ASKED) == hashlib.sha256(plain.encode()).digest()


def test_many_make_one_store_at_once(tmp_path: Path) -> None:
    """Whoever looks while another makes it sees a store or nothing, never half of one."""

    def make(path: Path, start: threading.Barrier, who: int) -> None:
        start.wait()
        with Store(path) as store:
            store.put(b"%d" % who, Reply("x"))

    for n in range(15):
        path, start = tmp_path / f"{n}", threading.Barrier(6)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(partial(make, path, start), range(6)))
        with Store(path) as store:
            assert len(store) == 6


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("item,label\n")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE replies (x)")
    other.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("text.csv", "other.db", "."):
        with pytest.raises(InputError, match=r"not a store of replies\. Name another file"):
            Store(tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(InputError, match=r"text\.csv.* cannot be opened"):
        Store(tmp_path / "text.csv" / "below.db")


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "s").close()
    later = sqlite3.connect(tmp_path / "s")
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(InputError, match="is of version 99; this crowdtune reads up to 1"):
        Store(tmp_path / "s")


def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        for i in range(200):
            store.put(b"%d" % i, Reply("x" * 500))
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(InputError, match=r"store .*s cannot be used"), Store(tmp_path / "s") as store:
        store.get(b"7")


WRITE = """
import sys, itertools
from crowdtune.backends import Reply
from crowdtune.backends.store import Store
with Store(sys.argv[1]) as store:
    for i in itertools.count():
        store.put(f"{sys.argv[2]} {i}".encode(), Reply("x" * 300))
        store.put(f"both {i}".encode(), Reply(sys.argv[2]))
        print(i, flush=True)
"""


def test_what_was_put_survives_a_kill_with_two_writing_at_once(tmp_path: Path) -> None:
    """Two processes make a store at once and write until they are killed: all they say they put is there."""
    path, said = tmp_path / "s", {who: tmp_path / f"{who}.txt" for who in "ab"}
    writing = {}
    for who, file in said.items():
        with file.open("w") as out:
            writing[who] = subprocess.Popen([sys.executable, "-c", WRITE, path, who], stdout=out)
    while not all(len(file.read_text().split()) >= 30 for file in said.values()):
        assert all(process.poll() is None for process in writing.values())
        time.sleep(0.02)
    for process in writing.values():
        process.kill()
        process.wait()
    with Store(path) as store:
        for who, file in said.items():
            put = file.read_text().split("\n")[:-1]
            assert all(store.get(f"{who} {i}".encode()) is not None for i in put)
        assert store.get(b"both 0") in (Reply("a"), Reply("b"))
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()
