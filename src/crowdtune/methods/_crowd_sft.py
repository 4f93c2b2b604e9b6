"""Crowd-SFT: groups of annotators train copies of a model in rounds, and the best is the next base.

| paper | here |
|---|---|
| user | annotator |
| iteration | round |
| multi-model selection | groups, the best of which is the next base |
| distance to the target in embedding space | target `distance`; others are loss, accuracy, rewards |
| points | gain over the round's base, shared in the group |

Differs from the paper, of whose text only summaries are public:
* the winner is measured once more on fresh samples and accepted only if its gain exceeds twice its standard error, as
  the best of several noisy measurements is too good to be true;
* further targets may veto, so that one alone cannot be gamed;
* groups also train the untrained model, and a ridge regression on who was in which says whose contributions moved it:
  gains on the moving base shrink while it converges;
* everything is written into a ledger.

References:
    Sotiropoulos et al.: Crowd-SFT, 2025, https://arxiv.org/abs/2506.04063
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import msgspec

from crowdtune.annotations import Annotations
from crowdtune.engines import check_engine
from crowdtune.errors import InputError
from crowdtune.methods._aims import Aim
from crowdtune.methods._options import check_kind, options
from crowdtune.methods._screened import copied, damaging, seen_before
from crowdtune.methods._tuning import Tuning
from crowdtune.methods._written import save_model
from crowdtune.rounds.groups import check_count
from crowdtune.rounds.job import Job
from crowdtune.rounds.ledger import NEEDED, Ledger
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.record import (
    Contribution,
    Round,
    alone,
    contributions,
    enter,
    load_rounds,
    save_contributions,
)
from crowdtune.rounds.rounds import Play
from crowdtune.rounds.spread import spreading
from crowdtune.rounds.status import CONFIG, LEDGER, METHOD, RESULTS
from crowdtune.rounds.summary import annotator_rows, round_rows, summary
from crowdtune.runs import Run
from crowdtune.settings import apply
from crowdtune.write.tables import write_bytes, write_json

logger = logging.getLogger(__name__)
NOTHING = "no group's copy was surely better than the model before it: the model is the untrained one"
PROLONGED = ("rounds", "patience", "enough")  # options that may be others when rounds go on
STORY = (
    "groups of annotators trained copies of the model in {rounds} rounds, each by method {learning}, and in {accepted} "
    "of them the best copy was surely better on fresh samples and became the base"
)


@dataclass(frozen=True)
class Learning:
    """How a group's contributions are learned, by name."""

    method: str = "noisy"  # of crowdtune train; noisy imitates every contribution as it came


@dataclass(frozen=True)
class Ended:
    """Rounds that are over, and why there are no more."""

    rounds: list[Round]
    why: str


def rounds(
    annotations: Annotations,
    settings: Mapping[str, str] | None = None,
    *,
    out: str | Path,
    aims: Sequence[Aim],
    workers: int | None = None,
    engine: str = "processes",
    resume: bool = False,
    origin: Mapping[str, Any] | None = None,
) -> Run:
    """Play rounds of Crowd-SFT and write what comes of them to a folder.

    A killed run goes on with `resume`, trains nothing twice and ends where it would have ended. Whoever contributes by
    then and did not before joins in the next round.

    Args:
        annotations: contributions of all annotators, labels or free responses.
        settings: options by name, as text: of rounds, `method` and its options, and of training.
        out: folder; new or empty.
        aims: what models are judged by: the first selects, the others may veto.
        workers: trainings at a time, a process each; 0 = in this process; None = as many as groups and cores.
        engine: "processes" of this machine, or "ray".
        resume: go on with the rounds in `out`, also with more of them than were asked for at first.
        origin: where annotations and aims came from, kept in config.json.

    Returns:
        The run: results, annotators with points and attribution, a ledger and the last base are in its folder.
    """
    clock = time.monotonic()
    how, tuning, asked = _asked(annotations, settings or {}, aims, origin or {})
    workers = min(how.groups, os.cpu_count() or 1) if workers is None else workers
    check_engine(engine, workers)
    run = Run(Path(out))
    _claim(run, asked, resume=resume)
    warnings = [*seen_before(annotations, aims), *copied(annotations)]
    for line in warnings:
        logger.warning(line)
    brought = contributions(annotations)
    with alone(run.folder), spreading(tuning, workers=workers, engine=engine, say=_saying(run.folder)) as spread:
        book = Ledger.open(run.folder / LEDGER)
        (run.folder / RESULTS).unlink(missing_ok=True)
        write_json(run.folder / CONFIG, asked)
        done = _played(run, Play([aim.target for aim in aims], how, run.folder, spread), book, brought)
        harm = damaging(done.rounds, list(brought))
        for line in harm:
            logger.warning(line)
        found = _results(annotations, tuning, done, [*warnings, *harm]) | {"ledger_head": book.head}
        _save_base(run, tuning, found)
        run.finish(found | {"seconds": round(time.monotonic() - clock, 1)})
    return run


