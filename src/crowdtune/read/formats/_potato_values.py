"""What the values of a Potato scheme say: which options were chosen, or what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crowdtune.read.labels import clean, is_number
from crowdtune.read.onehot import CHOSEN, NOT_CHOSEN
from crowdtune.read.report import ReadReport

SPANS = "span or region: left out, it is no label of the whole item"
WRITTEN = frozenset({"text_box", "textbox", "text", "textarea", "free_response", "response", ""})
MEASURED = frozenset({"slider", "number", "value", "range", "select-one"})
YES, NO = CHOSEN | {"yes", "x"}, NOT_CHOSEN  # casefolded
BESIDE = "free_response"  # a text box beside options
DEEP = "value of a form without a meaning here: left out"


def told(scheme: str, values: Any, report: ReadReport) -> Iterator[tuple[str, Any, str]]:
    """Question, label and kind of what one annotator said under a scheme."""
    given = values if isinstance(values, Mapping) else {"value": values}
    options: list[str] = []
    stated = False
    for name, value in given.items():
        text = clean(value) if not isinstance(value, Mapping | list) else ""
        if isinstance(value, Mapping | list) or text.startswith(("[{", '{"')):
            report.notes[SPANS if text or isinstance(value, list) else DEEP] += 1
        elif name in MEASURED or name in WRITTEN:
            kind = "text" if name in WRITTEN else ""
            yield f"{scheme}.{name}" if name == BESIDE else scheme, text, kind
        elif text.casefold() in YES | NO or text == name or is_number(text):
            stated = True
            if text == name or text.casefold() not in NO:
                options.append(name)
        else:
            yield f"{scheme}.{name}", text, ""
    if stated:
        yield scheme, options, ""
