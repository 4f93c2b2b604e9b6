"""The columns of a batch: which place of a HIT they belong to, and which of them are one question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdtune.read.columns import ALIASES
from crowdtune.read.labels import clean
from crowdtune.read.onehot import flags

INPUT, ANSWER = "Input.", "Answer."
NUMBERED = re.compile(r"(.*?)[_\-.]?(\d+)")
LONG, MANY = 40, 20  # a field with so many different answers of so many characters on average is answered freely
BATCH = frozenset(
    {
        "HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime", "MaxAssignments",
        "RequesterAnnotation", "HITGroupId", "AssignmentDurationInSeconds", "AutoApprovalDelayInSeconds",
        "Expiration", "NumberOfSimilarHITs", "LifetimeInSeconds", "AssignmentId", "WorkerId",
        "AssignmentStatus", "AcceptTime", "SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime",
        "RequesterFeedback", "WorkTimeInSeconds", "LifetimeApprovalRate", "Last30DaysApprovalRate",
        "Last7DaysApprovalRate", "Approve", "Reject", "Deadline", "Answer"
    }
)  # fmt: skip


@dataclass
class Layout:
    """What the columns mean.

    Args:
        inputs: place of a HIT -> column -> name of what it shows; "" are inputs of all places.
        answers: column -> (place, question, option); the option is "" where the cell is the answer itself.
        places: numbers of the places; empty where a HIT is one item.
        kinds: question -> "text" where it is clearly answered freely.
        gold: column of the trusted answer, "" without.
        ignored: columns that are neither.
    """

    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    places: frozenset[str] = frozenset()
    kinds: dict[str, str] = field(default_factory=dict)
    gold: str = ""
    ignored: list[str] = field(default_factory=list)

    @property
    def questions(self) -> list[str]:
        """Names of the questions the columns tell."""
        return list(dict.fromkeys(question for _, question, _ in self.answers.values()))

    def placed(self, name: str) -> tuple[str, str]:
        """Place and question of an answer field, as `label2` is the second of `label`."""
        head, _, rest = name.partition(".")
        stem, number, rest = numbered(head, rest)
        if number in self.places:
            return number, ".".join(filter(None, [stem or "answer", rest]))
        return "", name


def numbered(head: str, rest: str = "") -> tuple[str, str, str]:
    """Stem, number and what follows of `q_1`, `text1`, `label.1`; the number is "" where there is none."""
    if rest.isascii() and rest.isdigit():
        return head, rest, ""
    found = NUMBERED.fullmatch(head)
    return (found.group(1), found.group(2), rest) if found else (head, "", rest)


def layout(names: Sequence[str], rows: Sequence[Mapping[str, Any]], within: Sequence[str]) -> Layout:
    """Tell the columns of a batch.

    Args:
        names: of the columns.
        rows: the first ones.
        within: answer fields that only cells name, in JSON or XML.
    """
    shown = [n.removeprefix(INPUT) for n in names if n.startswith(INPUT)]
    fields = [n.removeprefix(ANSWER) for n in names if n.startswith(ANSWER)]
    plan = Layout(places=_places(shown, [*fields, *within]))
    plan.ignored = [n for n in names if n not in BATCH and not n.startswith((INPUT, ANSWER))]
    for name in shown:
        if name in ALIASES["gold"]:
            plan.gold = INPUT + name
        elif name not in ALIASES["item"] or len(shown) == 1 or name == "question":
            stem, number, _ = numbered(*name.partition(".")[::2])
            place = number if number in plan.places else ""
            plan.inputs.setdefault(place, {})[INPUT + name] = stem or "text" if place else name
    options = _options(fields, rows)
    for name in fields:
        group, option = options.get(name, (name, ""))
        plan.answers[ANSWER + name] = (*plan.placed(group), option)
    for column, (_, question, option) in plan.answers.items():
        if not option and _free([clean(row.get(column)) for row in rows]):
            plan.kinds[question] = "text"
    return plan


def _places(shown: Sequence[str], fields: Sequence[str]) -> frozenset[str]:
    """Numbers under which inputs and answers both come, two at least and no answer without its input."""
    numbers = [{n for head in names if (n := numbered(*head.partition(".")[::2])[1])} for names in (shown, fields)]
    asked, answered = numbers
    return frozenset(answered) if len(answered) > 1 and answered <= asked else frozenset()


def _options(fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Field -> (question, option) of questions with a column of true and false for every option."""
    true = {name.removeprefix(ANSWER) for name in flags([ANSWER + n for n in fields], rows)}
    true |= {name for name in fields if _mostly_flags([clean(row.get(ANSWER + name)) for row in rows])}
    groups: dict[str, list[str]] = {}
    for name in fields:
        group, _, option = name.rpartition(".")
        if group and option:
            groups.setdefault(group, []).append(name)
    several = {g: names for g, names in groups.items() if len(names) > 1 and _all_flags(names, true, rows)}
    return {name: (group, name.rpartition(".")[2]) for group, names in several.items() for name in names}


def _all_flags(names: Sequence[str], true: set[str], rows: Sequence[Mapping[str, Any]]) -> bool:
    """True where the columns hold flags or nothing, and one of them at least holds some."""
    empty = {n for n in names if not any(clean(row.get(ANSWER + n)) for row in rows)}
    return bool(set(names) & true) and set(names) <= true | empty


def _mostly_flags(cells: Sequence[str]) -> bool:
    """True where more than half of the cells that say something say true or false: the others are to be mended."""
    said = [cell.casefold() for cell in cells if cell]
    return sum(cell in ("true", "false") for cell in said) > len(said) / 2


def _free(cells: Sequence[str]) -> bool:
    """True for many different long answers."""
    found = {cell for cell in cells if cell}
    return len(found) > MANY and sum(map(len, found)) > LONG * len(found)