def _asked(
    annotations: Annotations, settings: Mapping[str, str], aims: Sequence[Aim], origin: Mapping[str, Any]
) -> tuple[Rounds, Tuning, dict[str, Any]]:
    """Check all options before any work, and say what is asked."""
    if importlib.util.find_spec("sqlalchemy") is None:
        raise InputError(NEEDED)
    own = {field.name for field in (*fields(Learning), *fields(Rounds))}
    method = settings.get("method", Learning.method)
    apply(settings, Learning(), Rounds(), *options(method, {}))  # an unknown name is answered with the nearest of all
    how, _ = apply({name: value for name, value in settings.items() if name in own}, Rounds(), Learning())
    rest = {name: value for name, value in settings.items() if name not in own}
    chosen, training = options(method, rest)
    annotations.require_labels()
    check_kind(annotations, method, training)
    check_count(how.groups, int((annotations.labels_per_annotator > 0).sum()))
    asked = {
        "method": METHOD,
        "learning": method,
        "rounds": asdict(how),
        "options": asdict(cast(Any, chosen)),
        "training": asdict(training),
        "targets": [aim.target.name for aim in aims],
        "data": {"labels": len(annotations), "items": len(annotations.items), **origin},
    }
    return how, Tuning(annotations, method, rest, tuple(aims)), asked


def _claim(run: Run, asked: Mapping[str, Any], *, resume: bool) -> None:
    """Refuse a folder that holds something else, or rounds that were played otherwise; data may have grown."""
    rounds_here = (run.folder / CONFIG).exists() and run.config.get("method") == METHOD
    if not resume:
        if rounds_here:
            raise InputError(f"{run.folder} holds rounds. crowdtune rounds resume {run.folder} goes on with them.")
        Run.claim(run.folder, dict(asked))
        return
    if not rounds_here:
        raise InputError(f"{run.folder} holds no rounds to resume. crowdtune rounds run DATA -o DIR starts some.")
    before, now = run.config, msgspec.to_builtins(asked)
    for part in ("learning", "rounds", "options", "training", "targets"):
        pair = [{k: v for k, v in _named(one[part]).items() if k not in PROLONGED} for one in (before, now)]
        for name in pair[1]:
            if pair[0].get(name) != pair[1][name]:
                raise InputError(
                    f"{run.folder} was started with {name}={pair[0].get(name)}, not {pair[1][name]}. Resume it with "
                    "the same, or start anew elsewhere."
                )


def _named(part: Any) -> dict[str, Any]:
    return part if isinstance(part, dict) else {"targets" if isinstance(part, list) else "method": part}


def _saying(folder: Path) -> Callable[[str], None]:
    """Tells of jobs, and of which round they are."""
    return lambda line: logger.info(f"round {len(load_rounds(folder)) + 1}: {line}")


def _played(run: Run, play: Play, book: Ledger, brought: Mapping[str, Contribution]) -> Ended:
    """Play, and after every round write down what is known."""
    save_contributions(run.folder, brought)
    enter(book, load_rounds(run.folder), brought)
    hashes = {name: own.sha256 for name, own in brought.items()}
    target, done = play.targets[0].name, list[Round]()
    for one in play.rounds(hashes):
        done.append(one)
        enter(book, [one], {})
        lines = [msgspec.json.encode(row) + b"\n" for row in round_rows(done, target)]
        write_bytes(run.folder / "metrics.jsonl", b"".join(lines))
        run.write_annotators(annotator_rows(done, brought))
        logger.info(
            f"round {one.number}: {f'{one.winner} is the next base' if one.accepted else 'the base stays'}: {one.why}"
        )
    return Ended(done, play.stopped(done, brought))


def _results(annotations: Annotations, tuning: Tuning, ended: Ended, warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "method": METHOD,
        "learning": tuning.method,
        "model": tuning.training.lm,
        "labels": len(annotations),
        "items": len(annotations.items),
        "annotators": int((annotations.labels_per_annotator > 0).sum()),
        "targets": [aim.target.name for aim in tuning.aims],
        **summary(ended.rounds),
        "stopped": ended.why,
        "warnings": [*([] if any(one.accepted for one in ended.rounds) else [NOTHING]), *warnings],
    }


def _save_base(run: Run, tuning: Tuning, results: dict[str, Any]) -> None:
    """The last base, as `crowdtune predict` and `evaluate` read it; the untrained model where nothing was accepted."""
    base = results["base"]
    lm = tuning.model(Job(str(run.folder / base) if base else ""))
    shutil.rmtree(run.model, ignore_errors=True)
    story = STORY.format_map(results)
    save_model(run, lm, replace(tuning.start().reading, adapter=True), story, results)
