"""crowdtune import."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Items
from crowdtune.cli._flags import Json, KeepIds, Load, Out
from crowdtune.cli._screen import say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.identity import load_key, pseudonyms
from crowdtune.read import ReadReport
from crowdtune.write.folder import write_folder
from crowdtune.write.tables import occupied, write_table

KEPT = ("kind",)  # traits that tell nobody who somebody is
LISTED = 1000  # repeated answers named in origin.json; all are counted
SHOWN = 6  # choices of a question on screen
MODEL = "model"


@partial(reads, several=True)
def import_(
    load: Load,
    out: Out = ...,  # type: ignore[assignment]
    keep_ids: KeepIds = False,
    json: Json = False,
) -> None:
    """Read any export, say what was found, dropped and renamed, and keep it as a folder every verb reads.

    Annotators get pseudonyms, the same ones at every import; the list of who is who is written beside the folder.
    """
    if occupied(out):
        raise InputError(f"{out} is not empty. Choose another folder or remove it.")
    annotations, report = load.silently()
    found = _found(annotations, report)
    beside = out.parent / f"{out.name}.identities.csv"
    if not keep_ids:
        names = _pseudonyms(annotations)
        annotations = _hidden(annotations, names)
        _write_private(beside, names)
    write_folder(annotations, out, {"made": "crowdtune import", "read": _told(report, {} if keep_ids else names)})
    if json:
        show_json(found | {"folder": str(out)})
        return
    for line in report.lines(annotations):
        say(line)
    _show(found)
    if not keep_ids:
        say(f"annotators have pseudonyms; {beside} says who is who: keep it private. --keep-ids keeps the names")
    show(f"wrote {out}/   next: crowdtune audit {out}/")


def _pseudonyms(annotations: Annotations) -> dict[str, str]:
    """Name -> pseudonym; models keep their names."""
    kinds = annotations.traits.get("kind", [""] * len(annotations.annotators))
    people = [name for name, kind in zip(annotations.annotators, kinds, strict=True) if kind != MODEL]
    return pseudonyms(people, load_key())


def _hidden(annotations: Annotations, names: dict[str, str]) -> Annotations:
    """Annotations without names and without what would give them away."""
    traits = {name: said for name, said in annotations.traits.items() if name in KEPT}
    items = replace(annotations.items, ids=[_of_nobody(name, names) for name in annotations.items.ids])
    people = [names.get(a, a) for a in annotations.annotators]
    return replace(annotations, items=items, annotators=people, traits=traits)


def _of_nobody(item: str, names: dict[str, str]) -> str:
    """An item's id; one that begins with the file it came from, named like an annotator, without that name."""
    file, slash, rest = item.partition("/")
    return f"{names[file]}/{rest}" if slash and file in names else item


def _write_private(path: Path, names: dict[str, str]) -> None:
    """The list of who is who, for its owner's eyes from the first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        write_table(path, {"annotator": list(names), "pseudonym": list(names.values())})
    finally:
        os.umask(before)


def _told(report: ReadReport, names: dict[str, str]) -> dict[str, Any]:
    """The report for origin.json, with pseudonyms where it names annotators."""
    told = {field.name: getattr(report, field.name) for field in fields(report)}
    told["beside"] = [_told(other, names) for other in report.beside]
    told["notes"] = dict(report.notes)
    told["source"] = _without_name(report.source, names)
    told["repeats"] = [[item, names.get(who, who)] for item, who in report.repeats[:LISTED]]
    if "annotators" in report.columns:  # a wide file's columns are people
        people = [names.get(who, who) for who in report.columns["annotators"].split(", ")]
        told["columns"] = report.columns | {"annotators": ", ".join(people)}
    return told


def _without_name(path: str, names: dict[str, str]) -> str:
    """A path in which a file or folder named like an annotator has the pseudonym."""
    parts = [names.get(part, names.get(Path(part).stem, part)) for part in Path(path).parts]
    return str(Path(*parts)) if parts else path


def _found(annotations: Annotations, report: ReadReport) -> dict[str, Any]:
    """What was read, in numbers."""
    items, counts = annotations.items, annotations.labels_per_item
    labelled = counts[counts > 0]
    return {
        "format": report.shape,
        "known_by": report.known_by,
        "items": len(items),
        "labels": len(annotations),
        "annotators": len(annotations.annotators),
        "questions": [_question(items, m) for m in range(len(items.tasks)) if (items.task == m).any()],
        "abstentions": sum(report.abstentions.values()),
        "nameless": report.nameless,
        "repeated": report.repeated_rows,
        "respelled": report.merged_rows,
        "labels_per_item": round(float(labelled.mean()), 2) if len(labelled) else 0.0,
        "items_with_one_label": int((counts == 1).sum()),
        "items_without_label": int((counts == 0).sum()),
        "gold": int((items.gold >= 0).sum()),
        "notes": dict(report.all_notes()),
    }


def _question(items: Items, m: int) -> dict[str, Any]:
    """Name, kind and choices of a task; no choices where its items have different ones."""
    first = int(np.flatnonzero(items.task == m)[0])
    choices = list(items.choices(first)) if items.shared_choices[m] else []
    return {"name": items.tasks[m], "kind": items.kinds[m], "choices": choices}


def _show(found: dict[str, Any]) -> None:
    why = f" by {found['known_by']}" if found["known_by"] else ""
    show(
        f"detected: {found['format']}{why} ({found['items']:,} items, {found['labels']:,} labels, "
        f"{found['annotators']:,} annotators)"
    )
    for question in found["questions"]:
        some = ", ".join(question["choices"][:SHOWN]) + (", ..." if len(question["choices"]) > SHOWN else "")
        kinds = f"{len(question['choices'])} choices: {some}" if some else "each item has its own choices"
        show(f"  question  {question['name']} ({question['kind']}, {kinds})")
    show(
        f"  dropped   {found['abstentions']} abstentions, {found['nameless']} of nobody, "
        f"{found['repeated']} repeated; {found['respelled']} labels respelled"
    )
    show(
        f"  items     {found['labels_per_item']:.1f} labels per labelled item; {found['items_with_one_label']} with "
        f"one, {found['items_without_label']} with none; {found['gold']} gold"
    )
