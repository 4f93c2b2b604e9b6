"""Asking again about doubted items: with the nearest clean items in sight, then a reviewer; free answers by meaning."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crowdtune.annotations import Annotations, Ints
from crowdtune.denoise.answers import OFFERED, chosen, matched, named, with_opinions
from crowdtune.denoise.clean import CONTEXT, REVIEW, Opinions, leanless
from crowdtune.denoise.decision import Decision
from crowdtune.denoise.experts import Context, Review
from crowdtune.denoise.judges import Judge
from crowdtune.denoise.meaning import Judged, Meaning
from crowdtune.denoise.question import Opinion, Question
from crowdtune.lm.embed import embed
from crowdtune.methods._asking import NotAsked, Panelist

logger = logging.getLogger(__name__)
JUDGED = "judged"  # free answers are compared by the first expert's model
MEANINGS = ("auto", JUDGED, *OFFERED)


class Parts(Protocol):
    """What is asked again."""

    context: bool
    reviewer: bool | None


@dataclass(frozen=True, eq=False)
class Again:
    """Asks the first expert's model about doubted items again.

    Args:
        annotations: as they are judged.
        questions: of all items.
        panel: the experts.
        opinions: what they said.
        parts: whether context and reviewer are asked.
        meaning: how free answers are compared; None where there are none.
        notes: gets a sentence on whom a dry run would have asked.
    """

    annotations: Annotations
    questions: Sequence[Question]
    panel: Sequence[Panelist]
    opinions: Opinions
    parts: Parts
    meaning: Meaning | None
    notes: list[str]

    def __call__(self, doubted: Ints, near: Ints, first: Sequence[Decision]) -> dict[str, list[Opinion | None]]:
        """Opinions of context and reviewer on D doubted items, in the words of their choices."""
        found: dict[str, list[Opinion]] = {}
        asked = [self.questions[i] for i in doubted.tolist()]
        logger.info(f"labels of {len(asked)} items are doubted or missing")
        try:
            if self.parts.context:
                examples = [self._examples(places, first) for places in near.tolist()]
                found[CONTEXT] = Context(examples, self._who.style, max_tokens=self._who.max_tokens).answer(
                    asked, self._who.ask
                )
            pair = self._pair(doubted, found.get(CONTEXT))
            if pair:
                found[REVIEW] = Review(*pair, style=self._who.style, max_tokens=self._who.max_tokens).answer(
                    asked, self._who.ask
                )
        except NotAsked as e:
            self.notes.append(f"of doubted items nobody was asked again: {e}, and more as more are doubted")
        return {who: self._in_choices(doubted, said) for who, said in found.items()}

    @property
    def _who(self) -> Panelist:
        return self.panel[0]

    def _examples(self, places: Sequence[int], first: Sequence[Decision]) -> list[tuple[Question, str]]:
        """The nearest clean items with their labels, the nearest last: next to the question."""
        items = self.annotations.items
        return [(self.questions[i], str(items.text(i, first[i].label))) for i in reversed(places) if i >= 0]

    def _pair(self, doubted: Ints, context: list[Opinion] | None) -> tuple[list[Opinion], list[Opinion]] | None:
        """Two opinions for the reviewer, of who gives reasons first; None where none is wanted, or there is but one."""
        said = sorted(self.opinions.values(), key=lambda own: not _reasoned(own))
        wanted = self.parts.reviewer if self.parts.reviewer is not None else bool(said) and _reasoned(said[0])
        own = [[one[i] or Opinion("") for i in doubted.tolist()] for one in said[:2]]
        own = own if context is None else [context, *own]
        return (own[0], own[1]) if wanted and len(own) > 1 else None

    def _in_choices(self, doubted: Ints, said: Sequence[Opinion]) -> list[Opinion | None]:
        items = self.annotations.items.take(doubted)
        return leanless(items, said) if self.meaning is None else matched(items, said, self.meaning)


def _reasoned(opinions: Sequence[Opinion | None]) -> bool:
    """Whether any of them gives a reason."""
    return any(opinion is not None and opinion.reason for opinion in opinions)


def compared(
    annotations: Annotations,
    opinions: Opinions,
    name: str,
    notes: list[str],
    panel: Sequence[Panelist],
    questions: Sequence[Question],
) -> tuple[Annotations, Opinions, Meaning | None]:
    """Free answers and opinions by what they mean, and how they were compared; choices stay as they are."""
    items = annotations.items
    free = [items.tasks[m] for m in np.unique(items.task).tolist() if items.kinds[m] == "text"]
    if not free:
        return annotations, opinions, None
    suited = chosen(annotations, free[0])
    used = suited.name if name == "auto" else name
    notes.append(suited.why if name == "auto" else f"free answers are compared by {name}, as asked")
    if used == JUDGED:
        try:
            meaning = _judged(annotations, opinions, panel[0], questions)
            return (*with_opinions(annotations, opinions, meaning, free), meaning)
        except NotAsked as e:
            notes.append(f"whether answers mean the same was not asked: {e}; by {suited.name} until then")
    meaning = named(suited.name if used == JUDGED else used, embed)
    return (*with_opinions(annotations, opinions, meaning, free), meaning)


def _judged(annotations: Annotations, opinions: Opinions, who: Panelist, questions: Sequence[Question]) -> Meaning:
    """A comparison by the model itself, which is told the question an answer belongs to."""
    about = {text: q for i, q in enumerate(questions) for text in annotations.items.choices(i)}
    about |= {o.answer: q for said in opinions.values() for o, q in zip(said, questions, strict=True) if o is not None}

    def same(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        asked = [about.get(one, about.get(other, Question(""))) for one, other in pairs]
        return [p > 0.5 for p in Judge().probability(asked, pairs, who.ask)]

    return Judged(same)
