"""Spread independent jobs over processes of this machine, or over a cluster by Ray: the same code, the same results.

A job is done by one process with one thread, so that a result does not depend on how many run beside it.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from crowdtune.errors import InputError
from crowdtune.rounds.job import Done, Job, Trainer, load_done

Engine = Literal["processes", "ray"]
RAY = "pip install 'crowdtune[ray]'"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def spread(
    trainer: Trainer,
    jobs: Mapping[Path, Job],
    *,
    workers: int,
    engine: Engine = "processes",
    say: Callable[[str], None] = lambda line: None,
) -> dict[Path, Done]:
    """Do every job whose folder is not there yet.

    Args:
        trainer: does one; picklable.
        jobs: folder of a job -> what to do.
        workers: processes at a time; 0 does them one after another in this process.
        engine: "processes" of this machine, or "ray", whose workers must see the same folders.
        say: told of each job that ends.

    Returns:
        What every job left, by folder.
    """
    if workers < 0:
        raise InputError(f"workers={workers} must be 0 (this process alone) or more.")
    waiting = {folder: job for folder, job in jobs.items() if not folder.exists()}
    run = _in_turn if not workers else (_on_ray if engine == "ray" else _in_processes)
    for count, folder in enumerate(run(trainer, waiting, workers), start=1):
        say(f"{count}/{len(waiting)} {folder.name}")
    return {folder: load_done(folder) for folder in jobs}


def do(trainer: Trainer, folder: Path, job: Job) -> Path:
    """Do a job beside its folder and move it there; of two processes that do the same, the first one's is kept."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        trainer(job, aside)
        if not folder.exists():
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _in_turn(trainer: Trainer, jobs: Mapping[Path, Job], workers: int) -> Iterator[Path]:
    for folder, job in jobs.items():
        yield do(trainer, folder, job)


def _in_processes(trainer: Trainer, jobs: Mapping[Path, Job], workers: int) -> Iterator[Path]:
    if not jobs:
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), spawn, initializer=_set_up) as pool, _stopping_all():
        for future in as_completed([pool.submit(do, trainer, folder, job) for folder, job in jobs.items()]):
            yield future.result()


def _on_ray(trainer: Trainer, jobs: Mapping[Path, Job], workers: int) -> Iterator[Path]:
    try:
        import ray
    except ImportError as e:
        raise InputError(f"engine ray is not installed. Run: {RAY}; or leave it at 'processes'.") from e
    if not ray.is_initialized():
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": ENVIRONMENT})
    remote: Any = ray.remote(num_cpus=1)(do)
    waiting = [remote.remote(trainer, folder.resolve(), job) for folder, job in jobs.items()]
    while waiting:
        ended, waiting = ray.wait(waiting)
        yield ray.get(ended[0])


@contextmanager
def _stopping_all() -> Iterator[None]:
    """Where this process is interrupted, its workers are as well."""
    try:
        yield
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise


def _set_up() -> None:
    """A process of one thread, with silent libraries and no ear for Ctrl-C, that ends when its parent ends."""
    os.environ |= ENVIRONMENT
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
