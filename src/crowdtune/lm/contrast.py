r"""How much likelier a text is after its own prompt than after others: what tells an answer from a text that is none.

.. math:: s = \log p(y | x) - \log \frac{1}{S} \sum_{s=1}^S p(y | x'_s)

x' are prompts of other items. What all answers have in common, style and length and format, is as likely after them,
also once a model has learned it; only what belongs to the item is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from crowdtune.annotations import Floats
from crowdtune.lm.encode import Encoded
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.score import score
from crowdtune.wording import question

SHUFFLES = 2  # prompts of other items each text is read after


@dataclass(frozen=True, eq=False)
class Contrast:
    """Texts under their own prompts against a background.

    Args:
        log_ratio: (I, K) nats; 0 where an item has no such text.
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
    there = encoded.answers >= 0
    own = score(lm, encoded, bf16)
    rng = np.random.default_rng(0)
    others = [score(lm, _under(encoded, _others(len(encoded), rng)), bf16) for _ in range(SHUFFLES)]
    if background == "none":
        form = encoded.format
        nothing = lm.tokenizer(question("", (), "free", form.template).strip()).input_ids
        base = score(lm, replace(encoded, prompts=[nothing] * len(encoded)), bf16)
        unrelated = [other - base for other in others]
    else:
        base = logsumexp(others, axis=0) - np.log(len(others))
        unrelated = [other - logsumexp(others[:s] + others[s + 1 :], axis=0) for s, other in enumerate(others)]
    return Contrast(
        np.where(there, own, 0.0) - np.where(there, base, 0.0), np.concatenate([u[there] for u in unrelated])
    )


def _under(encoded: Encoded, index: list[int]) -> Encoded:
    """The same texts after the prompts of the items at `index`."""
    return replace(encoded, prompts=[encoded.prompts[i] for i in index])


def _others(size: int, rng: np.random.Generator) -> list[int]:
    """(I,) another item for each, each taken once: a random cycle."""
    order = rng.permutation(size)
    found = np.empty(size, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found.tolist()
