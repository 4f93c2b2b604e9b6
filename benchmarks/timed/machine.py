"""What a machine can do, what a training step needs of it, and how much memory was used at most."""

from __future__ import annotations

import ctypes
import gc
import platform
import resource
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from crowdtune.annotations import Ints

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
REPEATS, AT_LEAST = 7, 0.03  # a product of matrices is timed so often, for so many seconds at least


def matrices(model: Any) -> dict[str, nn.Module]:
    """Linear layers of the body by name: without embedding, head and adapters."""
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = bare.get_output_embeddings()
    found = {}
    for name, module in bare.named_modules():
        inner = getattr(module, "base_layer", module)  # under an adapter
        plain = isinstance(inner, nn.Linear) and module is not head and "lora_" not in name
        if plain and not name.endswith("base_layer"):
            found[name] = inner
    return found


def _by_decoder(name: str) -> bool:
    """Whether a layer of an encoder-decoder reads the answer's tokens and not the prompt's."""
    return name.startswith("decoder.") and not name.endswith(("EncDecAttention.k", "EncDecAttention.v"))


def needed(model: Any, lengths: Ints, choices: int, once: int = 0) -> float:
    """FLOPs that training on prompts of these lengths needs, forward and backward, `once` tokens read once for all.

    Six for each weight of the body and token (four of a frozen one, whose own gradient is not needed), six for each of
    an adapter, for attention 6 d t^2 in a causal layer and 12 d t^2 in one that looks both ways, d its heads' width
    together, and six for each weight of the head that scores one of `choices` tokens, at one position. Padding,
    repeated rows and logits of other tokens are work, but no work that is needed.
    """
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    config, body = bare.config, matrices(bare)
    each = 4 if any("lora_" in name for name, _ in model.named_parameters()) else 6
    rows = len(lengths)
    tokens = float(lengths.sum()) - (rows - 1) * once
    squares = float((lengths.astype(float) ** 2).sum()) - (rows - 1) * once**2
    reads = {name: rows if config.is_encoder_decoder and _by_decoder(name) else tokens for name in body}
    total = sum(each * layer.weight.numel() * reads[name] for name, layer in body.items())
    for name, weight in model.named_parameters():
        if "lora_" in name:
            within = next(part for part in reads if f"{part}." in name)
            total += 6 * weight.numel() * reads[within]
    total += each * config.hidden_size * choices * rows
    if config.is_encoder_decoder:
        wide = config.num_heads * config.d_kv
        return total + 12 * wide * (config.num_layers * squares + config.num_decoder_layers * (tokens + rows))
    wide = config.num_attention_heads * (
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    return total + 6 * wide * config.num_hidden_layers * squares


def peak(model: Any, rows: int) -> dict[str, float]:
    """FLOP/s of bfloat16 products of the body's shapes with `rows` tokens: the "best" shape, all layers on "mean"."""
    device = next(model.parameters()).device
    shapes = Counter((m.in_features, m.out_features) for m in matrices(model).values())
    seconds = {shape: _product(rows, *shape, device) for shape in shapes}
    work = {shape: 2.0 * rows * shape[0] * shape[1] for shape in shapes}
    return {
        "best": max(work[s] / seconds[s] for s in shapes),
        "mean": sum(n * work[s] for s, n in shapes.items()) / sum(n * seconds[s] for s, n in shapes.items()),
    }


def _product(rows: int, inside: int, outside: int, device: torch.device) -> float:
    """Seconds of one product, the best of some repeats."""
    x = torch.randn(rows, inside, device=device, dtype=torch.bfloat16)
    w = torch.randn(outside, inside, device=device, dtype=torch.bfloat16)
    times, count = [], 1
    with torch.inference_mode():
        for _ in range(3):
            nn.functional.linear(x, w)
        while len(times) < REPEATS:
            settle(device)
            begin = perf_counter()
            for _ in range(count):
                nn.functional.linear(x, w)
            settle(device)
            spent = perf_counter() - begin
            if spent < AT_LEAST and not times:
                count *= 2
            else:
                times.append(spent / count)
    return min(times)


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget(device: torch.device) -> None:
    """Give memory back, and start the high-water mark anew."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    elif STATUS.exists():
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR.write_text("5")


def most(device: torch.device) -> float:
    """Bytes used at most since `forget`: allocated on a GPU, else resident, of this process with Python and torch."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def told() -> dict[str, Any]:
    """What the machine is, and the versions that matter."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in ("torch", "transformers", "trl", "peft", "accelerate"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "none"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"device": device, "processor": _processor(), "system": platform.platform(), "versions": versions}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    units = [unit for unit in ("avx512f", "avx512_bf16", "amx_bf16") if f" {unit}" in flags]
    return f"{names[0] if names else platform.processor()} ({', '.join(units) or 'no 512-bit units'})"
