"""crowdtune import."""

from __future__ import annotations

from functools import partial
from typing import Any

from crowdtune.cli._flags import Json, KeepIds, Load, Out
from crowdtune.cli._screen import say, show, show_json
from crowdtune.cli._source import reads
from crowdtune.errors import InputError
from crowdtune.write.folder import write_folder
from crowdtune.write.hidden import hidden, write_identities
from crowdtune.write.tables import occupied, whole

SHOWN = 6  # choices of a question on screen


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
    found = report.numbers(annotations)
    beside = out.parent / f"{out.name}.identities.csv"
    names: dict[str, str] = {}
    if not keep_ids:
        annotations, names = hidden(annotations)
        write_identities(beside, names)
    with whole(out) as folder:
        write_folder(annotations, folder, {"made": "crowdtune import", "read": report.as_dict(names)})
    if json:
        show_json(found | {"folder": str(out)})
        return
    for line in report.lines(annotations):
        say(line)
    _show(found)
    if names:
        say(f"annotators have pseudonyms; {beside} says who is who: keep it private. --keep-ids keeps the names")
    unnamed = not len(annotations) and bool(annotations.answered.any())
    show(
        f"wrote {out}/   next: crowdtune {f'train {out}/ --method shala -o runs/first' if unnamed else f'audit {out}/'}"
    )


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
    unnamed = [f"{found['unnamed_labels']:,} labels counted on {found['items_with_counts']:,} items"]
    shares = [f"shares on {found['items_with_shares']:,} items"]
    there = unnamed * bool(found["unnamed_labels"]) + shares * bool(found["items_with_shares"])
    if there:
        show(f"  unnamed   {', '.join(there)}: nobody's expertise can be estimated from them")
