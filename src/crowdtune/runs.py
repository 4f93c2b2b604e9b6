"""A Run is a folder: what was asked (config.json), what happened (metrics.jsonl), what came out (results.json, ...).

The last file written is results.json: a folder without it is a run that did not finish.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.errors import InputError
from crowdtune.metrics.crowd import THIN, WIDE, annotator_accuracy, reliability, reliability_per_task
from crowdtune.ranks import is_main
from crowdtune.write.labelled import Labelled, label_table
from crowdtune.write.room import discard, writing
from crowdtune.write.tables import occupied, sweep, write_bytes, write_json, write_table

GOES_ON = "Make room; then the same command with --resume goes on from the newest checkpoint, if there is one."
TEXTS = ("annotator", "kind", "bias", "flags", "pseudonym")  # columns of annotators.csv that hold words


@dataclass(frozen=True)
class Run:
    """One execution and its folder; of several processes only the main one claims, begins and logs it."""

    folder: Path

    @classmethod
    def start(cls, folder: Path, config: dict[str, Any], *, resume: bool = False) -> Run:
        """Claim `folder` and write config.json, the first file of a run; with `resume` clear what a kill left."""
        run = cls.claim(folder, config, resume=resume)
        if resume and is_main():
            sweep(folder)
        elif is_main():
            write_json(folder / "config.json", config)
        return run

    @classmethod
    def claim(cls, folder: Path, config: dict[str, Any], *, resume: bool = False) -> Run:
        """Refuse a folder that holds something else, before any work is done; nothing is written.

        With `resume`, the folder must hold an unfinished run of the same config.
        """
        run = cls(folder)
        if not is_main():
            return run
        if resume:
            run._check_same(config)
        elif occupied(folder):
            raise InputError(f"{folder} already holds {run._state()}. Choose another folder or remove it.")
        return run

    def _state(self) -> str:
        if self.finished:
            return "a finished run"
        begun = (self.folder / "config.json").exists()
        return "an unfinished run (--resume goes on with it)" if begun else "files of something else"

    def _check_same(self, config: dict[str, Any]) -> None:
        if self.finished:
            discard(self.checkpoints)  # where a kill came between the results and the end
            raise InputError(f"{self.folder} holds a finished run; there is nothing to resume.")
        if not (self.folder / "config.json").exists():
            raise InputError(f"{self.folder} holds no run to resume. Leave out --resume to start one.")
        plain = msgspec.json.decode(msgspec.json.encode(config))
        different = sorted(k for k in plain.keys() | self.config.keys() if plain.get(k) != self.config.get(k))
        if different:
            raise InputError(
                f"{self.folder} was started with another {different[0]}; resume with the same, or start anew elsewhere."
            )

    @property
    def finished(self) -> bool:
        """True once results.json is there."""
        return (self.folder / "results.json").exists()

    @property
    def model(self) -> Path:
        """Folder of the trained model."""
        return self.folder / "model"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints, removed when the run is finished."""
        return self.folder / "checkpoints"

    @property
    def config(self) -> dict[str, Any]:
        """What was asked."""
        return self._load("config.json")

    @property
    def results(self) -> dict[str, Any]:
        """What came out."""
        return self._load("results.json")

    @property
    def annotators(self) -> list[dict[str, Any]]:
        """Rows of annotators.csv, most reliable first, as `annotator_table` makes them."""
        with (self.folder / "annotators.csv").open(encoding="utf-8", newline="") as file:
            return [{name: _typed(name, cell) for name, cell in row.items()} for row in csv.DictReader(file)]

    def beliefs(self) -> tuple[list[str], Floats, Floats, Ints]:
        """Ids of the items, (I, K) posterior, and (J,) reliability and (J,) number of labels of the annotators."""
        import pyarrow.parquet as pq

        columns = pq.read_table(self.folder / "items.parquet", columns=["item", "posterior"]).to_pydict()
        posterior = np.zeros((len(columns["item"]), max(map(len, columns["posterior"]), default=0)))
        for row, shares in zip(posterior, columns["posterior"], strict=True):
            row[: len(shares)] = shares
        people = self.annotators
        reliability = np.array([row["reliability"] for row in people], dtype=np.float64)
        return columns["item"], posterior, reliability, np.array([row["labels"] for row in people], dtype=np.int64)

    def labelled(self, annotations: Annotations) -> Labelled:
        """What the run believes of the truths of its data, as read again; items in the run's order."""
        import pyarrow.parquet as pq

        names, posterior, _, _ = self.beliefs()
        choices = pq.read_table(self.folder / "items.parquet", columns=["choices"])["choices"].to_pylist()
        place = {name: i for i, name in enumerate(annotations.items.ids)}
        for name, own in zip(names, choices, strict=True):
            if name not in place or list(annotations.items.choices(place[name])) != own:
                what = "is missing" if name not in place else f"had the choices {', '.join(own)}"
                raise InputError(
                    f"the data of {self.folder} have changed: item '{name}' {what}. Export the data itself."
                )
        taken = annotations.take_items(np.array([place[name] for name in names], dtype=np.int64))
        return Labelled(taken, posterior, self.config["method"])

    def _load(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not path.exists():
            raise InputError(
                f"{self.folder} has no {name}: it is not a finished run. Name a folder `crowdtune train` made."
            )
        loaded: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return loaded

    def log(self, record: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        if not is_main():
            return
        with writing(self.folder / "metrics.jsonl", then=GOES_ON), (self.folder / "metrics.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")

    def rewind(self, step: int) -> None:
        """Forget lines of metrics.jsonl from after an optimiser step, and a torn one: they are written anew."""
        path = self.folder / "metrics.jsonl"
        if is_main() and path.exists():
            lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith(b"\n") and msgspec.json.decode(line)["step"] <= step]
            write_bytes(path, b"".join(kept))

    def curve(self, name: str) -> list[tuple[int, float]]:
        """(optimiser step, value) of a number in metrics.jsonl, in the order logged."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        records = [msgspec.json.decode(line) for line in lines]
        return [(record["step"], record[name]) for record in records if name in record]

    def finish(self, results: dict[str, Any]) -> None:
        """Write results.json, the sign of a finished run; then checkpoints are needed no more."""
        with writing(self.folder, then=GOES_ON):
            write_json(self.folder / "results.json", results)
        discard(self.checkpoints)

    def write_annotators(self, table: list[dict[str, Any]]) -> None:
        """Write annotators.csv, a row per annotator as `annotator_table` makes them."""
        columns = {name: [row[name] for row in table] for name in (table[0] if table else {"annotator": None})}
        write_table(self.folder / "annotators.csv", columns)

    def write_items(self, annotations: Annotations, posterior: Floats, provenance: str) -> None:
        """Write items.parquet: the posterior over each item's truth and the label it gives."""
        write_table(self.folder / "items.parquet", label_table(annotations, posterior, provenance))

    def write_disagreement(self, columns: dict[str, list[Any]]) -> None:
        """Write disagreement.parquet: what people said beside what the model says, as `metrics.people.contested`."""
        write_table(self.folder / "disagreement.parquet", columns)

    def write_responses(self, annotations: Annotations, knew: Floats) -> None:
        """Write responses.parquet: who wrote what to which item, and the probability (N,) that it is an answer."""
        items, who = annotations.items, annotations.annotators
        columns = {
            "item": [items.ids[i] for i in annotations.item],
            "annotator": [who[j] for j in annotations.annotator],
            "response": [items.text(i, k) for i, k in zip(annotations.item, annotations.label, strict=True)],
            "knew": knew.tolist(),
        }
        write_table(self.folder / "responses.parquet", columns)


def annotator_table(
    annotations: Annotations, posterior: Floats, extra: dict[str, list[Any]] | None = None
) -> list[dict[str, Any]]:
    """A row per annotator with labels: most reliable first, those with too few labels to judge last.

    Args:
        annotations: N labels.
        posterior: (I, K) P(truth = k) of their items.
        extra: further columns, J values each, e.g. expertise, or reliability_low and reliability_high; `reliability`
            where it is not the mean posterior (free responses).

    Returns:
        Rows of annotator, kind (person or model, "" = not known; only where one's is), labels, reliability (mean
        posterior of the labels given), accuracy (against gold, None without), thin (True: too few to judge, by
        `_thin`), with several tasks the reliability in each, and `extra`.
    """
    extra = _per_task(annotations, posterior) | (extra or {})
    own = extra.pop("reliability", None)
    trust = reliability(annotations, posterior) if own is None else np.array(own, dtype=np.float64)
    truth = annotator_accuracy(annotations)
    count = annotations.labels_per_annotator
    thin = _thin(count, extra)
    order = np.lexsort((-np.nan_to_num(trust), thin))
    kinds = annotations.traits.get("kind", ())
    return [
        {"annotator": annotations.annotators[j]}
        | ({"kind": kinds[j]} if any(kinds) else {})
        | {
            "labels": int(count[j]),
            "reliability": _rounded(trust[j]),
            "accuracy": _rounded(truth[j]),
            "thin": bool(thin[j]),
        }
        | {name: values[j] for name, values in extra.items()}
        for j in order
        if count[j] > 0
    ]


def _thin(count: Ints, extra: dict[str, list[Any]]) -> Bools:
    """(J,) too few to judge: fewer than 5 labels, or a 95 % interval of the reliability wider than half of all."""
    if not {"reliability_low", "reliability_high"} <= extra.keys():
        return np.asarray(count < THIN)
    width = np.array(extra["reliability_high"], float) - np.array(extra["reliability_low"], float)
    return np.asarray((count < THIN) | (width > WIDE))


def _typed(name: str, cell: str) -> Any:
    """A cell of annotators.csv as it was before it was written."""
    if name in TEXTS:
        return cell
    if name == "thin":
        return cell == "True"
    if name == "labels":
        return int(cell)
    return float(cell) if cell else None


def _per_task(annotations: Annotations, posterior: Floats) -> dict[str, list[Any]]:
    if len(annotations.items.tasks) < 2:
        return {}
    table = reliability_per_task(annotations, posterior)
    return {f"reliability:{task}": [_rounded(v) for v in table[:, m]] for m, task in enumerate(annotations.items.tasks)}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
