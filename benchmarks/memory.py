"""Is the memory that training says it will take what it takes, and what fits one card of 24 GB?

`python benchmarks/memory.py [-o FILE.json]`: two optimiser steps of each case in a process of its own; what it takes
at its peak above what it held before the model was loaded (on a GPU: torch's own count), beside the estimate. Then
estimates alone for models that are not here, from their shapes. Ten minutes on two cores; needs no network.

Freed memory goes back to the system at once (glibc's MALLOC_MMAP_THRESHOLD_), else the peak would count what an
allocator keeps for later.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from crowdtune.annotations import Items
from crowdtune.examples import from_targets
from crowdtune.lm.encode import Encoded
from crowdtune.lm.load import LanguageModel, load, outline, paired
from crowdtune.lm.prompts import PromptFormat
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.runs import Run
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.finetune import finetune
from crowdtune.training.memory import GIB, Batch, estimate
from crowdtune.training.options import Training

WORDS, TEXTS = Batch("words", 8, 128), Batch("texts", 4, 96, 8, 24)
SMALL_T5 = transformers.T5Config(decoder_start_token_id=0)  # T5-small's shape, and the configuration's default
FULL, LORA = Training(), Training(lora=True)
SMALL_LLAMA = transformers.LlamaConfig(
    vocab_size=1000, hidden_size=256, intermediate_size=704, num_hidden_layers=8, num_attention_heads=8
)
CASES: dict[str, tuple[str, Batch, Training]] = {
    "SmolLM2, full": ("smollm2", WORDS, FULL),
    "SmolLM2, full, one forward pass a step": ("smollm2", WORDS, replace(FULL, accumulation=1)),
    "SmolLM2, full, checkpointing": ("smollm2", WORDS, replace(FULL, checkpointing=True)),
    "SmolLM2, full, adafactor": ("smollm2", WORDS, replace(FULL, optimizer="adafactor")),
    "SmolLM2, LoRA": ("smollm2", WORDS, LORA),
    "SmolLM2, LoRA on bfloat16": ("smollm2", WORDS, replace(LORA, dtype="bfloat16")),
    "SmolLM2, LoRA on bfloat16, checkpointing": ("smollm2", WORDS, replace(LORA, dtype="bfloat16", checkpointing=True)),
    "SmolLM2, two texts an item": ("smollm2", TEXTS, FULL),
    "SmolLM2, two texts an item, checkpointing": ("smollm2", TEXTS, replace(FULL, checkpointing=True)),
    "T5-small's shape, full": ("t5", WORDS, FULL),
    "T5-small's shape, two texts an item": ("t5", TEXTS, FULL),
    "a small Llama, checkpointing": (
        "llama", Batch("words", 32, 128), replace(FULL, batch_size=32, checkpointing=True),
    ),
    "a small Llama": ("llama", Batch("words", 32, 128), replace(FULL, batch_size=32)),
    "a small Llama, LoRA on bfloat16": (
        "llama", Batch("words", 32, 128), replace(LORA, dtype="bfloat16", batch_size=32),
    ),
    "a small Llama, LoRA on bfloat16, checkpointing": (
        "llama", Batch("words", 32, 128), replace(LORA, dtype="bfloat16", batch_size=32, checkpointing=True),
    ),
    "a small Llama, LoRA": ("llama", Batch("words", 32, 128), replace(LORA, batch_size=32)),
    "MiniLM, a head": ("minilm", Batch("head", 32, 128), replace(FULL, head="head", batch_size=32)),
    "MiniLM, a head, checkpointing": (
        "minilm", Batch("head", 32, 128), replace(FULL, head="head", batch_size=32, checkpointing=True),
    ),
}  # fmt: skip
LARGE = transformers.T5Config(
    d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16, feed_forward_proj="gated-gelu",
    tie_word_embeddings=False, decoder_start_token_id=0,
)  # Flan-T5-large's shape  # fmt: skip
SEVEN = transformers.LlamaConfig()  # Llama-2-7B's shape
CARD = {
    "Flan-T5-large, full": (LARGE, FULL),
    "Flan-T5-large, full, checkpointing": (LARGE, replace(FULL, checkpointing=True)),
    "Flan-T5-large, full, checkpointing, adafactor": (LARGE, replace(FULL, checkpointing=True, optimizer="adafactor")),
    "7B, LoRA": (SEVEN, LORA),
    "7B, LoRA on bfloat16": (SEVEN, replace(LORA, dtype="bfloat16")),
    "7B, LoRA on bfloat16, checkpointing": (SEVEN, replace(LORA, dtype="bfloat16", checkpointing=True)),
}


def model(name: str, training: Training) -> LanguageModel:
    """One of the cases' models."""
    if name == "minilm":
        return load(head="head", outputs=("no", "yes"))
    if name == "smollm2":
        return load(dtype=training.dtype)
    torch.manual_seed(0)
    if name == "llama":
        made = transformers.LlamaForCausalLM(SMALL_LLAMA)
    else:
        made = transformers.T5ForConditionalGeneration(SMALL_T5)
    return paired(name, made.to(getattr(torch, training.dtype)), outline().tokenizer)


