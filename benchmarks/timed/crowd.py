"""The job that is timed: questions about strings of bundled words, each labelled by some of twenty annotators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.bundled import all_words
from crowdtune.examples import Examples, from_annotations
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.wording import question

CHOICES = ("positive", "negative")
ASKED = "What is the mood of these words: {words}?"
EXPERTISE = np.linspace(0.3, 0.95, 20)  # of the annotators: known, and the same for every way of training
SPREAD, WIDEST = 0.35, 2.0  # lengths are log-normal with this deviation, cut at target / WIDEST and target * WIDEST
LONGEST = 4096  # tokens: no prompt is cut


@dataclass(frozen=True, eq=False)
class Crowd:
    """The labels to train on, and the prompts as the model reads them."""

    annotations: Annotations
    encoded: Encoded

    @property
    def examples(self) -> Examples:
        """As crowdtune trains on them."""
        return from_annotations(self.annotations)

    @property
    def lengths(self) -> Ints:
        """(I,) tokens of each prompt."""
        return np.asarray(self.encoded.lengths())

    def rows(self) -> list[tuple[int, int, int]]:
        """Item, label and annotator of each label: a row each, as other trainers want them."""
        a = self.annotations
        return list(zip(a.item.tolist(), a.label.tolist(), a.annotator.tolist(), strict=True))

    def prompt(self, i: int) -> list[int]:
        """Token ids of an item's prompt."""
        return [int(token) for token in self.encoded.prompts[i]]


def crowd(lm: LanguageModel, items: int, labels: int, tokens: int, seed: int = 0) -> Crowd:
    """`items` prompts of about `tokens` tokens, with `labels` labels each."""
    rng = np.random.default_rng([seed, items, tokens])
    none = np.zeros(items, dtype=np.int64)
    gold = rng.integers(len(CHOICES), size=items)
    ids = [f"i{i}" for i in range(items)]
    prompts = _prompts(lm, _drawn(items, tokens, rng), rng)
    asked = Items(ids, prompts, [CHOICES], none, ["mood"], none, gold, [""] * items)
    annotations = _labelled(asked, labels, np.random.default_rng([seed, items, labels]))
    return Crowd(annotations, encode(asked, lm, PromptFormat(style="words"), LONGEST))


def _drawn(items: int, tokens: int, rng: np.random.Generator) -> Floats:
    """(I,) lengths to aim at, in tokens: log-normal, their mean at the target."""
    drawn = tokens * np.exp(SPREAD * rng.standard_normal(items) - SPREAD**2 / 2)
    return np.clip(drawn, tokens / WIDEST, tokens * WIDEST)


def _prompts(lm: LanguageModel, lengths: Floats, rng: np.random.Generator) -> list[str]:
    """Texts whose questions come to about these tokens, made of random words."""
    words = np.array(all_words())
    sizes = np.array([len(ids) for ids in lm.tokenizer([f" {w}" for w in words], add_special_tokens=False).input_ids])
    frame = len(lm.tokenizer(question(ASKED.format(words=""), CHOICES, "words")).input_ids)
    texts = []
    for length in lengths:
        chosen = rng.integers(len(words), size=int(length))
        count = np.searchsorted(sizes[chosen].cumsum(), max(length - frame, 1)) + 1
        texts.append(ASKED.format(words=" ".join(words[chosen[:count]])))
    return texts


def _labelled(items: Items, labels: int, rng: np.random.Generator) -> Annotations:
    """Each item's label by `labels` different annotators, who know the answer with their expertise, or guess."""
    size, people = len(items), len(EXPERTISE)
    who = rng.random((size, people)).argsort(axis=1)[:, :labels]
    knows = rng.random((size, labels)) < EXPERTISE[who]
    said = np.where(knows, items.gold[:, None], rng.integers(len(CHOICES), size=(size, labels)))
    item = np.repeat(np.arange(size), labels)
    return Annotations(items, [f"a{j}" for j in range(people)], item, who.ravel(), said.ravel())
