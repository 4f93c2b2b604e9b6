"""Do independent jobs by processes of this machine, or over a cluster by Ray: the same code, the same results.

A job is whatever fills a folder of its own: a training of Crowd-SFT, a cell of a bench. It is done by one process with
one thread, so that a result does not depend on how many run beside it. Its folder is written aside and renamed: one
that is there is whole, whatever was killed when.
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
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from crowdtune.errors import InputError, unknown_name

Engine = Literal["processes", "ray"]
Work = Callable[[Any, Path], object]  # does a job in an empty folder; of a module, so that another process finds it
Ending = Iterator[tuple[Path, Exception | None]]  # folders of jobs as they end, with what went wrong
Runner = Callable[[Mapping[Path, Any]], Ending]  # folder of a job -> what to do
RAY = "pip install 'crowdtune[ray]'"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


def engines(work: Work, *, workers: int, engine: str = "processes") -> AbstractContextManager[Runner]:
    """Keep processes, with what each has loaded, for as many calls as there are: each does some jobs.

    One job that fails takes none of the others with it. Where this process is interrupted, its workers end.

    Args:
        work: does one; picklable.
        workers: processes at a time; 0 does jobs one after another in this process.
        engine: "processes" of this machine, or "ray", whose machines must see the same folders.
    """
    check_engine(engine, workers)
    return _in_turn(work) if not workers else (_ray if engine == "ray" else _processes)(work, workers)


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


def do(work: Work, folder: Path, job: Any) -> Path:
    """Do a job beside its folder and move it there; of two processes that do the same, the first one's is kept."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        work(job, aside)
        if not folder.exists():
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


@contextmanager
def _in_turn(work: Work) -> Iterator[Runner]:
    def run(jobs: Mapping[Path, Any]) -> Ending:
        for folder, job in jobs.items():
            try:
                do(work, folder, job)
            except Exception as error:
                yield folder, error
            else:
                yield folder, None

    yield run


@contextmanager
def _processes(work: Work, workers: int) -> Iterator[Runner]:
    others = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(pickle.dumps(work),))

    def run(jobs: Mapping[Path, Any]) -> Ending:
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
def _ray(work: Work, workers: int) -> Iterator[Runner]:
    import ray

    started = not ray.is_initialized()
    if started:
        _start_ray(workers)
    remote: Any = ray.remote(num_cpus=1, max_retries=0, runtime_env={"env_vars": ENVIRONMENT})(_do_there)
    held = ray.put(work)
    running: dict[Any, Path] = {}

    def run(jobs: Mapping[Path, Any]) -> Ending:
        left = list(jobs.items())
        while left or running:
            while left and len(running) < workers:
                folder, job = left.pop(0)
                running[remote.remote(held, folder.resolve(), job, Path.cwd())] = folder
            (ended, *_), _ = ray.wait(list(running))
            yield running.pop(ended), _outcome(ended)

    try:
        yield run
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        if started:
            ray.shutdown()


def _do_there(work: Work, folder: Path, job: Any, home: Path) -> Path:
    """The same where jobs name files as they are seen from `home`."""
    os.chdir(home)
    return do(work, folder, job)


def _start_ray(workers: int) -> None:
    """Join the cluster that RAY_ADDRESS names, else start one on this machine."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing goes over the network unasked
    here: dict[str, Any] = {"address": "local", "include_dashboard": False, "num_cpus": workers}
    named = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **({} if named else here))
    except ConnectionError as e:
        raise InputError(
            f"the cluster that RAY_ADDRESS={named} names cannot be joined: {e}. Look for it with `ray status`; if it "
            "asks for a token, set RAY_AUTH_MODE=token. Or unset RAY_ADDRESS, for this machine alone."
        ) from e


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


_own: list[Work] = []  # of a process that was started for it: sent once, not with every job


def _begin(work: bytes) -> None:
    """Set up a process for pickled work; first its threads, as torch counts them when it is imported."""
    set_up()
    _own.append(pickle.loads(work))


def set_up() -> None:
    """One thread for this process, silent libraries, no ear for Ctrl-C, and an end when its parent ends."""
    os.environ |= ENVIRONMENT
    warnings.filterwarnings("ignore", module=r"torch|transformers|peft|accelerate")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _do_own(folder: Path, job: Any) -> Path:
    return do(_own[0], folder, job)


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
