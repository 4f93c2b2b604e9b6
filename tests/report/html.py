"""A page read by the parser of Python's library: what a browser would make of it, without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "input", "br", "link", "img", "hr", "base", "embed"}


@dataclass
class Element:
    """A tag with its attributes, its text and the elements within it."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element] = field(default_factory=list)
    own: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text and that of everything within, in order."""
        return "".join(self.own)

    def all(self, tag: str = "") -> list[Element]:
        """Every element within, in the order of the page."""
        found = []
        for child in self.inside:
            found += [child] * (not tag or child.tag == tag) + child.all(tag)
        return found

    def id(self, name: str) -> Element | None:
        """The element of an id, None where there is none."""
        return next((e for e in self.all() if e.attributes.get("id") == name), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {tag} {attrs}"
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open[-1].tag, f"</{tag}> closes <{self.open[-1].tag}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.own.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parse(page: Path | str) -> Element:
    """The page's root; every tag is closed where it should be."""
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8") if isinstance(page, Path) else page)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {[e.tag for e in reader.open]}"
    return reader.open[0]
