"""Attention as it is asked for here, registered with transformers under `NAME`; torch's kernel does what it does well.

Two things are added to it. Rows that hold a tree of segments (`packed.pack`) are taken apart level by level. And on a
CPU the scores of short rows are plain matrix products, where torch's kernel goes backward several times slower; there
queries of heads that share keys are stacked, so that keys are not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "crowdtune"
LONGEST = 256  # keys; beyond, the table of all scores costs more than it saves, in time and memory


def use(model: Any) -> None:
    """Let a model that attends by torch's kernel attend by this."""
    if isinstance(model, PreTrainedModel) and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    levels: Sequence[Sequence[Tensor]] | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it.

    Args:
        module: the attention layer.
        query: (B, H, T, D).
        key: (B, G, S, D), G a divisor of H.
        value: likewise.
        attention_mask: (B or 1, 1, T, S), True where a query may look; None for the module's own causal rule.
        levels: of a tree of segments in one row, B = 1; then the mask does not count.
        **kwargs: scaling, dropout, is_causal, position_bias, and what kernels of other devices want.

    Returns:
        (B, T, H, D), and None for weights that nobody asked for.
    """
    if levels is None:
        return _side_by_side(module, query, key, value, attention_mask, **kwargs), None
    sizes = [len(back) for _, back, _, _ in levels]
    parts = [rows[0].transpose(0, 1).split(sizes) for rows in (query, key, value)]
    said: list[Tensor] = []
    above: list[Tensor] = []
    for (own, back, parent, mask), *level in zip(levels, *parts, strict=True):
        asking, *seen = [_Laid.apply(tokens, own, back).transpose(1, 2) for tokens in level]
        if above:
            seen = [torch.cat([up[parent], new], dim=2) for up, new in zip(above, seen, strict=True)]
        found = _side_by_side(module, asking, seen[0], seen[1], mask if mask.numel() else None, **kwargs)
        said.append(_Taken.apply(found.flatten(0, 1), back))
        above = seen
    return torch.cat(said)[None], None


class _Laid(torch.autograd.Function):
    """(N, ...) tokens -> (n, S, ...) at their places side by side. Each has one, where its gradient is."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, own: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return tokens[own]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        return gradient.flatten(0, 1)[back], None, None


class _Taken(torch.autograd.Function):
    """The other way: (n x S, ...) places -> (N, ...) tokens; padding is nobody's."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        ctx.count = len(places)
        return places[back]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (back,) = ctx.saved_tensors
        whole = gradient.new_zeros(ctx.count, *gradient.shape[1:])
        whole[back] = gradient
        return whole, None


def _side_by_side(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **kwargs: Any) -> Tensor:
    """(B, T, H, D) attention of rows beside each other."""
    plain = query.device.type == "cpu" and key.shape[2] <= LONGEST
    if not plain or kwargs.get("position_bias") is not None or kwargs.get("cache") is not None:
        return sdpa_attention_forward(module, query, key, value, mask, **kwargs)[0]  # type: ignore[no-any-return]
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else query.dtype
    (batch, heads, length, width), (groups, seen) = query.shape, key.shape[1:3]
    rows = query.to(dtype).reshape(batch * groups, -1, width)
    keys, values = (part.to(dtype).reshape(batch * groups, seen, width) for part in (key, value))
    scores = torch.bmm(rows, keys.transpose(1, 2)).view(batch, groups, heads // groups, length, seen)
    bias = _bias(module, mask, scores, kwargs.get("is_causal"))
    scaling = kwargs.get("scaling") or width**-0.5
    weights = torch.add(bias, scores, alpha=scaling).softmax(dim=-1, dtype=dtype)
    weights = torch.nn.functional.dropout(weights, kwargs.get("dropout", 0.0), module.training)
    said = torch.bmm(weights.view(batch * groups, -1, seen), values)
    return said.view(batch, heads, length, width).transpose(1, 2)


def _bias(module: Any, mask: Tensor | None, scores: Tensor, causal: bool | None) -> Tensor:
    """What is added to scores: 0, or the lowest number there is where a query may not look."""
    length, seen = scores.shape[-2:]
    causal = getattr(module, "is_causal", True) if causal is None else causal
    if mask is None and not (causal and length > 1):
        return scores.new_zeros(())
    if mask is None:
        mask = torch.ones(length, seen, dtype=torch.bool).tril()
    elif mask.dim() == 4:
        mask = mask[:, :, None]
    return scores.new_zeros(mask.shape).masked_fill_(~mask, torch.finfo(scores.dtype).min)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
