"""Heads that answer otherwise than by language: an output for each choice, or one number for each text.

A head that a file holds is kept where its outputs are called as the choices are, whatever their order; else it is new.
A new head is random, the same each time, and knows nothing before training. Its outputs are never taken for choices by
their place: of a sentiment model whose outputs are called LABEL_0 and LABEL_1 nobody knows which is which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from crowdtune.errors import InputError

HEADS = ("lm", "head", "reward")
CLASSIFIER = "ForSequenceClassification"  # how classes with such a head are called


def with_head(
    source: Any, config: Any, head: str, outputs: Sequence[str], dtype: torch.dtype = torch.float32
) -> tuple[Any, tuple[str, ...]]:
    """Load a model with a classification head or a reward head.

    Args:
        source: folder or id.
        config: of the model; its outputs are named here.
        head: "head" or "reward".
        outputs: names of the outputs of a classification head; () keeps those it has.
        dtype: of its weights.

    Returns:
        The model, and the names of its parameters that are new, () where the file held all.
    """
    import transformers

    held = any(name.endswith(CLASSIFIER) for name in config.architectures or [])
    kept = held and (config.num_labels == 1 if head == "reward" else _same(config, outputs))
    if not kept:
        names = outputs or ("reward",)
        config.id2label, config.label2id = dict(enumerate(names)), {name: unit for unit, name in enumerate(names)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=dtype, ignore_mismatched_sizes=not kept, output_loading_info=True
        )
        if held and not kept:
            return model, _renewed(model)
    return model, tuple(sorted(info["missing_keys"]))


def require_language(name: str, config: Any, missing: Sequence[str]) -> None:
    """Refuse to ask a model for words that it has no head for.

    Args:
        name: of the model, as the user gave it.
        config: of it.
        missing: parameters its file does not hold.
    """
    kinds = config.architectures or []
    encoder = not config.is_encoder_decoder and any(kind.endswith(("ForMaskedLM", CLASSIFIER)) for kind in kinds)
    if encoder or missing:
        raise InputError(
            f"model '{name}' ({', '.join(kinds)}) has no head that says what word comes next. Let it answer with an "
            "output for each choice: --set head=head, or compare texts: --set head=reward."
        )


def bare(model: Any) -> Any:
    """The model without what wraps it for several processes."""
    return getattr(model, "module", model)


@contextmanager
def only(model: Any, tokens: Tensor) -> Iterator[Callable[[Tensor], Tensor]]:
    """Let a language model compute no logits but those of some tokens, others for each item.

    Where its head is no plain matrix, or a bias of the whole vocabulary is added afterwards, it computes all as ever.

    Args:
        model: possibly wrapped (peft, DDP); asked at B positions in all.
        tokens: (B, K).

    Yields:
        (B, V) or (B, K) logits at one position -> (B, K) those of the tokens.
    """
    head = bare(model).get_output_embeddings()
    if type(head) is not nn.Linear or hasattr(bare(model), "final_logits_bias"):
        yield lambda logits: logits.gather(1, tokens)
        return

    def few(hidden: Tensor) -> Tensor:
        logits = hidden.reshape(len(tokens), 1, -1) @ nn.functional.embedding(tokens, head.weight).mT
        return logits if head.bias is None else logits + head.bias[tokens][:, None]

    vars(head)["forward"] = few
    try:
        yield lambda logits: logits
    finally:
        del vars(head)["forward"]


def beside_base(model: Any) -> list[str]:
    """Names of the modules a model has besides its base: the parts of its head."""
    found = [(name, child) for name, child in model.named_children() if name != model.base_model_prefix]
    return [name for name, child in found if any(True for _ in child.parameters())]


def _same(config: Any, outputs: Sequence[str]) -> bool:
    """Whether a head has these outputs, in any order; they are then spelled as here."""
    spelled = {name.casefold(): name for name in outputs}
    held = [config.id2label[unit].casefold() for unit in range(config.num_labels)]
    if not outputs:
        return True
    if sorted(held) != sorted(spelled) or len(spelled) < len(outputs):
        return False
    config.id2label = {unit: spelled[name] for unit, name in enumerate(held)}
    config.label2id = {name: unit for unit, name in config.id2label.items()}
    return True


def _renewed(model: Any) -> tuple[str, ...]:
    """Give a model that was trained for other outputs a random head; the names of its parameters."""
    fresh = type(model)(model.config).state_dict()
    parts = tuple(f"{name}." for name in beside_base(model))
    head = {name: value for name, value in fresh.items() if name.startswith(parts)}
    model.load_state_dict(head, strict=False)
    return tuple(head)
