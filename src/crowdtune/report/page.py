"""The page: sections in their order, a style and a script known by their hash, and nothing else allowed."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from crowdtune import __version__
from crowdtune.report import items, made, people
from crowdtune.report.clusters import clusters
from crowdtune.report.disagreement import disagreement
from crowdtune.report.names import Names, named
from crowdtune.report.told import Told


def render(told: Told, names: Names) -> str:
    """The whole report as HTML."""
    style = _file("style.css") + _shades()
    script = _file("script.js")
    page = _environment().from_string(_file("report.html"))
    return page.render(
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        version=__version__,
        source=made.source_of(told),
        audit=told.results["method"] == "audit",
        kept=names.kept,
        **_sections(told, names),
    )


def _sections(told: Told, names: Names) -> dict[str, Any]:
    return {
        "verdict": made.verdict(told, names),
        "figures": made.figures(told),
        "trust": people.trust(told, names),
        "clusters": clusters(told, names),
        "confusions": people.confusions(told, names),
        "agreement": items.agreement(told),
        "disagreement": disagreement(told),
        "ambiguous": items.ambiguous(told),
        "errors": items.errors(told),
        "balance": items.balance(told),
        "curves": made.curves(told),
        "made": made.made(told, names),
    }


def _environment() -> Environment:
    made = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["named"] = named
    return made


def _file(name: str) -> str:
    return (files("crowdtune.report") / "templates" / name).read_text(encoding="utf-8")


def _shades() -> str:
    """A colour for each step of a matrix's cells: r where the label is right, w where it is wrong."""
    return "\n".join(
        f".{kind}{step}{{background:color-mix(in srgb,var(--{name}-cell) {100 * step // people.SHADES}%,var(--panel))}}"
        for kind, name in (("r", "right"), ("w", "wrong"))
        for step in range(people.SHADES + 1)
    )


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy that lets nothing in: no network, and no style or script but our own."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
