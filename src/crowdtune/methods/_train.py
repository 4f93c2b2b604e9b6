"""The story every method shares: score the untrained model, plan, fine-tune, believe, write down."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Items
from crowdtune.em.stages import agreement
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.score import score
from crowdtune.lm.together import together, whole_weights
from crowdtune.methods._gold import against_gold
from crowdtune.methods._held_out import held_out
from crowdtune.methods._learn import learn
from crowdtune.methods._memory import tell_memory
from crowdtune.methods._options import SPREAD, TRUSTING, UNNAMED, check, options
from crowdtune.methods._plan import Conclusion, Plan
from crowdtune.methods._predict import followed, response_quality
from crowdtune.methods._start import Start, prepare
from crowdtune.methods._written import save_model, write_tables
from crowdtune.metrics.guard import Verdict, alone, confirmed, unsought, verdict
from crowdtune.metrics.words import ALONE
from crowdtune.ranks import is_main, n_ranks
from crowdtune.runs import Run
from crowdtune.training.finetune import Watch
from crowdtune.training.options import Training

logger = logging.getLogger(__name__)


def train(
    annotations: Annotations,
    method: str = "joint",
    settings: dict[str, str] | None = None,
    *,
    out: str | Path,
    test: Items | Annotations | None = None,
    start: Start | None = None,
    resume: bool = False,
    origin: dict[str, str] | None = None,
) -> Run:
    """Fine-tune a language model on annotations and write the run to a folder.

    Several processes (torchrun) do this together; the main one alone writes, and is the last to return.

    Args:
        annotations: N labels on items with texts.
        method: its name.
        settings: options of the method and of training by name, as text.
        out: folder of the run; new or empty.
        test: items with gold to evaluate on, or what several people said of them.
        start: what `prepare` made of the same annotations and options, to share it between runs.
        resume: go on with an unfinished run in `out`.
        origin: where the annotations came from, kept in config.json.

    Returns:
        The run: results, table of annotators, labels and model are in its folder.
    """
    clock = time.monotonic()
    chosen, training = options(method, settings or {})
    asked = _asked(annotations, method, chosen, training, origin or {})
    Run.claim(Path(out), asked, resume=resume)
    with together():
        shared, start = start is not None, start or prepare(annotations, training, test)
        plan = chosen.plan(annotations, start.anchor)
        said = plan.verdict or _verdict(annotations, start, method)
        (logger.info if _calm(said) else logger.warning)(said.words)
        run = Run.start(Path(out), asked, resume=resume)
        logger.info(f"training with {method}")
        if not shared:
            tell_memory(start, training, len(annotations))
        untrained = start.lm.copy() if shared else start.lm
        trained = learn(untrained, start, plan, training, run, watch=_watch(start, training), resume=resume)
        free = start.anchor.contrast is not None
        after = start.zero_shot if free else score(trained, start.encoded, bf16=training.bf16)
        tested = None if start.test is None else score(trained, start.test[1], bf16=training.bf16)
        weights = whole_weights(trained)
    if not is_main():
        return run
    found = plan.conclude(after)
    results: dict[str, Any] = {"method": method, "model": training.lm, "learning_rate": training.rate}
    judged = _without_used_gold(annotations, plan)
    results |= _results(judged, start, found.posterior, after) | found.results
    results |= {name: run.curve(name)[-1][1] for name in ("parsed", "sums_to_one") if run.curve(name)}
    results |= _verdicts(said, annotations, start, found) | held_out(run, annotations, start, after, tested)
    _warn(results["warnings"], said)
    write_tables(run, (annotations, judged), found, method, None if free else after)
    save_model(run, trained, start.reading, plan.story, results, weights)
    run.finish(results | {"seconds": round(time.monotonic() - clock, 1)})
    return run


def _warn(warnings: list[str], said: Verdict) -> None:
    """Tell what was not told before training."""
    for warning in warnings:
        if warning != said.words:
            logger.warning(warning)


def _asked(
    annotations: Annotations, method: str, chosen: Any, training: Training, origin: dict[str, str]
) -> dict[str, Any]:
    """What config.json keeps, once it is known to be possible."""
    check(annotations, method, training)
    if training.fsdp and n_ranks() == 1:
        raise InputError("fsdp=true shares the weights out between processes, and this is one. Start with torchrun.")
    return {
        "method": method,
        "options": asdict(chosen),
        "training": asdict(training),
        "data": origin | _sizes(annotations) | {"flags": origin},
    } | ({"ranks": n_ranks()} if n_ranks() > 1 else {})


def _watch(start: Start, training: Training) -> Watch | None:
    """A learning curve on the test items, where one is asked for."""
    if start.test is None or not training.points:
        return None
    items, encoded = start.test

    def measure(lm: LanguageModel) -> dict[str, float]:
        table = score(lm, encoded, bf16=training.bf16)
        if encoded.format.style == "responses":
            return {"test_loss": response_quality(table, encoded)["loss"]}
        return followed(np.exp(table), items, start.people)

    return Watch(training.points, measure)


def _without_used_gold(annotations: Annotations, plan: Plan) -> Annotations:
    """The annotations without the gold answers a method was shown: nothing is measured on them."""
    if plan.used_gold is None:
        return annotations
    gold = np.where(plan.used_gold, UNKNOWN, annotations.items.gold)
    return replace(annotations, items=replace(annotations.items, gold=gold))


def _sizes(annotations: Annotations) -> dict[str, int]:
    unnamed = {} if annotations.counts is None else {"unnamed_labels": int(annotations.counts.sum())}
    return {
        "items": len(annotations.items),
        "labels": len(annotations),
        "annotators": int((annotations.labels_per_annotator > 0).sum()),
    } | unnamed


def _results(annotations: Annotations, start: Start, posterior: Floats, after: Floats) -> dict[str, Any]:
    told = _sizes(annotations) | {
        "style": start.reading.format.style,
        "truncated_prompts": start.encoded.truncated,
    }
    if start.anchor.contrast is not None:
        return told
    before = start.zero_shot if start.asked else None
    return told | {
        **against_gold(annotations, posterior, before, after),
        "agreement_with_zero_shot": None if before is None else agreement(before, after),
    }


def _verdict(annotations: Annotations, start: Start, method: str) -> Verdict:
    """The verdict before training; methods that take labels as they are need none on one annotator, or on nobody."""
    if method in SPREAD or (method in UNNAMED and not len(annotations)):
        return unsought(annotations, start.anchor.log_p)
    taken = alone(annotations) if method in TRUSTING else None
    return taken or verdict(annotations, start.anchor.log_p)


def _calm(said: Verdict) -> bool:
    """Whether there is nothing to warn of."""
    return said.status in ("resolved", "not sought") or said.words == ALONE


def _verdicts(said: Verdict, annotations: Annotations, start: Start, found: Conclusion) -> dict[str, Any]:
    """The verdict after training, what it was before, and a warning unless the crowd is resolved."""
    last = found.verdict or said
    if start.anchor.contrast is None:
        group = annotations.items.task if found.group is None else found.group
        last = confirmed(last, start.anchor.log_p, found.posterior, group)
    return {
        "verdict": last.as_dict() | {"before_training": said.status},
        "warnings": [] if _calm(last) else [last.words],
    }
