"""Label Studio: tasks with the labels as pre-annotations (predictions), and the labelling config they need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

from crowdtune.annotations import Items
from crowdtune.write.card import write_card
from crowdtune.write.labelled import Labelled, Written
from crowdtune.write.tables import whole, write_bytes, write_json

CHOICES, ANSWER, TEXT, QUESTION = "label", "answer", "text", "question"  # names in the config
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
USE = (
    "Make a project with label_config.xml as its labelling interface and import tasks.json. Every task shows the "
    "inferred label; `score` is its probability. What the annotators said is not in it: Label Studio takes labels "
    "of its own members alone."
)


@dataclass(frozen=True)
class LabelStudio:
    """A task per item, with a prediction where the label is not open.

    Args:
        min_probability: a less probable label is no prediction; the task stays.
    """

    min_probability: float = 0.0
    one_file: ClassVar[bool] = False

    def write(self, labelled: Labelled, path: Path) -> Written:
        """Write tasks.json, label_config.xml and README.md."""
        index, left_out = labelled.sure(self.min_probability)
        menu = _menu(labelled.items)
        sure = set(index.tolist())
        tasks = [self._task(labelled, i, not menu, i in sure) for i in range(len(labelled.items))]
        written = Written(
            len(tasks),
            {},
            [f"{count} tasks without a prediction: the {why}" for why, count in left_out.items() if count],
        )
        with whole(path) as folder:
            write_json(folder / "tasks.json", tasks)
            write_bytes(folder / "label_config.xml", _config(labelled.items, menu))
            write_card(folder / "README.md", labelled, written, [USE])
        return written

    def _task(self, labelled: Labelled, i: int, own_choices: bool, predicted: bool) -> dict[str, Any]:
        items = labelled.items
        data: dict[str, Any] = {"item": items.ids[i], TEXT: items.prompts[i]}
        if _several(items):
            data[QUESTION] = items.tasks[items.task[i]]
        free = items.kinds[items.task[i]] == "text"
        if own_choices and not free:
            data["choices"] = [{"value": choice} for choice in items.choices(i)]
        task = {"id": items.ids[i], "data": data, "annotations": []}  # Label Studio gives it an id of its own
        if not predicted:
            return task
        said = [items.choices(i)[labelled.label[i]]]
        tag, kind, value = (ANSWER, "textarea", {"text": said}) if free else (CHOICES, "choices", {"choices": said})
        result = {"id": f"r{i}", "from_name": tag, "to_name": TEXT, "type": kind, "value": value}
        score = float(labelled.probability[i])
        prediction = {"model_version": f"crowdtune {labelled.method}", "score": score, "result": [result]}
        return task | {"predictions": [prediction]}


def _menu(items: Items) -> tuple[str, ...]:
    """The choices all items with choices share, () where they differ or XML cannot hold one of them."""
    sets = {items.choices(i) for i in range(len(items)) if items.kinds[items.task[i]] != "text"}
    shared = sets.pop() if len(sets) == 1 else ()
    return () if any(NO_XML.search(choice) for choice in shared) or len(set(shared)) < len(shared) else shared


def _several(items: Items) -> bool:
    """True where there are tasks enough that each must say which it is."""
    return len(set(items.task.tolist())) > 1


def _config(items: Items, menu: tuple[str, ...]) -> bytes:
    """The labelling interface: the text, and a choice or a field to write in; without `menu` each task has choices."""
    view = ElementTree.Element("View")
    if _several(items):
        ElementTree.SubElement(view, "Header", value=f"${QUESTION}")
    ElementTree.SubElement(view, "Text", name=TEXT, value=f"${TEXT}")
    kinds = {items.kinds[m] for m in items.task.tolist()}
    if kinds - {"text"}:
        own = {} if menu else {"value": "$choices"}
        tag = ElementTree.SubElement(view, "Choices", {"name": CHOICES, "toName": TEXT, "choice": "single"} | own)
        for choice in menu:
            ElementTree.SubElement(tag, "Choice", value=choice)
    if "text" in kinds:
        ElementTree.SubElement(view, "TextArea", name=ANSWER, toName=TEXT)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode").encode() + b"\n"
