"""The folder of cleaned data: every decision with its reasons, and labels to train on, here and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.denoise.decision import RULES, Decision
from crowdtune.denoise.question import Opinion
from crowdtune.denoise.select import Cut
from crowdtune.denoise.table import outcome_counts, outcome_rows, rule_counts
from crowdtune.errors import InputError
from crowdtune.write.columns import answers, choices, texts
from crowdtune.write.folder import soft_column, write_folder
from crowdtune.write.formats import make
from crowdtune.write.labelled import Labelled
from crowdtune.write.room import Unwritten
from crowdtune.write.tables import whole, write_bytes, write_json, write_table

NAME = "cleaned"  # who gives the labels
DIGITS = 6  # of probabilities in decisions.jsonl
README = """# Cleaned labels

{counts}

- `decisions.jsonl`: every item with its given label, what became of it (`outcome`: keep, relabel, soft or drop), the
  rule that decided (`rule`, in words `because`), the posterior, and what every expert answered and why.
- `labels.jsonl`: the labels to train on, a row per item that is left, by one annotator, `{name}`. Where the outcome is
  soft `posterior` has a probability for each of `choices`, and `label` the most probable (empty where two are).
- `items.parquet`, `annotations.parquet`, `annotators.parquet`, `origin.json`: the same for `crowdtune`.
  `crowdtune train THIS_FOLDER --method soft` learns the probabilities of soft labels, `--method noisy` labels alone;
  answers written freely have `--method noisy`.
- `summary.json`: counts by choice and by rule, what selection left out, and what was asked.
{formats}"""


def cleaned(items: Items, decisions: Sequence[Decision]) -> Annotations:
    """The items that are left, labelled by one annotator; soft labels as `Annotations.soft`.

    What is missing of a posterior that sums to less than 1 is shared by its answers in proportion.

    Args:
        items: I items.
        decisions: one for each of them, in order.
    """
    _check(items, decisions)
    left = [d for d in decisions if d.outcome != "drop"]
    index, label = _ints([d.item for d in left]), _ints([d.label for d in left])
    taken = items.take(index)
    has = np.flatnonzero(label >= 0)
    soft = np.zeros(taken.choice_mask.shape)
    for row, d in zip(soft, left, strict=True):
        if d.outcome == "soft" and any(d.posterior):
            row[: len(d.posterior)] = np.array(d.posterior) / sum(d.posterior)
    return Annotations(
        taken,
        [NAME],
        has,
        np.zeros(len(has), dtype=np.int64),
        label[has],
        traits={"kind": ["model"]},
        soft=soft if soft.any() else None,
    )


def labelled(items: Items, decisions: Sequence[Decision]) -> Labelled:
    """The same for `write.formats`: the decided labels, with the posterior as their probabilities, 1 where unknown."""
    annotations = cleaned(items, decisions)
    left = [d for d in decisions if d.outcome != "drop"]
    posterior: Floats = np.zeros(annotations.items.choice_mask.shape)
    for row, d in zip(posterior, left, strict=True):
        row[: len(d.posterior)] = d.posterior
        if not any(d.posterior):
            row[d.label] = 1.0
    return Labelled(annotations, posterior, "clean", _ints([d.label for d in left]))


def write_clean(
    folder: Path,
    items: Items,
    decisions: Sequence[Decision],
    *,
    to: Sequence[str] = (),
    cuts: Sequence[Cut] = (),
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write decisions and cleaned data, whole or not at all.

    Args:
        folder: new or empty.
        items: I items.
        decisions: one for each of them, in order.
        to: names of `write.formats` to write as well, each in a folder (or file) called like it. One that cannot be
            written, as nothing is left or its tool has no such answers, is told in the summary and not an error.
        cuts: what selection did.
        facts: what else belongs into summary.json: options, models, calls, seconds.

    Returns:
        What summary.json says.
    """
    forms = {name: make(name, {}) for name in dict.fromkeys(to)}
    annotations, found = cleaned(items, decisions), labelled(items, decisions)
    summary: dict[str, Any] = {
        "items": len(items),
        "left": len(annotations.items),
        "outcomes": outcome_counts(decisions),
        "rules": {rule: {"items": n, "says": RULES[rule]} for rule, n in rule_counts(decisions).items()},
        "choices": outcome_rows(items, decisions),
        "selection": [asdict(cut) for cut in cuts],
        "formats": {},
    }
    with whole(folder) as aside:
        write_bytes(aside / "decisions.jsonl", b"".join(_line(items, d) for d in decisions))
        write_table(aside / "labels.jsonl", _label_columns(annotations, found.label))
        write_folder(annotations, aside, {"cleaned": summary["outcomes"]})
        for name, form in forms.items():
            path = f"{name}.csv" if form.one_file else name
            try:
                written = form.write(found, aside / path)
                summary["formats"][name] = {"path": path, "rows": written.rows, "left_out": written.left_out}
            except Unwritten:
                raise
            except InputError as e:
                summary["formats"][name] = {"path": None, "why": str(e)}
        write_json(aside / "summary.json", summary | dict(facts or {}))
        write_bytes(aside / "README.md", _readme(summary).encode())
    return summary | dict(facts or {})


