"""The data sets of the papers' experiments on the Hugging Face hub, each row read by its own columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crowdtune.annotations import Items
from crowdtune.errors import InputError

Row = Mapping[str, Any]
Asked = tuple[str, tuple[str, ...], int]  # question, choices, code of the right one


def _lettered(question: str) -> Callable[[Row], Asked]:
    """Rows with choices {label, text} and an answerKey."""

    def read(row: Row) -> Asked:
        labels, texts = row["choices"]["label"], row["choices"]["text"]
        return row[question], tuple(texts), labels.index(row["answerKey"]) if row["answerKey"] in labels else -1

    return read


def _goal(row: Row) -> Asked:
    return row["goal"], (row["sol1"], row["sol2"]), int(row["label"])


def _abstract(row: Row) -> Asked:
    choices = ("yes", "no", "maybe")
    return f"{' '.join(row['context']['contexts'])}\n{row['question']}", choices, choices.index(row["final_decision"])


def _numbered(row: Row) -> Asked:
    return row["question"], tuple(row["choices"]), int(row["answer"])


def _sentiment(row: Row) -> Asked:
    return row["sentence"], ("negative", "neutral", "positive"), int(row["label"])


def _span(row: Row) -> Asked:
    """The right span among other answers to questions on the same passage, in alphabetical order."""
    choices = tuple(sorted({row["answer"], *row["others"]}))
    return f"{row['passage']}\n{row['question']}", choices, choices.index(row["answer"])


OTHERS = 3  # wrong choices of a question on a passage


def _with_others(rows: Iterable[tuple[str, Row]]) -> Iterable[tuple[str, Row]]:
    """Questions on passages with `answer`, the first span, and `others`, the next answers on the same passage.

    A question whose passage has no other answer is left out: it has no wrong choice.
    """
    kept = [(split, row, row["answers_spans"]["spans"][0]) for split, row in rows if row["answers_spans"]["spans"]]
    answers: dict[str, list[str]] = {}
    for _, row, answer in kept:
        answers.setdefault(row["passage"], []).append(answer)
    for split, row, answer in kept:
        several = list(dict.fromkeys(answers[row["passage"]]))
        at = several.index(answer)
        others = (several[at + 1 :] + several[:at])[:OTHERS]
        if others:
            yield split, {**row, "answer": answer, "others": others}


@dataclass(frozen=True)
class Place:
    """Where a data set is on the hub and how its rows are read.

    Args:
        id: on the hub.
        part: its configuration, None where it has one.
        asked: question, choices and answer of a row.
        revision: of the repository, None = the newest.
        splits: those that are read, () = all.
        joined: what a row needs of other rows is put into it.
    """

    id: str
    part: str | None
    asked: Callable[[Row], Asked]
    revision: str | None = None
    splits: tuple[str, ...] = ()
    joined: Callable[[Iterable[tuple[str, Row]]], Iterable[tuple[str, Row]]] = iter


PARQUET = "refs/convert/parquet"  # the hub's own copy of data sets that come as a script
HUB = {
    "arc": Place("allenai/ai2_arc", "ARC-Challenge", _lettered("question")),
    "drop": Place("ucinlp/drop", None, _span, joined=_with_others),
    "fpb": Place("takala/financial_phrasebank", "sentences_allagree", _sentiment, PARQUET),
    "mmlu": Place("cais/mmlu", "all", _numbered, splits=("test",)),
    "obqa": Place("allenai/openbookqa", "main", _lettered("question_stem")),
    "piqa": Place("ybisk/piqa", None, _goal, PARQUET),
    "pubmedqa": Place("qiaojin/PubMedQA", "pqa_labeled", _abstract),
    "riddlesense": Place("INK-USC/riddle_sense", None, _lettered("question"), PARQUET),
}


def from_hub(name: str) -> Items:
    """Items of a data set of the hub; needs the network and the package `datasets`."""
    place = HUB[name]
    try:
        from datasets import load_dataset
    except ImportError as e:
        raise InputError(
            f"data set '{name}' is on the hub, and reading it needs a package: pip install datasets. "
            f"Or name a local file: --data {name}=FILE."
        ) from e
    try:
        splits = load_dataset(place.id, place.part, revision=place.revision)
    except (OSError, ValueError) as e:
        raise InputError(
            f"data set '{name}' ({place.id}) cannot be had from the hub: {str(e).splitlines()[0]} "
            f"Name a local file: --data {name}=FILE."
        ) from e
    return read_rows(place, ((s, row) for s, rows in splits.items() if s in (place.splits or splits) for row in rows))


def read_rows(place: Place, rows: Iterable[tuple[str, Row]]) -> Items:
    """Items from (split, row) pairs; a row without answer has gold -1."""
    names, asked = [], []
    for split, row in place.joined(rows):
        names.append(split)
        asked.append(place.asked(row))
    codes = {choices: code for code, choices in enumerate(dict.fromkeys(choices for _, choices, _ in asked))}
    return Items(
        ids=[f"{split}-{row}" for row, split in enumerate(names)],
        prompts=[question for question, _, _ in asked],
        choice_sets=list(codes),
        choice_set=np.array([codes[choices] for _, choices, _ in asked], dtype=np.int64),
        tasks=["hub"],
        task=np.zeros(len(asked), dtype=np.int64),
        gold=np.array([gold for _, _, gold in asked], dtype=np.int64),
        splits=names,
    )
