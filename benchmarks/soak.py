"""Kills trainings at random moments and resumes them: every file must be as of a run nobody killed.

`crowdtune train` as a user starts it, on a model of a few thousand weights with dropout and a crowd of five, a
checkpoint every other step. A kill has a phase it waits for and a random moment in it: while the model is loaded and
asked, in a step, while a checkpoint is written, while what came out is. SIGKILL mostly, now and then SIGTERM or Ctrl-C.
After each kill all checkpoints must open; in the end the run is compared, byte by byte but for times.

`OMP_NUM_THREADS=1 python benchmarks/soak.py [--kills 20] [--method joint ...] [--lora] [--fork] [--seed 0] [-o OUT]`
in the repository; 12 CPU seconds a kill, 7 of them to import torch, which `--fork` does once for all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

START, STEPS, CHECKPOINT, SCORING, WRITING = "starting", "a step", "a checkpoint", "scoring", "final writing"
PHASES = {START: 0.15, STEPS: 0.3, CHECKPOINT: 0.3, SCORING: 0.1, WRITING: 0.15}  # how often each is waited for
SIGNALS = {signal.SIGKILL: 0.8, signal.SIGTERM: 0.1, signal.SIGINT: 0.1}
TIMES = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss")  # of the last start alone
MOST = 7  # kills of one run
STEPS_IN_ALL = 30
PATIENCE = 0.6  # of the training that is left, before a kill in it
SETTINGS = ["epochs=3", "save_steps=2", "batch_size=4", "accumulation=2", "learning_rate=0.01"]
Entry = dict[str, Any]


class Process(Protocol):
    """What is used of a `subprocess.Popen`."""

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        ...

    def wait(self) -> int:
        """Exit code, once it has ended."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""
        ...


class Forked:
    """A process of its own that begins where this one is: with everything imported."""

    def __init__(self, command: Sequence[str], log: int) -> None:
        self.code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.dup2(log, 1)
            os.dup2(log, 2)
            _become(command)

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self) -> int:
        """Exit code, once it has ended."""
        while (code := self.poll()) is None:
            time.sleep(0.001)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""
        if self.poll() is None:
            os.kill(self.pid, sig)


def _become(command: Sequence[str]) -> NoReturn:
    """Be `crowdtune` in this process, to its end."""
    from crowdtune.cli import main

    sys.argv = ["crowdtune", *command]
    code: Any = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


@dataclass
class Soak:
    """Runs of one method: where they are kept, and what was done to them."""

    folder: Path
    method: str
    lora: bool
    fork: bool
    rng: np.random.Generator
    kills: list[Entry] = field(default_factory=list)
    seconds: tuple[float, float] = (1.0, 1.0)  # of a start to its first step, and from there to its last

    def start(self, run: Path, *, fork: bool) -> Process:
        """Begin a run, or go on with it."""
        command = ["train", str(self.folder / "data"), "-o", str(run)]
        command += ["--method", self.method, "--model", str(self.folder / "model"), *(["--lora"] if self.lora else [])]
        command += [part for setting in SETTINGS for part in ("--set", setting)]
        command += ["--resume"] if (run / "config.json").exists() else []
        path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path}
        with run.with_suffix(".log").open("ab") as log:
            if fork:
                return Forked(command, log.fileno())
            command = [sys.executable, "-m", "crowdtune", *command]
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def whole(self, name: str) -> Path:
        """A run that nobody kills, of a process of its own; how long starting and training take is noted of another."""
        run, timed = self.folder / name, self.folder / f"{name}-timed"
        if self.fork:
            self._ended(run, self.start(run, fork=False))
        run = timed if not self.fork else run
        process, began, times = self.start(timed, fork=self.fork), time.time(), {}
        while process.poll() is None:
            times.setdefault(_phase(timed, began), time.time())
            time.sleep(0.005)
        self._ended(timed, process)
        begun, scored = (
            times.get(STEPS, times.get(CHECKPOINT, began)),
            times.get(SCORING, times.get(WRITING, time.time())),
        )
        self.seconds = begun - began, scored - begun
        return run

    def killed(self, name: str, kills: int) -> Path:
        """A run that is killed so many times, unless it ends before, then left alone."""
        run = self.folder / name
        drawn = self.rng.choice(list(PHASES), kills, p=list(PHASES.values())).tolist()
        left = self.seconds[1]  # of training
        for phase in sorted(drawn, key=lambda phase: phase in (SCORING, WRITING)):
            process = self.start(run, fork=self.fork)
            if (kill := self._kill(run, process, phase, left)) is None:
                self._ended(run, process)
                return run
            newest = _open_all(run)
            left = self.seconds[1] * (1 - newest / STEPS_IN_ALL)
            self.kills.append(kill | {"run": name, "newest": newest, "finished": (run / "results.json").exists()})
            if self.kills[-1]["finished"]:
                return run
        self._ended(run, self.start(run, fork=self.fork))
        return run

    def _kill(self, run: Path, process: Process, phase: str, left: float) -> Entry | None:
        """Wait for a phase, and a moment in it, and kill; None where the process ended before."""
        how = signal.Signals(self.rng.choice(list(SIGNALS), p=list(SIGNALS.values())))
        began = time.time()
        earliest = began + self.rng.uniform(0, self.seconds[0])
        after = self.rng.uniform(0, left * PATIENCE) if phase in (STEPS, CHECKPOINT) else 0.0
        trained: float | None = None
        while process.poll() is None:
            now = _phase(run, began)
            if trained is None and now != START:
                trained = time.time()
            due = time.time() >= earliest if phase == START else trained is not None and time.time() >= trained + after
            if (due and now == phase) or (now == WRITING and phase != SCORING):  # late is better than never
                time.sleep(self.rng.uniform(0, 0.02))
                there = _phase(run, began)
                process.send_signal(how)
                code = process.wait()
                return {"phase": there, "signal": how.name, "code": code} if code else None
            time.sleep(0.0005)
        return None

    def _ended(self, run: Path, process: subprocess.Popen[bytes]) -> None:
        if process.wait():
            raise SystemExit(
                f"{run.name} failed with {process.returncode}:\n{run.with_suffix('.log').read_text()[-3000:]}"
            )


