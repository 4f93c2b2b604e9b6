"""Attention of short rows on a CPU: plain matrix products, where torch's own kernel goes backward several times slower.

Queries of heads that share keys are stacked, so that keys are not repeated. Registered with transformers under `NAME`;
other devices, long rows and what is asked for besides go to torch's kernel, and the masks are its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "crowdtune_short"
LONGEST = 256  # keys; beyond, the table of all scores costs more than it saves, in time and memory


def use_short(model: Any) -> None:
    """Let a model on the CPU that attends by torch's kernel use this one."""
    if not isinstance(model, PreTrainedModel) or model.device.type != "cpu":
        return
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """Attention as transformers calls it.

    Args:
        module: the attention layer.
        query: (B, H, T, D).
        key: (B, G, S, D), G a divisor of H.
        value: likewise.
        attention_mask: (B or 1, 1, T, S), True where a query may look; None for the module's own causal rule.
        **kwargs: scaling, dropout, is_causal, position_bias, and what kernels of other devices want.

    Returns:
        (B, T, H, D), and None for weights that nobody asked for.
    """
    plain = query.device.type == "cpu" and key.shape[2] <= LONGEST
    if not plain or kwargs.get("position_bias") is not None or kwargs.get("cache") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)  # type: ignore[no-any-return]
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else query.dtype
    (batch, heads, length, width), (groups, seen) = query.shape, key.shape[1:3]
    rows = query.to(dtype).reshape(batch * groups, -1, width)
    keys, values = (part.to(dtype).reshape(batch * groups, seen, width) for part in (key, value))
    scores = torch.bmm(rows, keys.transpose(1, 2)).view(batch, groups, heads // groups, length, seen)
    bias = _bias(module, attention_mask, scores, kwargs.get("is_causal"))
    scaling = kwargs.get("scaling") or width**-0.5
    weights = torch.add(bias, scores, alpha=scaling).softmax(dim=-1, dtype=dtype)
    weights = torch.nn.functional.dropout(weights, kwargs.get("dropout", 0.0), module.training)
    said = torch.bmm(weights.view(batch * groups, -1, seen), values)
    return said.view(batch, heads, length, width).transpose(1, 2), None


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
