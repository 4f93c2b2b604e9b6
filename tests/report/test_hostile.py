"""Texts that want to be more than text, and names that nobody should read. Oracle: an HTML parser, and search."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune.report import write_report
from crowdtune.report.names import Names
from crowdtune.report.told import Told
from tests.report import folders
from tests.report.folders import EVIL
from tests.report.html import parse


@pytest.mark.parametrize("keep_ids", [False, True])
def test_hostile_texts_are_only_text(evil: Path, tmp_path: Path, keep_ids: bool) -> None:
    write_report(evil, tmp_path / "r.html", keep_ids=keep_ids)
    page = parse(tmp_path / "r.html")
    harmless = folders.audit(tmp_path / "harmless")
    write_report(harmless, tmp_path / "h.html")
    known = {(e.tag, name) for e in parse(tmp_path / "h.html").all() for name in [*e.attributes, ""]}
    new = {(e.tag, name) for e in page.all() for name in [*e.attributes, ""]} - known
    assert new <= {
        ("p", "dir"),
        ("text", "class"),
        ("text", "x"),
        ("text", "y"),
        ("text", ""),
        ("figure", ""),
        ("figure", "class"),
    } | {(tag, name) for tag in ("figcaption", "b", "svg", "path", "circle", "span") for name in _harmless(page, tag)}
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert "alert(" not in page.all("script")[0].text + page.all("style")[0].text
    for text in EVIL[:4]:
        assert text in page.text, "and it is shown as it is written"
    assert not set(page.text) & set("\u202e\u2066\x00\x1b")
    assert "⟨U+202E⟩" in page.text
    assert (tmp_path / "r.html").stat().st_size < 500_000


def _harmless(page: object, tag: str) -> list[str]:
    return ["", "class", "d", "role", "aria-label", "viewBox", "viewbox", "cx", "cy", "r", "fill-opacity"]


def test_nobody_is_named(tmp_path: Path) -> None:
    """Not in the table, the matrices, the warnings or a sentence; the same person has one pseudonym throughout."""
    folder = folders.audit(tmp_path / "run")
    write_report(folder, tmp_path / "r.html")
    said = (tmp_path / "r.html").read_text()
    assert "example.org" not in said
    assert "/home/ann" not in said
    best = parse(said).id("people").all("tbody")[0].all("th")[0].text  # type: ignore[union-attr]
    assert f"and {best} best." in parse(said).text
    assert "pseudonyms; the key is not in this file" in parse(said).text


def test_names_of_camps_are_hidden_even_where_they_are_words(tmp_path: Path) -> None:
    folder = folders.trained(tmp_path / "run")
    write_report(folder, tmp_path / "r.html")
    text = parse(tmp_path / "r.html").text
    assert "bob the builder" not in text
    assert "eve)" not in text


def test_names_are_shown_where_asked(tmp_path: Path) -> None:
    folder = folders.audit(tmp_path / "run")
    write_report(folder, tmp_path / "r.html", keep_ids=True)
    text = parse(tmp_path / "r.html").text
    assert "worker000@example.org" in text
    assert "Annotators are shown by the names in the data." in text


def test_models_are_called_by_name() -> None:
    people = [{"annotator": "gpt-9", "kind": "model"}, {"annotator": "ann", "kind": "person"}]
    names = Names.of(Told(Path(), {"method": "audit"}, people=people), keep_ids=False)
    assert names["gpt-9"] == "gpt-9"
    assert names["ann"].startswith("a-")
    assert names["somebody else"] == "unnamed"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("ann, not joann, hannah or annals", "{ann}, not joann, hannah or annals"),
        ("ann.b@x.org and ann", "{ann.b@x.org} and {ann}"),
        ("(a, 7 and 2 more; ann) at z = 7", "({a}, {7} and 2 more; {ann}) at z = 7"),
        ("(a, 7; ann) at z = 7", "({a}, {7}; {ann}) at z = 7"),
        ("a word of 7", "a word of 7"),
        ("copies another: w1; too fast", "copies another: {w1}; too fast"),
    ],
)
def test_names_within_sentences(said: str, shown: str) -> None:
    people = [{"annotator": name} for name in ("ann", "ann.b@x.org", "a", "7", "w1")]
    names = Names.of(Told(Path(), {"method": "audit"}, people=people), keep_ids=False)
    for name, pseudonym in names.shown.items():
        shown = shown.replace(f"{{{name}}}", pseudonym)
    assert names.sentence(said, [["a", "7"], ["ann"]]) == shown


def test_no_key_is_needed_where_nobody_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROWDTUNE_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = folders.audit(tmp_path / "run")
    write_report(folder, tmp_path / "r.html", keep_ids=True)
    assert not (tmp_path / "config").exists()