def shape(config: Any, training: Training) -> LanguageModel:
    """A model of a shape, without weights."""
    kind = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    with torch.device("meta"):
        made = kind.from_config(config, dtype=getattr(torch, training.dtype))
    return LanguageModel("shape", made, None)


def dataset(batch: Batch, n: int) -> CrowdDataset:
    """N items of which every batch is as large as `batch`."""
    none = np.zeros(n, dtype=np.int64)
    names = [f"i{i}" for i in range(n)]
    items = Items(names, names, [("no", "yes")], none, ["t"], none, none, [""] * n)
    prompts = [[5 + i % 90] * batch.prompt for i in range(n)]
    texts = [[[7] * batch.longest, [9] * batch.longest]] * n if batch.texts else []
    answers = np.tile([0, 1], (n, 1))
    form = PromptFormat(batch.style)
    encoded = Encoded(prompts, answers, form, 0, np.zeros((n, 2)), texts, np.ones((n, 2) if texts else (0, 0)))
    return CrowdDataset(from_targets(items, np.full((n, 2), 0.5), np.ones(n)), encoded)


def held() -> int:
    """Bytes this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def most() -> int:
    """Bytes it held at most since `forget`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget() -> None:
    """Count the most held from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def one(case: str) -> dict[str, Any]:
    """Estimate and truth of one case, in this process."""
    name, batch, training = CASES[case]
    training = replace(training, batch_size=batch.items, epochs=1, save_steps=10**6)
    data = dataset(batch, 2 * batch.items * training.accumulation)
    told = estimate(model(name, training), batch, training)  # also: every module is imported
    gc.collect()
    before = held()
    lm = model(name, training)
    forget()
    with tempfile.TemporaryDirectory() as folder:
        finetune(lm, data, SoftTarget(), training, Run(Path(folder)), annotator_learning_rate=0.0)
    took = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else most() - before
    return {"case": case, "estimate": told.total, "took": took, "parts": told.parts}


def apart(case: str) -> dict[str, Any]:
    """The same in a process of its own."""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    told = subprocess.run(
        [sys.executable, __file__, "--case", case], env=environment, capture_output=True, text=True, check=True
    )
    return dict(json.loads(told.stdout.splitlines()[-1]))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", help="one case, in this process")
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.INFO)
    if asked.case:
        print(json.dumps(one(asked.case)))
        return
    rows = [apart(case) for case in CASES]
    print(f"{'':45} estimate     took  estimate / took")
    for row in rows:
        share = row["estimate"] / row["took"]
        print(f"{row['case']:45} {row['estimate'] / GIB:8.2f} {row['took'] / GIB:8.2f} {share:8.2f}")
    cards = []
    for case, (config, training) in CARD.items():
        for batch in (Batch("words", 16, 128), Batch("words", 8, 512)):
            told = estimate(shape(config, training), batch, training)
            cards.append({"case": case, "batch": batch.items, "tokens": batch.prompt, "parts": told.parts})
            fits = "fits 24 GiB" if told.total < 23 * GIB else "does not fit"  # a GiB for CUDA itself
            print(f"{case:45} {batch.items:2} x {batch.prompt:3}: {told.total / GIB:6.1f} GiB, {fits} ({told.words})")
    if asked.out:
        asked.out.write_text(json.dumps({"cases": rows, "card": cards}, indent=1))


if __name__ == "__main__":
    main()
