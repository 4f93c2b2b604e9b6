"""Time and memory of reading a Label Studio export, beside decoding the whole of it with msgspec into typed structs.

    python benchmarks/read_label_studio.py 100000

writes an export of that many annotations (5 a task, 200 characters of text) into a temporary folder, reads it in a
process of its own each way, prints seconds of CPU, peak memory and the ratio, and removes it.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

CHOICES = ["Positive", "Negative", "Neutral"]
PER_TASK, ANNOTATORS, TEXT, ROUNDS = 5, 300, 200, 2
SIDES = ("msgspec", "crowdtune")


class Value(msgspec.Struct):
    """What the comparison decodes: exactly what reading needs, nothing more."""

    choices: list[str]


class Result(msgspec.Struct):
    """One."""

    value: Value
    from_name: str
    to_name: str
    type: str


class Annotation(msgspec.Struct):
    """One."""

    id: int
    completed_by: int
    result: list[Result]
    was_cancelled: bool
    ground_truth: bool
    lead_time: float
    created_at: str
    updated_at: str


class Task(msgspec.Struct):
    """One."""

    id: int
    data: dict[str, Any]
    annotations: list[Annotation]


def write(path: Path, annotations: int) -> None:
    """An export of that many annotations."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(2000)]
    with path.open("w") as file:
        for i in range(annotations // PER_TASK):
            text = " ".join(rng.choices(words, k=60))[:TEXT]
            who = rng.sample(range(ANNOTATORS), PER_TASK)
            given = [annotation(rng, i, i * PER_TASK + n, by) for n, by in enumerate(who)]
            head = {"id": i + 1, "inner_id": i + 1, "project": 83, "data": {"text": text}, "meta": {}, "updated_by": 2}
            rest = {"drafts": [], "predictions": [], "total_annotations": PER_TASK, "cancelled_annotations": 0}
            dates = {"created_at": "2021-03-09T21:52:49.513742Z", "updated_at": "2021-03-09T22:16:08.746926Z"}
            file.write(("[" if i == 0 else ",\n") + json.dumps(head | {"annotations": given} | rest | dates))
        file.write("]")


def annotation(rng: random.Random, task: int, number: int, by: int) -> dict[str, Any]:
    """One, with the fields the tool writes."""
    when = f"2021-03-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:16:08.{rng.randint(0, 999999):06d}Z"
    result = {
        "id": f"{number:010x}", "from_name": "sentiment", "to_name": "text", "type": "choices", "origin": "manual",
        "value": {"choices": [rng.choice(CHOICES)]},
    }  # fmt: skip
    return {
        "id": number, "completed_by": by, "result": [result], "was_cancelled": False,
        "ground_truth": False, "created_at": when, "updated_at": when, "draft_created_at": None,
        "lead_time": round(rng.uniform(1, 60), 3), "prediction": {}, "result_count": 1,
        "unique_id": f"{rng.getrandbits(64):016x}-{number}", "import_id": None, "last_action": None, "task": task + 1,
        "project": 83, "updated_by": 10, "parent_prediction": None, "parent_annotation": None, "last_created_by": None,
    }  # fmt: skip


def run(side: str, path: Path) -> None:
    """Read one way and print seconds, peak MB and how many annotations."""
    if side == "crowdtune":
        from crowdtune import read

        start = time.process_time()
        count = len(read(path)[0])
    else:
        start = time.process_time()
        count = sum(len(task.annotations) for task in msgspec.json.decode(path.read_bytes(), type=list[Task]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.process_time() - start, peak, count)


def main(annotations: int) -> None:
    """Write, read each way in turn, print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        write(path, annotations)
        print(f"{annotations} annotations, {path.stat().st_size / 1e6:.0f} MB; the quicker of {ROUNDS} rounds")
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        for side in SIDES * ROUNDS:
            said = subprocess.run([sys.executable, __file__, side, path], capture_output=True, text=True, check=True)
            took, peak, count = map(float, said.stdout.split())
            seconds[side].append(took)
            print(f"{side:10} {took:6.2f} s of CPU  peak {peak:6.0f} MB  {count:.0f} annotations")
        best = {side: min(took) for side, took in seconds.items()}
        print(f"crowdtune takes {best['crowdtune'] / best['msgspec']:.2f} times as long")


if __name__ == "__main__":
    if sys.argv[1] in SIDES:
        run(sys.argv[1], Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]))