def _check(items: Items, decisions: Sequence[Decision]) -> None:
    if [d.item for d in decisions] != list(range(len(items))):
        raise ValueError(f"a decision is needed for each of {len(items)} items, in their order.")


def _label_columns(annotations: Annotations, label: Ints) -> dict[str, Any]:
    """Columns of labels.jsonl, one row per item; label is null where a soft one has no most probable choice."""
    items = annotations.items
    every = np.arange(len(items))
    columns = {
        "item": texts(items.ids, every),
        "task": texts(items.tasks, items.task),
        "kind": texts(items.kinds, items.task),
        "annotator": [NAME] * len(items),
        "annotator_kind": ["model"] * len(items),
        "label": answers(items, every, label),
        "prompt": texts(items.prompts, every),
        "choices": choices(items, at_least=2),
        "gold": answers(items, every, items.gold),
        "split": texts(items.splits, every),
    }
    return columns | soft_column(annotations)


def _line(items: Items, d: Decision) -> bytes:
    """A line of decisions.jsonl."""
    i = d.item
    record = {
        "item": items.ids[i],
        "task": items.tasks[int(items.task[i])],
        "text": items.prompts[i],
        "choices": items.choices(i),
        "given": items.text(i, d.given),
        "outcome": d.outcome,
        "label": items.text(i, d.label),
        "posterior": [round(p, DIGITS) for p in d.posterior],
        "margin": round(d.margin, DIGITS),
        "rule": d.rule,
        "because": RULES[d.rule],
        "uncertainty": d.uncertainty,
        "measure": d.measure,
        "experts": {name: _said(opinion) for name, opinion in d.opinions.items()},
        "gold": items.text(i, int(items.gold[i])),
    }
    return msgspec.json.encode(record) + b"\n"


def _said(opinion: Opinion) -> dict[str, Any]:
    """An opinion as it is written; what a model writes may hold half a character."""
    return asdict(opinion) | {
        "answer": _text(opinion.answer),
        "shares": [round(share, DIGITS) for share in opinion.shares],
        "reason": _text(opinion.reason),
    }


def _text(written: str) -> str:
    """Text that can be encoded."""
    return written.encode("utf-8", "replace").decode()


def _readme(summary: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{n} {word}" for word, n in summary["outcomes"].items())
    lines = [
        f"- `{form['path']}`: {form['rows']} rows for other tools, as `crowdtune export --to {name}` writes them."
        if form["path"]
        else f"- {name} was not written: {form['why']}"
        for name, form in summary["formats"].items()
    ]
    said = f"Of {summary['items']} items {counts}."
    return README.format(counts=said, name=NAME, formats="".join(f"{line}\n" for line in lines))


def _ints(codes: Sequence[int]) -> Ints:
    return np.array(codes, dtype=np.int64)
