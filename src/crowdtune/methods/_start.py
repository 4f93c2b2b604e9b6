"""Before any training: the model, the prompts, and what it knows of the items."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Annotations, Floats, Items, Singles
from crowdtune.lm.answers import units
from crowdtune.lm.centre import Centre, fit_centre
from crowdtune.lm.contrast import Contrast, contrast
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.reading import Reading
from crowdtune.lm.score import against, score_and_read
from crowdtune.methods._plan import Anchor
from crowdtune.methods._predict import parted
from crowdtune.methods._responses import gold_alone
from crowdtune.training.options import Training
from crowdtune.wording import compared, only_compared

logger = logging.getLogger(__name__)


def _contrast(untrained: LanguageModel, encoded: Encoded, training: Training, lm: LanguageModel | None) -> Contrast:
    return contrast(lm or untrained, encoded, background=training.background, bf16=training.bf16)


@dataclass(frozen=True, eq=False)
class Start:
    """What several runs on the same items share: the untrained model, the prompts, what it says of them.

    Args:
        lm: the untrained model; runs train copies of it.
        reading: how it reads items.
        encoded: the training items' prompts.
        zero_shot: (I, K) log-probabilities of the untrained model, as it is trained on; even where its head is new.
        anchor: what it knows of the items, without its lean to one answer; nothing where its head is new.
        test: held-out items and their prompts, or None.
        people: what several people said of the held-out items, or None.
    """

    lm: LanguageModel
    reading: Reading
    encoded: Encoded
    zero_shot: Floats
    anchor: Anchor
    test: tuple[Items, Encoded] | None = None
    people: Annotations | None = None

    @property
    def asked(self) -> bool:
        """Whether the untrained model had something to say: with a new head, or in writing, it had not."""
        return not self.lm.new and self.reading.format.style != "verbal"


def davidson(annotations: Annotations) -> float:
    r"""Davidson's nu: how readily two things as good as each other are called a tie, from the share of ties s.

    .. math:: p(tie | equal) = \frac{\nu}{2 + \nu} = s \quad \Rightarrow \quad \nu = \frac{2 s}{1 - s}, \qquad
              s = \frac{ties + 1}{labels + 3}

    DPO begins where all pairs are equal, so that its first answers have the crowd's share of ties. A tie between two
    that are not equal is less likely of itself. Without labels gold's ties count; with none of either nu is 1.
    """
    items = annotations.items
    third = np.array(compared(items), dtype=bool)[items.task] & (items.n_choices == 3)
    said = annotations.label[third[annotations.item]]
    said = said if len(said) else items.gold[third & (items.gold >= 0)]
    ties = int((said == 2).sum())
    return 2 * (ties + 1) / (len(said) - ties + 2)


def form_of(annotations: Annotations, training: Training) -> PromptFormat:
    """How training asks about these items, "auto" left open."""
    return PromptFormat(
        training.style, training.template, training.chat, training.normalise, training.beta, tie=davidson(annotations)
    )


def prepare(annotations: Annotations, training: Training, test: Items | Annotations | None = None) -> Start:
    """Load the model, tokenize the items and score them before any training; `test` as of `train`."""
    logger.info(f"loading the {training.lm} model")
    items = annotations.items
    outputs = units(items) if training.head == "head" else ()
    lm = load(training.lm, head=training.head, outputs=outputs, dtype=training.dtype)
    encoded = encode(items, lm, form_of(annotations, training), training.max_length)
    form = encoded.format
    anchor, log_p, lean = _knowledge(lm, annotations, encoded, training)
    centre = lean if training.centre and not form.beta else Centre({})
    free = form.style == "responses"
    choices = () if free else items.common_choices
    reading = Reading(
        lm=training.lm,
        format=form,
        max_length=training.max_length,
        choices=choices,
        centre=centre,
        adapter=training.lora,
        bf16=training.bf16,
        outputs=outputs,
        dtype=training.dtype,
    )
    held_out, people = (None, None) if test is None else parted(test)
    held_out = gold_alone(held_out) if free and held_out is not None else held_out
    return Start(
        lm=lm,
        reading=reading,
        encoded=against(centre.apply(encoded), lm, training.bf16),
        zero_shot=anchor.log_p if training.centre else log_p,
        anchor=anchor,
        test=None if held_out is None else (held_out, reading.encode(held_out, lm, untrained=lm)),
        people=None if free else people,
    )


def _knowledge(
    lm: LanguageModel, annotations: Annotations, encoded: Encoded, training: Training
) -> tuple[Anchor, Floats, Centre]:
    """What the untrained model knows, (I, K) what it says, and its lean. DPO's ratio to itself would say nothing."""
    form, items = encoded.format, annotations.items
    if form.style == "responses":
        nothing = np.zeros(encoded.answers.shape)
        ask = functools.partial(_contrast, lm, encoded.keep(annotations.votes > 0), training)
        hidden = np.zeros((len(items), 0), dtype=np.float32)
        return Anchor(nothing, hidden, contrast=ask, refreshes=training.refreshes), nothing, Centre({})
    if form.style == "verbal":
        logger.info("the model is not asked to write distributions before it is trained to")
        return _nothing(items), _nothing(items).log_p, Centre({})
    if form.beta:
        encoded = encode(items, lm, replace(form, beta=0.0, normalise="mean"), training.max_length)
    log_p, hidden = _asked(lm, encoded, items, training)
    if form.style in ("texts", "reward") and only_compared(items):
        return Anchor(log_p, hidden), log_p, Centre({})  # things compared have no place a model could lean to
    lean = fit_centre(encoded, log_p)
    return Anchor(lean.shift(encoded, log_p), hidden), log_p, lean


def _nothing(items: Items) -> Anchor:
    """All choices of an item alike."""
    even = np.where(items.choice_mask, -np.log(np.maximum(items.n_choices, 1))[:, None], -np.inf)
    return Anchor(even, np.zeros((len(items), 0), dtype=np.float32))


def _asked(lm: LanguageModel, asked: Encoded, items: Items, training: Training) -> tuple[Floats, Singles]:
    """(I, K) log-probabilities of the untrained model and (I, H) hidden states; a new head is not asked."""
    if lm.new:
        logger.info("the head is new: it knows nothing of the choices before training")
        return _nothing(items).log_p, _nothing(items).hidden
    logger.info(f"asking the untrained model about {len(items)} items ({asked.format.style})")
    return score_and_read(lm, against(asked, lm, training.bf16), bf16=training.bf16)
