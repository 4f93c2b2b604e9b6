"""What rounds judge models by, from what was typed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from crowdtune.annotations import Items
from crowdtune.errors import InputError, unknown_name
from crowdtune.methods._aims import Aim, Distance, Drawing, HeldOut, Reward, RewardFunction, centroid_of
from crowdtune.settings import apply

HELD_OUT = ("loss", "brier", "accuracy")
TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")  # files that are no text a line
KNOWN = ("distance", *HELD_OUT, "reward:MODULE:FUNCTION")


@dataclass(frozen=True)
class Judging:
    """How much is drawn of a model to judge it."""

    samples: int = 50  # texts it writes, or held-out items it is asked (at most half of them, as fresh ones confirm)
    max_tokens: int = 64  # most tokens of a text
    temperature: float = 1.0  # at which texts are drawn; 1 = the model's own distribution

    def __post_init__(self) -> None:
        if self.samples < 1 or self.max_tokens < 1:
            raise InputError(f"samples={self.samples} and max_tokens={self.max_tokens} must be 1 or more.")
        if not self.temperature > 0:
            raise InputError(f"temperature={self.temperature} must be above 0; 1 is the model's own distribution.")


@dataclass(frozen=True)
class Judged:
    """Targets with what they need.

    Args:
        targets: names, the first selects; () = loss where there are test items, distance where there are texts.
        near: file of texts that outputs shall be like, one a line.
        ask: prompts the model is asked to answer, for distance and reward.
        test: file of held-out items, kept to be read again.
    """

    targets: Sequence[str] = ()
    near: str = ""
    ask: Sequence[str] = ()
    test: str = ""
    judging: Judging = field(default_factory=Judging)

    def aims(self, test: Items | None) -> tuple[Aim, ...]:
        """Targets and how they are measured.

        Args:
            test: held-out items with gold, as read.
        """
        names = self.targets or (["loss"] if test is not None else ["distance"] if self.near else [])
        if not names:
            raise InputError(
                "nothing says where the model shall go. Give --test FILE (held-out items with gold, for loss, "
                "brier and accuracy), --near FILE with --ask TEXT (for distance), or --target reward:MODULE:FUNCTION "
                "with --ask."
            )
        if len(set(names)) < len(names):
            raise InputError(f"targets {', '.join(names)}: each must be named once; the first selects, others veto.")
        how = self.judging
        drawing = Drawing(tuple(self.ask), how.samples, how.max_tokens, how.temperature) if self.ask else None
        known = 0 if test is None else int((test.gold >= 0).sum())
        if test is not None and not known and set(names) & set(HELD_OUT):
            raise InputError(
                f"{self.test or 'the test'} has no gold answers, which {', '.join(HELD_OUT)} need. Add a column gold, "
                "or the one that --gold names."
            )
        half = max(1, min(how.samples, known // 2))
        return aims(names, test=test, near=_texts(self.near), drawing=drawing, samples=half)


def judging(settings: Mapping[str, str]) -> tuple[Judging, dict[str, str]]:
    """Options of judging among settings, and the other settings."""
    own = {one.name for one in fields(Judging)}
    (found,) = apply({name: value for name, value in settings.items() if name in own}, Judging())
    return found, {name: value for name, value in settings.items() if name not in own}


def _texts(near: str) -> list[str]:
    if not near:
        return []
    if Path(near).suffix.lower() in TABLES:
        raise InputError(f"{near} is a table; --near takes plain text, one a line. Write its texts to a .txt file.")
    try:
        lines: Any = Path(near).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{near} cannot be read as texts, one a line: {e}.") from e
    return [line.strip() for line in lines if line.strip()]


def aims(
    names: Sequence[str],
    *,
    test: Items | None = None,
    near: Sequence[str] = (),
    drawing: Drawing | None = None,
    samples: int = 0,
) -> tuple[Aim, ...]:
    """Make aims by their names: distance, loss, brier, accuracy, reward:MODULE:FUNCTION.

    Args:
        names: which, the one to select by first.
        test: held-out items with gold, for loss, brier and accuracy.
        near: texts outputs shall be like, for distance.
        drawing: of outputs, for distance and reward.
        samples: held-out items asked at a time; 0 = all.
    """
    return tuple(_aim(name, test, near, drawing, samples) for name in names)


def _aim(name: str, test: Items | None, near: Sequence[str], drawing: Drawing | None, samples: int) -> Aim:
    kind, _, function = name.partition(":")
    if kind in HELD_OUT:
        if test is None:
            raise InputError(f"target {kind} needs held-out items with gold answers. Give --test FILE.")
        return HeldOut(test, by=kind, samples=samples)
    if kind not in ("distance", "reward"):
        raise unknown_name("target", name, KNOWN)
    if drawing is None:
        raise InputError(f"target {kind} draws texts of the model, and nothing says what it is asked. Give --ask TEXT.")
    return Distance(drawing, centroid_of(near)) if kind == "distance" else Reward(drawing, _function(function))


def _function(path: str) -> RewardFunction:
    """The function that `module:name` names."""
    module, _, name = path.partition(":")
    try:
        found: RewardFunction = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as e:
        raise InputError(
            f"reward function '{path}' cannot be found ({e}). Write reward:package.module:function."
        ) from e
    return found
