r"""How much likelier a text is after its own prompt than after others: what tells an answer from a text that is none.

.. math:: s = \log p(y | x) - \log \frac{1}{S} \sum_{s=1}^S p(y | x'_s)

x' are prompts of other items. What all answers have in common, style and length and format, is as likely after them,
also once a model has learned it; only what belongs to the item is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from crowdtune.annotations import Floats, Ints
from crowdtune.lm.encode import Encoded, nothing
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.score import score

SHUFFLES = 2  # prompts of other items each text is read after


@dataclass(frozen=True, eq=False)
class Contrast:
    """Texts under their own prompts against a background.

    Args:
        log_ratio: (I, K) nats; 0 where an item has no such text, or it was not kept.
        unrelated: (U,) the same of texts under prompts of other items: what a text that is no answer looks like.
    """

    log_ratio: Floats
    unrelated: Floats


def contrast(lm: LanguageModel, encoded: Encoded, *, background: str = "shuffled", bf16: bool = True) -> Contrast:
    """Ask a model.

    Args:
        lm: the model.
        encoded: I items, style "responses".
        background: "shuffled": other items' prompts; "none": no prompt but the template's words.
        bf16: autocast to bfloat16.
    """
    rng, k = np.random.default_rng(0), encoded.answers.shape[1]
    after = [_cycle(len(encoded), rng) for _ in range(SHUFFLES)]
    table = score(lm, _beside(encoded, after), bf16)
    own, others = table[:, :k], []
    for s, order in enumerate(after):
        under = np.empty_like(own)
        under[order] = table[:, (s + 1) * k : (s + 2) * k]
        others.append(under)
    there = (encoded.answers >= 0) & ~encoded.ties  # what was not kept has no text, as a tie has none
    if background == "none":
        base = score(lm, replace(encoded, prompts=[nothing(lm, encoded.format)] * len(encoded)), bf16)
        unrelated = [other[there] - base[there] for other in others]
    else:
        base = logsumexp(others, axis=0) - np.log(len(others))
        unrelated = [other[there] - others[s - 1][there] for s, other in enumerate(others)]
    ratio = np.zeros(own.shape)
    ratio[there] = own[there] - base[there]
    return Contrast(ratio, np.concatenate(unrelated))


def _beside(encoded: Encoded, after: list[Ints]) -> Encoded:
    """Each prompt with its own texts and those of other items: it is read once for all of them."""
    columns = [np.arange(len(encoded)), *after]
    width, none = encoded.answers.shape[1], list[int]()
    full = [[*own, *[none] * (width - len(own))] for own in encoded.texts]
    texts = [[ids for index in columns for ids in full[index[i]]] for i in range(len(encoded))]
    answers = np.concatenate([encoded.answers[index] for index in columns], axis=1)
    return replace(
        encoded, texts=texts, answers=answers, offset=np.zeros(answers.shape), divisor=np.ones(answers.shape)
    )


def _cycle(size: int, rng: np.random.Generator) -> Ints:
    """(I,) another item for each, each taken once: a random cycle."""
    order = rng.permutation(size)
    found = np.empty(size, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found
