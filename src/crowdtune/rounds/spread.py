"""Spread independent jobs over processes of this machine, or over a cluster by Ray: the same code, the same results.

A job is done by one process with one thread, so that a result does not depend on how many run beside it.
"""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import pickle
import shutil
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from crowdtune.errors import InputError, unknown_name
from crowdtune.rounds.job import Done, Job, Trainer, load_done

Engine = Literal["processes", "ray"]
Ending = Iterator[tuple[Path, Exception | None]]  # jobs as they end, with what went wrong
Runner = Callable[[Mapping[Path, Job]], Ending]
RAY = "pip install 'crowdtune[ray]'"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


def spread(
    trainer: Trainer,
    jobs: Mapping[Path, Job],
    *,
    workers: int,
    engine: str = "processes",
    say: Callable[[str], None] = lambda line: None,
) -> dict[Path, Done]:
    """Do every job whose folder is not there yet, by processes that end with it; see `spreading`.

    Args:
        trainer: does one; picklable.
        jobs: folder of a job -> what to do.
        workers: processes at a time; 0 does them one after another in this process.
        engine: "processes" of this machine, or "ray", whose workers must see the same folders.
        say: told of each job that ends.

    Returns:
        What every job left, by folder.
    """
    with spreading(trainer, workers=workers, engine=engine, say=say) as do_all:
        return do_all(jobs)


@contextmanager
def spreading(
    trainer: Trainer,
    *,
    workers: int,
    engine: str = "processes",
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Callable[[Mapping[Path, Job]], dict[Path, Done]]]:
    """Keep processes, with the model each has loaded, for as many calls as there are: each does some jobs.

    One job that fails takes none of the others with it. Where this process is interrupted, its workers end.
    """
    check_engine(engine, workers)
    engines = _in_turn(trainer) if not workers else (_ray if engine == "ray" else _processes)(trainer, workers)
    with engines as run:

        def do_all(jobs: Mapping[Path, Job]) -> dict[Path, Done]:
            waiting = {folder: job for folder, job in jobs.items() if not folder.exists()}
            failed: dict[Path, Exception] = {}
            for count, (folder, error) in enumerate(run(waiting), start=1):
                say(f"{count}/{len(waiting)} {folder.name}" + ("" if error is None else f": {error}"))
                if error is not None:
                    failed[folder] = error
            if failed:
                raise _told(failed, len(waiting))
            return {folder: load_done(folder) for folder in jobs}

        yield do_all


def check_engine(engine: str, workers: int) -> None:
    """Refuse an engine that is unknown or not installed, and a wrong number of workers, before any work is done."""
    if engine not in get_args(Engine):
        raise unknown_name("engine", engine, get_args(Engine))
    if workers < 0:
        raise InputError(f"workers={workers} must be 0 (this process alone) or more.")
    if engine == "ray" and not workers:
        raise InputError("engine ray needs workers=1 or more: how many trainings run at a time.")
    if engine == "ray" and importlib.util.find_spec("ray") is None:
        raise InputError(f"engine ray is not installed. Run: {RAY}; or leave it at 'processes'.")


def _told(failed: Mapping[Path, Exception], asked: int) -> Exception:
    """One error for all that failed; what the user can mend stays that."""
    (folder, first), count = next(iter(failed.items())), len(failed)
    names = ", ".join(sorted(at.name for at in failed))
    words = f"{names} failed in {folder.parent}: {type(first).__name__}: {first}"
    if isinstance(first, BrokenProcessPool):
        words = (
            f"{names} did not end in {folder.parent}: a process was killed, maybe for want of memory. "
            "Try fewer workers."
        )
    if count < asked:
        words += f" The {asked - count} others are kept."
    error = InputError(words) if isinstance(first, InputError | BrokenProcessPool) else RuntimeError(words)
    error.__cause__ = first
    return error


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


@contextmanager
def _in_turn(trainer: Trainer) -> Iterator[Runner]:
    def run(jobs: Mapping[Path, Job]) -> Ending:
        for folder, job in jobs.items():
            try:
                do(trainer, folder, job)
            except Exception as error:
                yield folder, error
            else:
                yield folder, None

    yield run


@contextmanager
def _processes(trainer: Trainer, workers: int) -> Iterator[Runner]:
    others = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(pickle.dumps(trainer),))

    def run(jobs: Mapping[Path, Job]) -> Ending:
        waiting = {pool.submit(_do_own, folder, job): folder for folder, job in jobs.items()}
        for future in as_completed(waiting):
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield waiting[future], error

    try:
        yield run
    except BaseException:  # nobody waits for what still runs
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ray(trainer: Trainer, workers: int) -> Iterator[Runner]:
    import ray

    started = not ray.is_initialized()
    if started:
        _start_ray(workers)
    remote: Any = ray.remote(num_cpus=1, max_retries=0, runtime_env={"env_vars": ENVIRONMENT})(do)
    held = ray.put(trainer)
    running: dict[Any, Path] = {}

    def run(jobs: Mapping[Path, Job]) -> Ending:
        left = list(jobs.items())
        while left or running:
            while left and len(running) < workers:
                folder, job = left.pop(0)
                running[remote.remote(held, folder.resolve(), job)] = folder
            (ended, *_), _ = ray.wait(list(running))
            yield running.pop(ended), _outcome(ended)

    try:
        yield run
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        if started:
            ray.shutdown()


def _start_ray(workers: int) -> None:
    """Join the cluster that RAY_ADDRESS names, else start one on this machine."""
    import ray

    here: dict[str, Any] = {"include_dashboard": False, "num_cpus": workers}
    own = {} if os.environ.get("RAY_ADDRESS") else here
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)


def _outcome(ended: Any) -> Exception | None:
    """What went wrong with a job on Ray, as it was raised there."""
    import ray

    try:
        ray.get(ended)
    except ray.exceptions.RayTaskError as error:
        cause: Any = error.cause
        return cause if isinstance(cause, Exception) else RuntimeError(str(error))
    except ray.exceptions.RayError as error:
        return RuntimeError(str(error))
    return None


_own: list[Trainer] = []  # of a process that was started for it: sent once, not with every job


def _begin(trainer: bytes) -> None:
    """Set up a process for a pickled trainer; first its threads, as torch counts them when it is imported."""
    set_up()
    _own.append(pickle.loads(trainer))


def set_up() -> None:
    """One thread for this process, silent libraries, no ear for Ctrl-C, and an end when its parent ends."""
    os.environ |= ENVIRONMENT
    warnings.filterwarnings("ignore", module=r"torch|transformers|peft|accelerate")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _do_own(folder: Path, job: Job) -> Path:
    return do(_own[0], folder, job)


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
