"""Pseudonyms. Oracle: keyed BLAKE2b worked out by coreutils' rule (RFC 7693) through hashlib, and the file system."""

from __future__ import annotations

import hashlib
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdtune import identity
from crowdtune.errors import InputError
from crowdtune.identity import key_path, load_key, pseudonym, pseudonyms


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CROWDTUNE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "crowdtune"


def test_it_is_keyed_blake2b_of_the_name() -> None:
    made = hashlib.blake2b(b"ann", key=b"k", digest_size=5, person=b"annotator").hexdigest()
    assert pseudonym("ann", b"k") == f"a-{made}"


@given(st.text(), st.binary(min_size=1, max_size=64))
def test_of_any_name_and_stays_as_it_is(name: str, key: bytes) -> None:
    once = pseudonym(name, key)
    assert re.fullmatch(r"a-[0-9a-f]{10}", once)
    assert pseudonym(once, key) == pseudonym(once, b"another") == once


def test_another_key_or_name_is_another_pseudonym() -> None:
    assert len({pseudonym("ann", b"1"), pseudonym("ann", b"2"), pseudonym("Ann", b"1"), pseudonym("ann ", b"1")}) == 4


def test_what_only_resembles_a_pseudonym_is_hidden() -> None:
    for name in ("a-3F2B91C04E", "a-3f2b91c04", "xa-3f2b91c04e", "a-3f2b91c04e\n"):
        assert pseudonym(name, b"k") != name


def test_two_annotators_never_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two hexadecimal digits, 300 names cannot all differ."""
    names = [f"n{i}" for i in range(300)]
    assert len(set(pseudonyms([*names, *names], b"k").values())) == 300
    monkeypatch.setattr(identity, "DIGITS", 2)
    with pytest.raises(
        InputError, match=r"^annotators 'n\d+' and 'n\d+' would both be called a-..\. Set CROWDTUNE_KEY"
    ):
        pseudonyms(names, b"k")


def test_the_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    first = load_key()
    assert load_key() == first
    assert len(first) == 32
    assert key_path() == home / "key"
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == ["key"]


def test_a_key_of_the_environment_wins_and_writes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROWDTUNE_KEY", "a secret of any length " * 10)
    assert 1 <= len(load_key()) <= 64
    assert not home.exists()
    other = load_key()
    monkeypatch.setenv("CROWDTUNE_KEY", "another")
    assert load_key() != other


def test_processes_at_once_agree_on_one_key(home: Path) -> None:
    code = "from crowdtune.identity import load_key; print(load_key().hex())"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.parametrize("content", ["", "not hexadecimal"])
def test_a_damaged_key_is_said(home: Path, content: str) -> None:
    """A new one in its place would quietly rename everybody."""
    home.mkdir(parents=True)
    key_path().write_text(content)
    with pytest.raises(InputError, match=r"holds no key: one line of hexadecimal digits\. Restore it, or remove it"):
        load_key()


def test_where_no_key_can_be_kept(home: Path) -> None:
    home.parent.mkdir()
    home.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"cannot be kept in .*key \(.*\)\. Set CROWDTUNE_KEY to a secret text\.$"):
        load_key()
