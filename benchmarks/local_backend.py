"""How fast the embedded model answers as a backend: choices read off, and 32 tokens written, alone and in batches.

One thread. Seconds are of work by the processor, so that other jobs on the machine count little.

`OMP_NUM_THREADS=1 python benchmarks/local_backend.py [-o OUT.json]`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from crowdtune.backends import Request
from crowdtune.bundled import words
from crowdtune.denoise import prompts
from crowdtune.denoise.question import Question
from crowdtune.lm.load import load
from crowdtune.lm.local import Local

TOKENS = 32
CHOICES = ("positive", "negative")


def asked(style: str, count: int) -> list[Request]:
    """Whether a word is positive or negative; style "free" has it explained."""
    texts = words(count, np.random.default_rng(0)).prompts
    if style == "free":
        return [Request((("user", f"Explain in one sentence what '{text}' means."),), (), TOKENS) for text in texts]
    questions = [Question(f"Is the word '{text}' positive or negative?", CHOICES) for text in texts]
    return [Request(prompts.direct(q, style), prompts.menu(q, style)) for q in questions]


def measured(backend: Local, what: str, requests: Sequence[Request]) -> dict[str, float | str]:
    """Requests and tokens a second."""
    begin = time.process_time()
    replies = [reply for _, reply in backend.answer(requests)]
    seconds = time.process_time() - begin
    read, written = (sum(getattr(reply, name) for reply in replies) for name in ("prompt_tokens", "tokens"))
    row = {"requests": len(requests) / seconds, "read": read / seconds, "written": written / seconds}
    print(f"{what:34}" + "".join(f"{value:10.1f}" for value in row.values()), flush=True)
    return {"what": what, "seconds": seconds, **row}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    lm, rows = load(), []
    print(f"{'a second':34}  requests  tok read   written")
    for bf16 in (True, False):
        kind = "bfloat16" if bf16 else "float32"
        for style in ("letters", "texts"):
            rows.append(measured(Local(lm, max_length=512, bf16=bf16), f"{style}, {kind}", asked(style, 64)))
        for size in (1, 16):
            backend = Local(lm, max_length=512, bf16=bf16, rows=size)
            requests = asked("free", 4 if size == 1 else 16)
            rows.append(measured(backend, f"written, {size} at once, {kind}", requests))
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
