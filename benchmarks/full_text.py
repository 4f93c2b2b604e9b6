r"""Choices scored as whole texts: the answers lm-evaluation-harness finds, and what reading each prompt once saves.

FILE has a JSON object per line with id, prompt, choices, answer (a letter) and split; the items of split "dev" are
used. First its accuracy: normalise="sum" is the harness' acc, "characters" its acc_norm. With the harness' results per
item also its accuracy, how many answers differ, and the largest difference of a log-probability. Then seconds to score
items of four choices, with prompts read once and with each choice as a sequence of its own (transformers alone, sorted
by length, as many tokens in a batch, logits where the choice stands only), in pairs, and the median of their ratios:
seconds that passed, and those the processor worked, which differ on a busy machine. Tokens are without padding.

`python benchmarks/full_text.py FILE [--harness RESULTS] [--repeat 5] [--items 96] [-o OUT.json]`; e.g.
../shared/data/choice/arc_easy.jsonl.gz. Accuracy takes minutes on two cores; --repeat 0 leaves timing out.

How the harness' results were made: Python 3.11, lm-eval 0.4.13, transformers 5.23.0, torch 2.13.0, datasets 5.2.0, the
embedded model's folder (~/.cache/crowdtune/smollm2-135m-instruct-*, there once crowdtune has loaded the model), in the
folder of piqa.jsonl.gz (PIQA's validation set, 1,838 items) and arc_easy.jsonl.gz (ARC-Easy's, 570; the harness' own
task takes the test set):

    pip install lm-eval==0.4.13
    lm_eval run --model hf --model_args pretrained=MODEL,dtype=float32 --device cpu --batch_size 16 \
        --include_path benchmarks/lm_eval_tasks --tasks crowdtune_piqa,crowdtune_arc_easy \
        --log_samples --output_path OUT

RESULTS is one of its OUT/*/samples_*.jsonl, or a JSON list of {"id", "lls", "acc", "acc_norm"} per item. The tasks are
the harness' piqa and arc_easy with other names of fields: "Question: ...\nAnswer:", a space, the choice as it stands.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crowdtune.annotations import Floats, Items
from crowdtune.lm.encode import encode
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import SCORING_TOKENS, score

TEMPLATE = "Question: {prompt}\nAnswer:"
MAX_LENGTH = 1024  # tokens, more than any item here has
METRICS = {"sum": "acc", "characters": "acc_norm"}  # of crowdtune, of the harness


def read_items(path: Path) -> Items:
    """The items of split "dev", their texts untouched: a space at the end of a choice is a token."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "dev"]
    n = len(rows)
    gold = np.array(["ABCDEFGH".index(row["answer"]) for row in rows], dtype=np.int64)
    ids, prompts = [row["id"] for row in rows], [row["prompt"] for row in rows]
    sets = [tuple(row["choices"]) for row in rows]
    return Items(ids, prompts, sets, np.arange(n), [path.name], np.zeros(n, dtype=np.int64), gold, ["dev"] * n)


def harness_results(path: Path) -> dict[str, dict[str, Any]]:
    """Per id the log-likelihoods of the choices, acc and acc_norm."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return {row["id"]: row for row in json.loads(text)}
    samples = [json.loads(line) for line in text.splitlines()]
    return {s["doc"]["id"]: s | {"lls": [float(ll) for ll, _ in s["filtered_resps"]]} for s in samples}


def accuracies(lm: LanguageModel, items: Items, theirs: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each way to normalise; of the harness only if there are results."""
    missing = [name for name in items.ids if theirs and name not in theirs]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(items)} items have no result of the harness, e.g. {missing[0]}")
    for normalise, metric in METRICS.items():
        start = time.perf_counter()
        form = PromptFormat(style="texts", template=TEMPLATE, normalise=normalise)
        log_p = score(lm, encode(items, lm, form, MAX_LENGTH), bf16=False)
        chosen = log_p.argmax(axis=1)
        row = {"normalise": normalise, "accuracy": float((chosen == items.gold).mean())}
        row["seconds"] = time.perf_counter() - start
        if theirs:
            table = harness_log_probs(items, theirs, normalise)
            row |= {
                metric: float(np.mean([theirs[name][metric] for name in items.ids])),
                "differ": int((chosen != table.argmax(axis=1)).sum()),
                "largest": float(np.abs(log_p[items.choice_mask] - table[items.choice_mask]).max()),
            }
        yield row


def harness_log_probs(items: Items, theirs: dict[str, dict[str, Any]], normalise: str) -> Floats:
    """(I, K) log-softmax of the harness' log-likelihoods, divided by characters where asked; -inf: no such choice."""
    table = np.full((len(items), items.max_choices), -np.inf)
    for i, name in enumerate(items.ids):
        lengths = [len(c) if normalise == "characters" else 1 for c in items.choices(i)]
        own = np.array(theirs[name]["lls"]) / lengths
        table[i, : len(own)] = own - np.logaddexp.reduce(own)
    return table


def sequences(lm: LanguageModel, items: Items) -> list[tuple[list[int], int]]:
    """I * 4 sequences of prompt and choice, with how many tokens at the end are the choice's."""
    found = []
    for i, prompt in enumerate(items.prompts):
        text = TEMPLATE.replace("{prompt}", prompt)
        before = len(lm.tokenizer(text).input_ids)
        wholes = [lm.tokenizer(f"{text} {choice}").input_ids for choice in items.choices(i)]
        found += [(ids, len(ids) - before) for ids in wholes]
    return found


