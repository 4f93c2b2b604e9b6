"""How fast is training, against the machine's limit and against a row for each label?

`python benchmarks/speed.py` times the embedded model on two cores in about ten minutes;
`python benchmarks/speed.py --model random:t5-large --batch 64` a model of Flan-T5-large's shape, better on a GPU.

Three ways do the same job, each in a process of its own that is held at the end of every optimiser step. They step in
turns, the order reversed each round, so that whatever else a machine does meets all alike:

crowdtune    as `crowdtune train` trains, annotators fixed; `--ours bf16=false,seed=1` adds one with other options
Trainer      transformers.Trainer, a row for each label, the same loss by `compute_loss_func`, else its defaults
SFTTrainer   TRL's, the same rows, its own loss over the vocabulary: only its time can be compared

s/epoch  seconds of an epoch, from the steps timed and the share of its prompts' tokens that they read
unique   tokens of different prompts in a second of training
read     tokens a model was given in a second: with repeated rows and padding
pad      share of those that is padding
peak     FLOPs that rows need without padding (`timed.machine.needed`), of the best bf16 product of the body's shapes
GiB      memory at most: resident, with Python and torch; on a GPU allocated
warm s   what the first steps took longer than later ones
times    seconds of an epoch to crowdtune's of the same round: median (least to most, rounds)
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHORT, ITEMS_SHORT, ITEMS_LONG = 64, 8, 4  # up to so many tokens, items of an optimiser step; of longer ones
STEPS = 60  # of an epoch; few of them are timed


def flags() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 3, 10], help="labels of an item")
    parser.add_argument("--tokens", type=int, nargs="+", default=[32, 128], help="tokens of a prompt, about")
    parser.add_argument("--lora", action="store_true", help="train adapters")
    parser.add_argument("--items", type=int, help=f"items of an epoch; those of {STEPS} steps")
    step = f"items of a step; {ITEMS_SHORT} up to {SHORT} tokens, else {ITEMS_LONG}"
    parser.add_argument("--batch", type=int, help=step)
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--sft-pairs", type=int, default=1, help="rounds in which SFTTrainer steps as well; 0 = none")
    parser.add_argument("--warmup", type=int, default=1, help="steps that are not counted")
    parser.add_argument("--threads", type=int, default=2, help="of the processor")
    parser.add_argument("--model", default="embedded", help="embedded, a folder or hub id, or random:SHAPE")
    parser.add_argument("--ours", action="append", default=[], metavar="KEY=VALUE,...", help="a variant of crowdtune")
    parser.add_argument("-o", "--out", type=Path, help="JSON file")
    asked = parser.parse_args()
    odd = [tokens for tokens in asked.tokens if (asked.items or 0) % batch(asked, tokens)]
    if odd:
        parser.error(f"--items {asked.items} is no multiple of {batch(asked, odd[0])} items a step at {odd[0]} tokens")
    return asked


def batch(asked: argparse.Namespace, tokens: int) -> int:
    """Items of an optimiser step."""
    return int(asked.batch or (ITEMS_SHORT if tokens <= SHORT else ITEMS_LONG))


def main() -> None:
    """Print a table, write a file."""
    asked = flags()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)  # before torch, here and in the processes started
    from timed.figures import HEAD, condition, lines
    from timed.machine import told
    from timed.ways import OURS
    from timed.worker import Worker

    machine, jobs = told(), planned(asked)
    print(f"{machine['device']}, {machine['processor']}, {asked.threads} threads, {asked.model}")
    print(HEAD, flush=True)
    workers = {name: Worker(asked.model, asked.threads) for name in jobs}
    made, peaks = [], []
    for tokens in asked.tokens:
        for labels in asked.labels:
            size = batch(asked, tokens)
            own = {"labels": labels, "tokens": tokens, "batch": size, "items": asked.items or STEPS * size}
            now = {name: replace(job, **own) for name, job in jobs.items()}
            timed = rounds(workers, now, asked.warmup)
            peaks += [one.ready.peak for one in timed]
            about = own | {"lora": asked.lora}
            made.append((about, timed))
            print("\n".join(lines(condition(about, timed, best(peaks)))), flush=True)
    parity = workers[OURS].ask("parity", replace(jobs[OURS], batch=ITEMS_SHORT, lora=False, settings={}))
    for worker in workers.values():
        worker.stop()
    peak = {name: max(one[name] for one in peaks) for name in ("best", "mean")}
    peak["least"] = min(one["best"] for one in peaks)
    foot(peak, parity)
    if asked.out:
        results = [condition(about, timed, best(peaks)) for about, timed in made]
        write(asked, machine, {"matmul_flops_per_second": peak, "gradients_apart": parity, "conditions": results})


def planned(asked: argparse.Namespace) -> dict[str, Any]:
    """What each way does, by its name in the table, crowdtune's first; labels, tokens and batch are filled in later."""
    from timed.models import answers_in_decoder
    from timed.ways import OURS, SFT, TRAINER, Job

    from crowdtune.errors import InputError
    from crowdtune.methods import options
    from crowdtune.settings import from_pairs

    first = Job(OURS, 1, 1, 1, 1, asked.warmup + asked.pairs, asked.lora)
    jobs = {OURS: first}
    for text in asked.ours:
        try:
            settings = from_pairs(text.split(","))
            options("realm", settings)  # before anything is timed
            jobs[f"{OURS} {text}"] = replace(first, settings=settings)
        except InputError as error:
            raise SystemExit(f"--ours {text}: {error}") from None
    jobs[TRAINER] = replace(first, way=TRAINER)
    if asked.sft_pairs and not answers_in_decoder(asked.model):
        jobs[SFT] = replace(first, way=SFT, steps=asked.warmup + asked.sft_pairs)
    return jobs


def rounds(workers: dict[str, Any], jobs: dict[str, Any], warmup: int) -> list[Any]:
    """Let the ways step in turns."""
    from timed.figures import Timed

    ready = {name: workers[name].ask("train", job) for name, job in jobs.items()}
    steps: dict[str, list[Any]] = {name: [] for name in jobs}
    for turn in range(max(job.steps for job in jobs.values())):
        order = [name for name, job in jobs.items() if turn < job.steps]
        for name in order if turn % 2 else order[::-1]:
            steps[name].append(workers[name].ask("step"))
    memory = {name: workers[name].ask("end") for name in jobs}
    return [Timed(n, steps[n][:warmup], steps[n][warmup:], ready[n], memory[n]) for n in jobs]


def best(peaks: list[dict[str, float]]) -> float:
    """The most FLOP/s measured."""
    return max(one["best"] for one in peaks)


def foot(peak: dict[str, float], parity: dict[str, float]) -> None:
    """What the table rests on."""
    best, mean, least = (f"{peak[name] / 1e9:.0f}" for name in ("best", "mean", "least"))
    print(f"peak of bf16 products {best} GFLOP/s (at worst measured as {least}); all of the body's in turn {mean}")
    told = ", ".join(f"{value:.1e} in {name}" for name, value in parity.items())
    print(f"gradients of a step, crowdtune's from Trainer's, relative: {told}")


def write(asked: argparse.Namespace, machine: dict[str, Any], found: dict[str, Any]) -> None:
    """Everything as JSON."""
    flags = {name: str(value) if isinstance(value, Path) else value for name, value in vars(asked).items()}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    asked.out.write_text(json.dumps({"when": when, "machine": machine, "asked": flags} | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