def _phase(run: Path, began: float) -> str:
    """What a process that began then is doing, as its files tell."""

    def new(name: str) -> bool:
        try:
            return (run / name).stat().st_mtime > began
        except FileNotFoundError:
            return False

    if new("checkpoints/_aside"):
        return CHECKPOINT
    if any(map(new, ("annotators.csv", "items.parquet", "model", "results.json"))):
        return WRITING
    if new("metrics.jsonl") and b"train_runtime" in (run / "metrics.jsonl").read_bytes():
        return SCORING
    told = run.with_suffix(".log").read_bytes().rpartition(b"asking the untrained model")[2]
    return STEPS if b"training with" in told else START


def _open_all(run: Path) -> int:
    """Open every file of every checkpoint; the step of the newest."""
    import torch
    from safetensors.torch import load_file

    from crowdtune.training.checkpoints import complete, step_of

    whole = complete(run / "checkpoints")
    for path in (file for checkpoint in whole for file in checkpoint.iterdir()):
        if path.suffix == ".safetensors":
            load_file(path)
        elif path.suffix in (".pt", ".pth", ".bin"):
            torch.load(path, weights_only=False)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".npz":
            dict(np.load(path))
    return step_of(whole[-1]) if whole else 0


def differences(expected: Path, found: Path) -> list[str]:
    """Files of a run that are not as of another: times apart, byte by byte."""
    here, there = ({str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()} for run in (expected, found))
    return sorted(here ^ there) + [
        name for name in sorted(here & there) if _told(expected / name) != _told(found / name)
    ]


def _told(path: Path) -> Any:
    """What a file says, times apart."""
    if path.name == "results.json":
        return {name: value for name, value in json.loads(path.read_text()).items() if name != "seconds"}
    if path.name == "metrics.jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    return path.read_bytes()


def prepared(folder: Path) -> None:
    """Write the model and the crowd."""
    from tests.tiny import save_t5, word_items

    from crowdtune.simulate import reliability, simulate
    from crowdtune.write.folder import write_folder

    save_t5(folder / "model")
    crowd = simulate(word_items(80), reliability("dist1"), rng=np.random.default_rng(0))
    write_folder(crowd, folder / "data", {"made": "soak"})


def soak(method: str, lora: bool, fork: bool, kills: int, seed: int) -> Entry:
    """Kill runs of a method so many times in all, and compare each with one that nobody killed."""
    with tempfile.TemporaryDirectory() as place:
        folder, compared = Path(place), []
        prepared(folder)
        soaking = Soak(folder, method, lora, fork, np.random.default_rng(seed))
        expected = soaking.whole("whole")
        while len(soaking.kills) < kills:
            before = len(soaking.kills)
            run = soaking.killed(f"killed{len(compared)}", min(MOST, kills - before))
            wrong = differences(expected, run)
            compared.append({"run": run.name, "kills": len(soaking.kills) - before, "different": wrong})
            print(
                f"{method}{' LoRA' * lora}, {run.name}: {compared[-1]['kills']} kills, {wrong or 'exact'}", flush=True
            )
            if wrong:
                kept = shutil.copytree(folder, tempfile.mkdtemp(prefix="soak-"), dirs_exist_ok=True)
                print(f"both runs are in {kept}")
        exact = sum(row["kills"] for row in compared if not row["different"])
        return {"method": method, "lora": lora, "kills": soaking.kills, "runs": compared, "exact": exact}


def main() -> None:
    """Soak each method, print where kills fell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each method")
    parser.add_argument("--method", nargs="+", default=["joint"])
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--fork", action="store_true", help="import torch once for all processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if flags.fork:
        import crowdtune.cli
        import crowdtune.methods._train  # noqa: F401
    found = [soak(method, flags.lora, flags.fork, flags.kills, flags.seed) for method in flags.method]
    kills = [kill for each in found for kill in each["kills"]]
    fell = Counter((kill["phase"], kill["signal"]) for kill in kills)
    print(f"\n{'killed in':<16}" + "".join(f"{how.name:>9}" for how in SIGNALS))
    for phase in PHASES:
        print(f"{phase:<16}" + "".join(f"{fell[phase, how.name]:>9}" for how in SIGNALS))
    print(
        f"{len(kills)} kills of {sum(len(each['runs']) for each in found)} runs, {sum(e['exact'] for e in found)} exact"
    )
    if flags.out:
        flags.out.write_text(json.dumps(found, indent=1))
    sys.exit(any(row["different"] for each in found for row in each["runs"]))


if __name__ == "__main__":
    main()