def each_by_itself(lm: LanguageModel, rows: list[tuple[list[int], int]]) -> Floats:
    """Log-likelihood in nats of the end of each sequence, without anything of crowdtune's."""
    found = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda r: len(rows[r][0]))
    batches: list[list[int]] = [[]]
    for r in order:
        if batches[-1] and (len(batches[-1]) + 1) * len(rows[r][0]) > SCORING_TOKENS:
            batches.append([])
        batches[-1].append(r)
    for batch in batches:
        ends = torch.tensor([rows[r][1] for r in batch], device=lm.device)
        padded = lm.tokenizer.pad({"input_ids": [rows[r][0] for r in batch]}, return_tensors="pt").to(lm.device)
        ids, mask = padded.input_ids, padded.attention_mask
        keep = int(ends.max())
        place = (mask.cumsum(dim=1) - 1).clamp(min=0)
        with torch.inference_mode():
            logits = lm.model(
                ids[:, :-1], mask[:, :-1], place[:, :-1], use_cache=False, logits_to_keep=keep
            ).logits.float()
        said = torch.arange(keep, 0, -1, device=lm.device) <= ends[:, None]
        target = ids[:, -keep:].masked_fill(~said, -100)
        nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
        found[batch] = -nats.view(target.shape).sum(dim=1).cpu().numpy()
    return found


def timings(lm: LanguageModel, items: Items, repeat: int) -> dict[str, Any]:
    """Seconds of both ways, in pairs whose order alternates, and the ratios of each; tokens are made before."""
    lm.model.eval()
    encoded = encode(items, lm, PromptFormat(style="texts", template=TEMPLATE, normalise="sum"), MAX_LENGTH)
    rows = sequences(lm, items)
    ways: dict[str, Callable[[], Floats]] = {
        "prompts once": lambda: score(lm, encoded, bf16=False),
        "each by itself": lambda: each_by_itself(lm, rows).reshape(len(items), -1),
    }
    once, apart = (way() for way in ways.values())  # warms up as well
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for r in range(repeat):
        for name in list(ways)[:: -1 if r % 2 else 1]:
            start, worked = time.perf_counter(), time.process_time()
            ways[name]()
            took[name].append((time.perf_counter() - start, time.process_time() - worked))
    ratios = np.array(took["each by itself"]) / np.array(took["prompts once"])
    prompts = sum(map(len, encoded.prompts))
    return {
        "items": len(items),
        "tokens": {"prompts once": int(encoded.lengths().sum()), "each by itself": sum(len(ids) for ids, _ in rows)},
        "share of prompts": prompts / (prompts + sum(n for _, n in rows)),
        "seconds": {name: np.median(pairs, axis=0).tolist() for name, pairs in took.items()},
        "ratios": ratios.tolist(),
        "largest": float(np.abs(once - (apart - np.logaddexp.reduce(apart, axis=1, keepdims=True))).max()),
    }


def print_accuracy(row: dict[str, Any]) -> None:
    """A line of part one."""
    metric = METRICS[row["normalise"]]
    theirs = (
        f"  {metric} {row[metric]:.4f}  answers that differ {row['differ']}, log-probabilities by at most "
        f"{row['largest']:.1e}"
        if metric in row
        else ""
    )
    print(f"  {row['normalise']:<11}{row['accuracy']:.4f}  ({row['seconds']:.0f} s){theirs}", flush=True)


def print_timing(took: dict[str, Any], repeat: int) -> None:
    """Part two."""
    print(f"{took['items']} items of four choices, {took['share of prompts']:.0%} of their tokens in prompts")
    for name, (seconds, cpu) in took["seconds"].items():
        print(f"  {name:<15}{took['tokens'][name]:>7} tokens  {seconds:.2f} s  {cpu:.2f} s of CPU")
    for what, own in zip(("seconds", "seconds of CPU"), np.transpose(took["ratios"]), strict=True):
        print(f"  ratio of {what} {np.median(own):.2f}, median of {repeat} pairs ({own.min():.2f} to {own.max():.2f})")
    print(f"  log-probabilities differ by at most {took['largest']:.1e}")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--harness", type=Path, help="its samples_*.jsonl, or a JSON list per item")
    parser.add_argument("--repeat", type=int, default=5, help="pairs of timings; 0 for none")
    parser.add_argument("--items", type=int, default=96, help="items that are timed, the first with four choices")
    parser.add_argument("--only-timing", action="store_true")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    if not given.file.exists():
        raise SystemExit(f"{given.file} is not there")
    lm, items = load(), read_items(given.file)
    found: dict[str, Any] = {"file": given.file.name, "items": len(items), "accuracy": []}
    if not given.only_timing:
        print(f"{given.file.name}: {len(items)} items")
        for row in accuracies(lm, items, harness_results(given.harness) if given.harness else {}):
            found["accuracy"].append(row)
            print_accuracy(row)
    four = np.flatnonzero(items.n_choices == 4)[: given.items]
    if given.repeat and len(four):
        found["timing"] = timings(lm, items.take(four), given.repeat)
        print_timing(found["timing"], given.repeat)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
