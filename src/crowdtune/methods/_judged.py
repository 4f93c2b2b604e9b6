"""What rounds judge models by, from what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from crowdtune.annotations import Items
from crowdtune.errors import InputError
from crowdtune.methods._aims import Aim, Drawing, aims
from crowdtune.settings import apply


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
                "nothing says where the model shall go. Give --test FILE (held-out items with gold, for loss and "
                "accuracy), --near FILE with --ask TEXT (for distance), or --target reward:MODULE:FUNCTION with --ask."
            )
        if len(set(names)) < len(names):
            raise InputError(f"targets {', '.join(names)}: each must be named once; the first selects, others veto.")
        how = self.judging
        drawing = Drawing(tuple(self.ask), how.samples, how.max_tokens, how.temperature) if self.ask else None
        known = 0 if test is None else int((test.gold >= 0).sum())
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
    try:
        lines: Any = Path(near).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{near} cannot be read as texts, one a line: {e}.") from e
    return [line.strip() for line in lines if line.strip()]
