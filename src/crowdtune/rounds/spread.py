"""Spread the jobs of rounds and coalitions over an engine, and read what they left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from crowdtune.engines import engines
from crowdtune.errors import InputError
from crowdtune.rounds.job import Done, Job, Trainer, load_done

Spreading = Callable[[Trainer], AbstractContextManager[Callable[[Mapping[Path, Job]], dict[Path, Done]]]]


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
    with engines(trainer, workers=workers, engine=engine) as run:

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
