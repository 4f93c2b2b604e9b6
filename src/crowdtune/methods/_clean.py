"""`crowdtune clean`: experts are asked, labels judged, doubted items asked about again, what is left written down."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Items
from crowdtune.backends.ask import Prices, Spent
from crowdtune.backends.store import Store
from crowdtune.denoise.answers import said_only
from crowdtune.denoise.clean import Cleaned, Cleaning, Opinions, judge_labels
from crowdtune.denoise.decide import Deciding
from crowdtune.denoise.decision import Decision
from crowdtune.denoise.output import write_clean
from crowdtune.denoise.question import Opinion, Question
from crowdtune.denoise.select import Selecting
from crowdtune.denoise.table import outcome_counts, outcome_rows
from crowdtune.errors import InputError, unknown_name
from crowdtune.lm.embed import embed
from crowdtune.methods._again import MEANINGS, Again, compared
from crowdtune.methods._asking import Asking, NotAsked, Panelist, panelists
from crowdtune.metrics.guard import Verdict
from crowdtune.runs import annotator_table
from crowdtune.settings import apply
from crowdtune.wording import only_written
from crowdtune.write.formats import make
from crowdtune.write.tables import occupied

logger = logging.getLogger(__name__)
NOWHERE = Path(":memory:")  # a store that is gone at the end

GIVER = "given"  # whoever labelled, where nobody is named


@dataclass(frozen=True)
class Options:
    """Options of cleaning."""

    checker: Literal["posterior", "checker", "strict"] = "posterior"  # who tells noisy from clean; the others count
    threshold: float = Deciding.threshold  # of checker=checker: share of the experts who must give the label
    keep_above: float = Deciding.keep_above  # a given label more probable than this stays
    margin: float = Deciding.margin  # by which a new label must be ahead of the second answer
    classifier: bool = True  # let a classifier across folds answer too, where all items share their choices
    context: bool = True  # ask about doubted items again, with the nearest clean ones in sight
    reviewer: bool | None = None  # and somebody who sees that answer and an expert's; none: where an expert reasons
    k: int = Cleaning.k  # nearest clean items shown
    selection: bool = Cleaning.select  # drop the least sure new labels
    beta: float = Selecting.beta  # share of the new labels that stay, at least
    bounded: bool = Selecting.bounded  # drop no more new labels than are expected to be wrong
    least: float = Selecting.least  # share of the items of each choice that stay, at least
    select_clean: bool = Selecting.clean  # kept labels may be dropped as well
    meaning: str = "auto"  # how free answers are compared: exact, numbers, embeddings
    seed: int = Cleaning.seed  # of the classifier's folds

    def __post_init__(self) -> None:
        if self.k < 0:
            raise InputError(f"k={self.k} is no number of examples. It is 0 or more.")
        if self.meaning not in MEANINGS:
            raise unknown_name("meaning", self.meaning, MEANINGS)
        _ = self.parts  # shares and thresholds are checked before anybody is asked

    @property
    def parts(self) -> Cleaning:
        """As `denoise.clean` takes them."""
        deciding = Deciding(self.checker, self.keep_above, self.margin, threshold=self.threshold)
        selecting = Selecting(self.beta, self.least, self.bounded, self.select_clean)
        return Cleaning(deciding, selecting, self.selection, self.k, self.seed)


@dataclass(frozen=True, eq=False)
class CleaningRun:
    """What was done, or would be.

    Args:
        cleaned: decisions and beliefs.
        summary: as in summary.json.
    """

    cleaned: Cleaned
    summary: dict[str, Any]


def clean(
    annotations: Annotations,
    settings: Mapping[str, str] | None = None,
    *,
    out: Path | None = None,
    store: Path,
    to: Sequence[str] = (),
    origin: Mapping[str, str] | None = None,
) -> CleaningRun:
    """Find noisy labels, mend them, keep what is sure.

    Args:
        annotations: N given labels of I items with texts.
        settings: options of `Options` and `Asking` by name, as text.
        out: folder to write, new or empty; None asks nobody, writes nothing, and uses the replies the store has.
        store: file that keeps every reply, so that none is paid for twice.
        to: other tools' formats to write as well.
        origin: where the annotations came from, kept in summary.json.
    """
    began = time.monotonic()
    options, asking = apply(dict(settings or {}), Options(), Asking())
    notes = list[str]()
    annotations = _with_labels(annotations, notes)
    _check(annotations, out, to)
    questions = [asking.question(annotations.items, i) for i in range(len(annotations.items))]
    spent = Spent(Prices(asking.prompt_price, asking.answer_price))
    with Store(store if out is not None or store.exists() else NOWHERE) as kept:
        panel = panelists(asking, kept, spent, dry=out is None, say=logger.info)
        opinions = _first_opinions(panel, questions, notes, dry=out is None)
        annotations, opinions, meaning = compared(annotations, opinions, options.meaning, notes, panel, questions)
        again = Again(annotations, questions, panel, opinions, options, meaning, notes)
        features = _features(annotations, options)
        cleaned = judge_labels(annotations, opinions, features, again, options.parts, classify=options.classifier)
    facts = {
        "options": asdict(options) | asdict(asking),
        "data": dict(origin or {}),
        "free": only_written(annotations.items),
        "verdict": cleaned.panel.verdict.as_dict() | {"words": _words(cleaned.panel.verdict)},
        "experts": cleaned.experts,
        "annotators": annotator_table(annotations, cleaned.panel.posterior),
        "needed" if out is None else "spent": asdict(spent) | {"cost": spent.cost},
        "notes": notes,
        "seconds": round(time.monotonic() - began, 1),
    }
    items, decisions = _said(annotations, cleaned)
    if out is not None:
        return CleaningRun(cleaned, write_clean(out, items, decisions, to=to, cuts=cleaned.cuts, facts=facts))
    told = {"items": len(items), "outcomes": outcome_counts(decisions), "choices": outcome_rows(items, decisions)}
    return CleaningRun(cleaned, told | facts)


def _with_labels(annotations: Annotations, notes: list[str]) -> Annotations:
    """The annotations; where nobody is named who labelled, answers read as gold are the labels to be cleaned."""
    items = annotations.items
    known = np.flatnonzero(items.gold >= 0)
    if len(annotations) or not len(known):
        return annotations
    notes.append(f"nobody is named who labelled: the {len(known):,} answers of the file are the labels to be cleaned")
    unknown = replace(items, gold=np.full(len(items), UNKNOWN))
    return Annotations(unknown, [GIVER], known, np.zeros(len(known), dtype=np.int64), items.gold[known])


def _check(annotations: Annotations, out: Path | None, to: Sequence[str]) -> None:
    """Refuse before anybody is asked."""
    items = annotations.items
    annotations.require_labels()
    for i in np.flatnonzero([not prompt for prompt in items.prompts]).tolist():
        raise InputError(f"item '{items.ids[i]}' has no text to ask about. Add a prompt column, or pass --items FILE.")
    if out is not None and occupied(out):
        raise InputError(f"{out} already holds files. Choose another folder or remove it.")
    for name in to:
        make(name, {})


def _words(said: Verdict) -> str:
    """The verdict in words for somebody who asks experts, and can give them no gold."""
    if said.by == "labels":
        return said.words
    if said.status == "resolved":
        return (
            f"Resolved by the experts: they and the labels agree beyond chance (z = {said.evidence:.1f}), so that "
            "whoever is mostly wrong is found out. This holds if the experts are right more often than chance: "
            "read some of decisions.jsonl."
        )
    return (
        f"{said.status.capitalize()}: the experts cannot tell whether those who labelled are mostly right "
        f"(z = {said.evidence:.1f}), so nobody is taken for a liar and most labels stay. A better model (--model), "
        "more experts (--experts) or a clearer question (--set template='... {prompt} ...') may tell."
    )


def _first_opinions(
    panel: Sequence[Panelist], questions: Sequence[Question], notes: list[str], *, dry: bool
) -> Opinions:
    """What every expert says of every item; who would have to be asked, where nobody is, says nothing."""
    found: dict[str, Sequence[Opinion | None]] = {}
    for who in panel:
        if not dry:
            logger.info(f"asking '{who.name}' about {len(questions)} items")
        try:
            found[who.name] = who.answer(questions)
        except NotAsked as e:
            notes.append(f"'{who.name}' was not asked: {e}")
    return found


def _features(annotations: Annotations, options: Options) -> Floats | None:
    """(I, D) embeddings of the items, where something is made of them."""
    if not (options.context or options.classifier):
        return None
    logger.info(f"embedding {len(annotations.items)} items")
    return embed(annotations.items.prompts)


def _said(annotations: Annotations, cleaned: Cleaned) -> tuple[Items, list[Decision]]:
    """Items and decisions without the answers that nobody gave, which free texts are given while they are compared."""
    trimmed, _ = said_only(annotations, cleaned.panel.posterior)
    own = trimmed.items.n_choices.tolist()
    kept = [replace(d, posterior=d.posterior[:k]) for d, k in zip(cleaned.decisions, own, strict=True)]
    unsaid = [d.label >= k for d, k in zip(kept, own, strict=True)]
    return trimmed.items, [
        replace(d, outcome="drop", label=UNKNOWN, rule="flat") if gone else d
        for d, gone in zip(kept, unsaid, strict=True)
    ]
