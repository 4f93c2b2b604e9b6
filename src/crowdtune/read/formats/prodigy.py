"""Prodigy's JSONL (db-out): a line per answer, or per reviewed item with the versions it had.

A choice names its options by their texts; accept or reject of a label is yes or no to that label; ignore is no answer.
The reviewer's decision is gold. A session named by its time alone is nobody in particular.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry, Skipped
from crowdtune.read.formats._prompt import prompt_of
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

ANSWERS = ("accept", "reject", "ignore")
CHOICE, ACCEPT = "choice", "accept"  # tasks where no label names one
NO_YES = ["no", "yes"]
ANONYMOUS = re.compile(r"(?:^|-)\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")
PLACED = re.compile(r"^(?:ner|spans|pos|dep|relations|image|audio|llm)(?:_manual|_io)?$")
MARKS = ("spans", "relations", "audio_spans", "arcs")
NOTED = "spans, boxes or relations: not read, only answers to a whole item are"
NOBODY = "answers of a session without a name: whose they are, and so expertise, cannot be known (open ?session=NAME)"
REVIEWED = "decisions of a review: read as gold, beside the answers reviewed"
OTHER = ("answer", "label", "config", "meta", "options", "accept", "versions", "sessions", "view_id", "field_id")


class _Said(NamedTuple):
    """An answer to one question."""

    task: str
    label: Any
    choices: list[str] | None = None
    kind: str = ""


def recognise(opened: Opened) -> str:
    """By what the file is known: see formats."""
    if opened.form not in (".json", ".jsonl", ".ndjson") or not opened.has("_input_hash", "answer"):
        return ""
    return "lines with _input_hash and answer" if any(r.cells.get("answer") in ANSWERS for r in opened.sample) else ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """What the lines say."""
    prefix = _prefix([_who(row.cells) for row in opened.sample])
    answers = 0
    for row in opened.rows():
        cells, where = row.cells, opened.where(row.number)
        item = clean(cells.get("_input_hash"))
        fields = {
            n: v for n, v in cells.items() if not n.startswith("_") and n not in OTHER and n != cells.get("field_id")
        }
        prompt = prompt_of(fields)
        versions = cells.get("versions")
        reviewed = isinstance(versions, list) and bool(versions)
        final = _said(where, cells, report)
        for said in final:
            gold = said.label if reviewed and not isinstance(said.label, Skipped) else None
            report.notes.update([REVIEWED] if gold is not None else [])
            yield Described(row.number, item, said.task, prompt, said.choices, gold, "", said.kind)
        who = [(cells, _who(cells))]
        if reviewed:
            who = [(cells | _object(where, v), name) for v in versions or () for name in _sessions(where, v)]
        for version, name in who:
            for said in _said(where, version, report) if reviewed else final:
                answers += 1
                if ANONYMOUS.search(name) or not name:
                    report.notes[NOBODY] += 1
                    name = ""
                yield Answer(
                    row.number, item, name.removeprefix(prefix), said.label, said.task, cells.get("_timestamp")
                )
    if not answers and report.notes:
        raise InputError(f"{opened.path} holds no answer to a whole item ({'; '.join(report.notes)}).")


def _who(cells: Mapping[str, Any]) -> str:
    return clean(cells.get("_annotator_id")) or clean(cells.get("_session_id"))


def _prefix(names: list[str]) -> str:
    """The name of the dataset, which all annotators' names begin with; it ends with a hyphen.

    Example:
        >>> _prefix(["news-alex", "news-anna"]), _prefix(["news-alex"]), _prefix(["alex", "anna"])
        ('news-', 'news-', '')
    """
    named = {name for name in names if name and not ANONYMOUS.search(name)}
    if not named:
        return ""
    first, last = min(named), max(named)
    alike = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return re.sub(r"[^-]*$", "", first[:alike])


def _object(where: str, version: Any) -> dict[str, Any]:
    if not isinstance(version, dict):
        raise InputError(f"{where}: versions must hold objects, not {str(version)[:60]!r}. Export the review again.")
    return version


def _sessions(where: str, version: Any) -> list[str]:
    sessions = _object(where, version).get("sessions")
    if not isinstance(sessions, list):
        raise InputError(f"{where}: sessions must be a list, not {str(sessions)[:60]!r}. Export the review again.")
    return [clean(name) for name in sessions] or [""]


def _said(where: str, cells: Mapping[str, Any], report: ReadReport) -> list[_Said]:
    """The answers of a line, or of one version of it."""
    answer = cells.get("answer")
    if answer not in ANSWERS:
        raise InputError(f"{where}: answer must be {', '.join(ANSWERS)}, not {str(answer)[:60]!r}. Mend the line.")
    said: list[_Said] = []
    marked = any(isinstance(cells.get(name), list) for name in MARKS) or PLACED.match(str(cells.get("_view_id", "")))
    if isinstance(cells.get("options"), list):
        said.append(_choice(where, cells, str(answer)))
    elif marked:
        report.notes[NOTED] += 1
    field = cells.get("field_id") or ("user_input" if cells.get("_view_id") == "text_input" else "")
    if isinstance(field, str) and field:
        said.append(_Said(field, clean(cells.get(field)) or Skipped("empty"), None, "text"))
    if not said and not marked:
        label = clean(cells.get("label")) or ACCEPT
        said.append(_Said(label, NO_YES[answer == "accept"], NO_YES))
    return [one._replace(label=Skipped("ignore")) if answer == "ignore" else one for one in said]


def _choice(where: str, cells: Mapping[str, Any], answer: str) -> _Said:
    """The options accepted, by their texts."""
    options = [_object(where, option) for option in cells["options"]]
    ids = [clean(option.get("id")) for option in options]
    texts = [clean(option.get("text")) for option in options]
    texts = texts if len(set(texts)) == len(texts) and all(texts) else ids
    given = cells.get("accept", [])
    if not isinstance(given, list):
        raise InputError(f"{where}: accept must be a list of options, not {str(given)[:60]!r}. Mend the line.")
    named = dict(zip(ids, texts, strict=True))
    chosen = [named.get(clean(name), clean(name)) for name in given]
    config = cells.get("config")
    several = isinstance(config, dict) and config.get("choice_style") == "multiple"
    label: Any = chosen if several or len(chosen) > 1 else chosen[0] if chosen else Skipped("nothing accepted")
    choices = texts if len(set(texts)) > 1 and all(texts) else None
    return _Said(CHOICE, Skipped("reject") if answer == "reject" else label, choices)
