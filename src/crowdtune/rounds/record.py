"""What rounds leave: a folder each, with what was begun first and what came out last; a round with both is over."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.rounds.groups import Groups, Standing
from crowdtune.rounds.target import Gain
from crowdtune.write.tables import write_json

PLAN, ROUND, BROUGHT = "plan.json", "round.json", "contributions.json"
Read = TypeVar("Read")


@dataclass(frozen=True)
class Contribution:
    """What an annotator brings.

    Args:
        items: how many were answered.
        sha256: of prompts and answers, so that a later change shows.
        kind: "person", "model", or "" where that is not known.
    """

    items: int
    sha256: str
    kind: str = ""


@dataclass(frozen=True)
class Change:
    """A `Gain` as it is written down.

    Args:
        value: difference of scores.
        error: its standard error; None with one sample.
    """

    value: float
    error: float | None

    @classmethod
    def of(cls, gain: Gain) -> Change:
        """NaN is no JSON."""
        return cls(gain.value, None if np.isnan(gain.error) else gain.error)


def names_of(groups: Groups) -> list[str]:
    """What the candidates of groups are called."""
    return [f"group-{g}" for g in range(1, len(groups) + 1)]


@dataclass(frozen=True)
class Planned:
    """A round that was begun.

    Args:
        players: names in the order in which they joined.
        brought: sha256 of what each brings.
        groups: who trains with whom.
    """

    players: tuple[str, ...]
    brought: dict[str, str]
    groups: Groups


@dataclass(frozen=True)
class Round:
    """A round that is over. Paths are within the folder of all rounds.

    Args:
        number: 1, 2, ...
        players: names in the order in which they joined.
        groups: who trained with whom.
        base: model all candidates started from; "" for the untrained one.
        scores: target -> score of the base on the round's samples.
        gains: candidate -> target -> gain over the base on the round's samples.
        winner: the candidate with the highest gain of the first target.
        fresh: target -> its gain on samples drawn for this alone; {} where it had none to confirm.
        accepted: whether the winner is the next base.
        why: that in words.
        then: base of the next round.
        reached: target -> score of that base on the last samples drawn of it.
        points: what each player earned.
        probes: (G,) gain of each group's training of the untrained model over that model; () where it was not asked.
        steps: what was trained -> optimiser steps; an average's are those of both its parents.
    """

    number: int
    players: tuple[str, ...]
    groups: Groups
    base: str
    scores: dict[str, float]
    gains: dict[str, dict[str, Change]]
    winner: str
    fresh: dict[str, Change]
    accepted: bool
    why: str
    then: str
    reached: dict[str, float]
    points: dict[str, float]
    probes: tuple[float, ...] = ()
    steps: dict[str, int] = field(default_factory=dict)

    @property
    def candidates(self) -> list[str]:
        """What each group's candidate is called."""
        return names_of(self.groups)

    @property
    def group_gains(self) -> list[Change]:
        """What each group's candidate gained of the first target."""
        return [next(iter(self.gains[name].values())) for name in self.candidates]


class Book(Protocol):
    """What entries are written into: `ledger.Ledger`."""

    def append(self, kind: str, key: str, content: dict[str, Any]) -> None:
        """Add an entry; the same again is nothing."""
        ...


def place_of(folder: Path, number: int) -> Path:
    """Folder of a round."""
    return folder / "rounds" / f"{number:03d}"


def load_rounds(folder: Path) -> list[Round]:
    """The rounds that are over, in order."""
    found: list[Round] = []
    while (path := place_of(folder, len(found) + 1) / ROUND).exists():
        found.append(_read(path, Round))
    return found


def load_plan(folder: Path, number: int) -> Planned | None:
    """What was begun of a round, None where nothing was."""
    path = place_of(folder, number) / PLAN
    return _read(path, Planned) if path.exists() else None


def save(folder: Path, number: int, what: Planned | Round) -> None:
    """Write the first or the last file of a round."""
    write_json(place_of(folder, number) / (ROUND if isinstance(what, Round) else PLAN), what)


def save_contributions(folder: Path, brought: Mapping[str, Contribution]) -> None:
    """Write down what each annotator brings."""
    write_json(folder / BROUGHT, brought)


def load_contributions(folder: Path) -> dict[str, Contribution]:
    """What each annotator brings."""
    return _read(folder / BROUGHT, dict[str, Contribution])


def forget(folder: Path, number: int) -> None:
    """Remove a round that was begun with other contributions."""
    shutil.rmtree(place_of(folder, number), ignore_errors=True)


def standing(rounds: Sequence[Round], players: Sequence[str]) -> Standing:
    """What rounds say of players."""
    earned = {name: [one.points[name] for one in rounds if name in one.points] for name in players}
    points = np.array([sum(own) for own in earned.values()], dtype=np.float64)
    return Standing(tuple(players), points, np.array([len(own) for own in earned.values()], dtype=np.int64))


def contributions(annotations: Annotations) -> dict[str, Contribution]:
    """What each annotator who gave an answer brings, in the annotators' order."""
    items, found = annotations.items, {}
    kinds = annotations.traits.get("kind") or [""] * len(annotations.annotators)
    for j in np.flatnonzero(annotations.labels_per_annotator > 0).tolist():
        rows = np.flatnonzero(annotations.annotator == j)
        codes = zip(annotations.item[rows].tolist(), annotations.label[rows].tolist(), strict=True)
        told = sorted((items.ids[i], items.prompts[i], items.text(i, k)) for i, k in codes)
        plain = msgspec.json.encode(told)
        found[annotations.annotators[j]] = Contribution(len(rows), hashlib.sha256(plain).hexdigest(), kinds[j])
    return found


def enter(book: Book, rounds: Sequence[Round], brought: Mapping[str, Contribution]) -> None:
    """Write into a ledger what it does not hold yet: the rounds that are over, then what is contributed.

    Rounds come first, so that whoever joined after a round stands after it, however often the run was killed; before
    the first round there are none.
    """
    for one in rounds:
        told = msgspec.to_builtins(one)
        gains = {name: {t: c["value"] for t, c in own.items()} for name, own in told["gains"].items()}
        errors = {name: {t: c["error"] for t, c in own.items()} for name, own in told["gains"].items()}
        content = {key: told[key] for key in ("groups", "winner", "fresh", "accepted", "why")}
        book.append("round", f"{one.number:03d}", content | {"round": one.number, "gains": gains, "errors": errors})
        for name, points in one.points.items():
            earned = {"round": one.number, "annotator": name, "points": points}
            book.append("points", f"{one.number:03d}/{_short(name)}", earned)
        if one.probes:  # which attribution rests on
            book.append("probes", f"{one.number:03d}", {"round": one.number, "gains": list(one.probes)})
    for name, own in brought.items():
        content = {"annotator": name, "items": own.items, "sha256": own.sha256}
        book.append("contribution", f"{_short(name)}/{own.sha256}", content)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system lets go of it however the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise InputError(
                f"another process plays the rounds in {folder}. Wait for it, or choose another -o DIR."
            ) from e
        yield


def _short(name: str) -> str:
    """A name of any length as part of a key."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def _read(path: Path, kind: type[Read]) -> Read:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as e:
        raise InputError(f"{path} is not as it was written: {e}. Restore it, or remove its folder.") from e
