"""The story every method shares: score the untrained model, plan, fine-tune, believe, write down."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Items
from crowdtune.em.stages import agreement
from crowdtune.errors import InputError
from crowdtune.lm.centre import Centre, fit_centre
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.reading import Reading
from crowdtune.lm.score import score, score_and_read
from crowdtune.methods._card import model_card
from crowdtune.methods._gold import against_gold
from crowdtune.methods._plan import Anchor, Conclusion, Method, Plan
from crowdtune.methods._predict import quality
from crowdtune.metrics.accuracy import accuracy
from crowdtune.metrics.guard import Verdict, confirmed, verdict
from crowdtune.names import find
from crowdtune.runs import Run, annotator_table
from crowdtune.settings import apply
from crowdtune.training.dataset import CrowdDataset
from crowdtune.training.finetune import Watch, finetune
from crowdtune.training.options import Training
from crowdtune.write.tables import write_bytes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Start:
    """What several runs on the same items share: the untrained model, the prompts, what it says of them.

    Args:
        lm: the untrained model; runs train copies of it.
        reading: how it reads items.
        encoded: the training items' prompts.
        zero_shot: (I, K) log-probabilities of the untrained model, as it is trained on.
        anchor: what it knows of the items, without its lean to one answer.
        test: held-out items with gold and their prompts, or None.
    """

    lm: LanguageModel
    reading: Reading
    encoded: Encoded
    zero_shot: Floats
    anchor: Anchor
    test: tuple[Items, Encoded] | None = None


def prepare(annotations: Annotations, training: Training, test: Items | None = None) -> Start:
    """Load the model, tokenize the items and score them before any training."""
    logger.info(f"loading the {training.lm} model")
    lm = load(training.lm)
    items = annotations.items
    form = PromptFormat(training.style, training.template, training.chat)
    encoded = encode(items, lm, form, training.max_length)
    logger.info(f"asking the untrained model about {len(items)} items ({encoded.format.style})")
    log_p, hidden = score_and_read(lm, encoded, bf16=training.bf16)
    lean = fit_centre(encoded, log_p)
    anchor = Anchor(lean.shift(encoded, log_p), hidden)
    centre = lean if training.centre else Centre({})
    reading = Reading(
        training.lm, encoded.format, training.max_length, items.common_choices, centre, training.lora, training.bf16
    )
    return Start(
        lm=lm,
        reading=reading,
        encoded=centre.apply(encoded),
        zero_shot=anchor.log_p if training.centre else log_p,
        anchor=anchor,
        test=None if test is None else (test, reading.encode(test, lm)),
    )


def train(
    annotations: Annotations,
    method: str = "joint",
    settings: dict[str, str] | None = None,
    *,
    out: str | Path,
    test: Items | None = None,
    start: Start | None = None,
    resume: bool = False,
    origin: dict[str, str] | None = None,
) -> Run:
    """Fine-tune a language model on annotations and write the run to a folder.

    Args:
        annotations: N labels on items with texts.
        method: its name.
        settings: options of the method and of training by name, as text.
        out: folder of the run; new or empty.
        test: items with gold to evaluate on.
        start: what `prepare` made of the same annotations and options, to share it between runs.
        resume: go on with an unfinished run in `out`.
        origin: where the annotations came from, kept in config.json.

    Returns:
        The run: results, table of annotators, labels and model are in its folder.
    """
    clock = time.monotonic()
    chosen, training = options(method, settings or {})
    asked = {
        "method": method,
        "options": asdict(cast(Any, chosen)),
        "training": asdict(training),
        "data": (origin or {}) | _sizes(annotations) | {"flags": origin or {}},
    }
    if method != "oracle":
        annotations.require_labels()
    Run.claim(Path(out), asked, resume=resume)
    shared, start = start is not None, start or prepare(annotations, training, test)
    plan = chosen.plan(annotations, start.anchor)
    said = plan.verdict or verdict(annotations, start.anchor.log_p)
    (logger.info if said.status == "resolved" else logger.warning)(said.words)
    run = Run.start(Path(out), asked, resume=resume)
    logger.info(f"training with {method}")
    untrained = start.lm.copy() if shared else start.lm
    trained = _finetune(untrained, start, plan, training, run, resume)
    after = score(trained, start.encoded, bf16=training.bf16)
    found = plan.conclude(after)
    results: dict[str, Any] = {"method": method, "model": training.lm, "learning_rate": training.rate}
    judged = _without_used_gold(annotations, plan)
    results |= _results(judged, start, found.posterior, after) | _held_out(start, trained, training) | found.results
    results |= _verdicts(said, annotations, start, found)
    for warning in results["warnings"]:
        if warning != said.words:  # told before training
            logger.warning(warning)
    run.write_annotators(annotator_table(judged, found.posterior, found.columns))
    run.write_items(annotations, found.posterior, method)
    _save_model(run, trained, start.reading, plan, results)
    run.finish(results | {"seconds": round(time.monotonic() - clock, 1)})
    return run


def options(method: str, settings: dict[str, str]) -> tuple[Method, Training]:
    """Options of a method and of training with `settings` on top of their defaults."""
    chosen, training = apply(settings, find("crowdtune.methods", method, "method")(), Training())
    return chosen, training


def _finetune(lm: LanguageModel, start: Start, plan: Plan, training: Training, run: Run, resume: bool) -> LanguageModel:
    """Train on the items that have weight."""
    used = np.flatnonzero(plan.examples.weights > 0)
    if not len(used):
        raise InputError("no item has a label to train on.")
    return finetune(
        lm,
        CrowdDataset(plan.examples.take(used), start.encoded.take(used)),
        plan.objective,
        training,
        run,
        annotator_learning_rate=plan.annotator_learning_rate,
        watch=_watch(start, training),
        resume=resume,
    )


def _watch(start: Start, training: Training) -> Watch | None:
    """A learning curve on the test items, where one is asked for."""
    if start.test is None or not training.points:
        return None
    items, encoded = start.test
    return Watch(
        training.points,
        lambda lm: {"test_accuracy": accuracy(np.exp(score(lm, encoded, bf16=training.bf16)), items.gold)},
    )


def _without_used_gold(annotations: Annotations, plan: Plan) -> Annotations:
    """The annotations without the gold answers a method was shown: nothing is measured on them."""
    if plan.used_gold is None:
        return annotations
    gold = np.where(plan.used_gold, UNKNOWN, annotations.items.gold)
    return replace(annotations, items=replace(annotations.items, gold=gold))


def _sizes(annotations: Annotations) -> dict[str, int]:
    return {
        "items": len(annotations.items),
        "labels": len(annotations),
        "annotators": int((annotations.labels_per_annotator > 0).sum()),
    }


def _results(annotations: Annotations, start: Start, posterior: Floats, after: Floats) -> dict[str, Any]:
    return {
        **_sizes(annotations),
        "style": start.reading.format.style,
        "truncated_prompts": start.encoded.truncated,
        **against_gold(annotations, posterior, start.zero_shot, after),
        "agreement_with_zero_shot": agreement(start.zero_shot, after),
    }


def _verdicts(said: Verdict, annotations: Annotations, start: Start, found: Conclusion) -> dict[str, Any]:
    """The verdict after training, what it was before, and a warning unless the crowd is resolved."""
    group = annotations.items.task if found.group is None else found.group
    last = confirmed(found.verdict or said, start.anchor.log_p, found.posterior, group)
    return {
        "verdict": last.as_dict() | {"before_training": said.status},
        "warnings": [] if last.status == "resolved" else [last.words],
    }


def _held_out(start: Start, trained: LanguageModel, training: Training) -> dict[str, Any]:
    """How good the trained model is on the test items, {} without any."""
    if start.test is None:
        return {}
    items, encoded = start.test
    return {"test": quality(np.exp(score(trained, encoded, bf16=training.bf16)), items)}


def _save_model(run: Run, lm: LanguageModel, reading: Reading, plan: Plan, results: dict[str, Any]) -> None:
    lm.model.save_pretrained(run.model)
    lm.tokenizer.save_pretrained(run.model)
    reading.save(run.model)
    write_bytes(run.model / "README.md", model_card(reading, plan.story, results).encode())
