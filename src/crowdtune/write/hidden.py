"""Annotations without people's names: what is imported or exported for others to see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from crowdtune.annotations import Annotations
from crowdtune.identity import of_people
from crowdtune.write.tables import write_table

KEPT = ("kind",)  # traits that tell nobody who somebody is


def hidden(annotations: Annotations) -> tuple[Annotations, dict[str, str]]:
    """Pseudonyms for people's names, also where items are called by them; of the traits only who is a model.

    Returns:
        The annotations, and name -> pseudonym of every person; models keep their names.
    """
    kinds = annotations.traits.get("kind", [""] * len(annotations.annotators))
    models = {name for name, kind in zip(annotations.annotators, kinds, strict=True) if kind == "model"}
    names = of_people(annotations.annotators, models)
    items = replace(annotations.items, ids=[_of_nobody(name, names) for name in annotations.items.ids])
    traits = {name: said for name, said in annotations.traits.items() if name in KEPT}
    shown = [names.get(name, name) for name in annotations.annotators]
    return replace(annotations, items=items, annotators=shown, traits=traits), names


def _of_nobody(item: str, names: Mapping[str, str]) -> str:
    """An item's id; one that begins with the file it came from, named like an annotator, without that name."""
    file, slash, rest = item.partition("/")
    return f"{names[file]}/{rest}" if slash and file in names else item


def write_identities(path: Path, names: Mapping[str, str]) -> None:
    """Write the list of who is who as a table, for its owner's eyes from the first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        write_table(path, {"annotator": list(names), "pseudonym": list(names.values())})
    finally:
        os.umask(before)
