"""Does a training fit? Told before it starts, or without starting it."""

from __future__ import annotations

import logging

from crowdtune.annotations import Annotations
from crowdtune.lm.answers import units
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel, outline, usual_device
from crowdtune.methods._options import check, options
from crowdtune.methods._start import Start, form_of
from crowdtune.ranks import n_ranks
from crowdtune.training.memory import GIB, Memory, cheaper, estimate, free, heaviest, of_items
from crowdtune.training.options import Training

logger = logging.getLogger(__name__)
SMALL = 2**24  # bytes of weights of which nobody needs to be told what they take


def foresee(annotations: Annotations, method: str = "joint", settings: dict[str, str] | None = None) -> Memory:
    """Memory a training would take at its peak; the model's weights are not loaded.

    Args:
        annotations: N labels on items with texts.
        method: its name.
        settings: options of the method and of training by name, as text.
    """
    _, training = options(method, settings or {})
    check(annotations, method, training)
    items = annotations.items
    lm = outline(training.lm, head=training.head, outputs=units(items) if training.head == "head" else ())
    encoded = encode(items, lm, form_of(annotations, training), training.max_length)
    return _told(lm, encoded, training, len(annotations))


def tell_memory(start: Start, training: Training, labels: int) -> None:
    """Say what a training will take at its peak, and what takes less where that is not free."""
    held = sum(p.numel() * p.element_size() for p in start.lm.model.parameters())
    if held < SMALL or start.reading.format.style == "verbal":  # methods that write have trainings of their own
        return
    try:
        _told(start.lm, start.encoded, training, labels, held)
    except (RuntimeError, TypeError, ValueError, AttributeError) as e:  # a model that cannot be traced can be trained
        logger.warning(f"memory: not estimated ({type(e).__name__}: {str(e).splitlines()[0]})")


def _told(lm: LanguageModel, encoded: Encoded, training: Training, labels: int, held: int = 0) -> Memory:
    """The estimate, said; `held` bytes of it are taken already."""
    device = usual_device()
    data = of_items(encoded, labels) if device.type == "cpu" else 0
    batch = heaviest(encoded, training)
    found = estimate(lm, batch, training, data)
    found = found.shared(n_ranks()) if training.fsdp else found
    room = free(device) + held
    sizes = f"about {found.total / GIB:.1f} of {room / GIB:.1f} GiB free: {found.words}"
    if found.total <= room:
        logger.info(f"memory: {sizes}")
        return found
    others = sorted(cheaper(lm, batch, training, data).items(), key=lambda pair: pair[1])
    less = "; ".join(f"{change} {total / GIB:.1f}" for change, total in others if total < found.total)
    logger.warning(f"memory: too little, {sizes}. Less is taken, in GiB, with --set of {less}")
    return found
