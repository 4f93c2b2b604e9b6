"""What a trained model says of new items, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.errors import InputError
from crowdtune.lm.encode import Encoded
from crowdtune.lm.generate import generate
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.reading import Reading, load_reading, load_trained
from crowdtune.lm.score import rewards as tabled
from crowdtune.lm.score import score
from crowdtune.methods._distribution import annotators_of, folder, predict_distribution, told
from crowdtune.methods._met import trained_on
from crowdtune.methods._responses import gold_alone
from crowdtune.metrics.accuracy import accuracy, calibration_error, graded, negative_log_likelihood, recall
from crowdtune.metrics.distances import ambiguity, js_distance
from crowdtune.metrics.held_out import TINY, compare, held_out
from crowdtune.metrics.people import against_people, several
from crowdtune.metrics.temperature import tempered
from crowdtune.runs import Run


def predict(
    run: Run | str | Path,
    items: Items,
    *,
    abstain_below: float = 0.0,
    temperature: float | None = None,
    perspective: str = "",
    distribution: bool = False,
) -> dict[str, list[Any]]:
    """Label new items, or, with a model of free responses, answer them.

    Args:
        run: a finished run, or its folder.
        items: I items with texts, and choices where the model has some.
        abstain_below: an item whose best probability is lower gets no label.
        temperature: of the probabilities; None takes what `calibrate` saved, else 1.
        perspective: whose answers to predict, as `perspectives.Perspectives.members` reads it; "" for what the model
            itself says.
        distribution: tell each item's choices and ambiguity (entropy, nats) as well.

    Returns:
        Columns item, label (None where it abstains), probability, probabilities (K each, in the order of the choices),
        and with `distribution` choices and ambiguity; or item, response.
    """
    if not 0 <= abstain_below <= 1:
        raise InputError(f"abstain_below={abstain_below} must be a probability from 0 to 1.")
    lm, reading = load_trained(_model(run))
    if reading.format.style == "responses":
        if perspective or distribution or temperature is not None:
            raise InputError("this run writes free responses; --as, --distribution and --temperature are for choices.")
        said = generate(lm, items, reading.format, reading.max_length, bf16=reading.bf16)
        return {"item": list(items.ids), "response": said}
    probabilities = _asked(run, (lm, reading), items, temperature, perspective)
    best, top = probabilities.argmax(axis=1) if len(items) else [], probabilities.max(axis=1, initial=0)
    labels = [items.text(i, int(k)) if top[i] >= abstain_below else None for i, k in enumerate(best)]
    more = {
        "choices": [list(items.choices(i)) for i in range(len(items))],
        "ambiguity": ambiguity(probabilities).tolist(),
    }
    return {
        "item": list(items.ids),
        "label": labels,
        "probability": top.tolist(),
        "probabilities": [probabilities[i, : items.n_choices[i]].tolist() for i in range(len(items))],
        **(more if distribution else {}),
    }


def _asked(
    run: Run | str | Path,
    model: tuple[LanguageModel, Reading],
    items: Items,
    temperature: float | None,
    perspective: str,
) -> Floats:
    """(I, K) the model's own distribution at a temperature, or how some of its annotators would answer."""
    lm, reading = model
    if not perspective:
        return predict_distribution(lm, items, reading=reading, temperature=temperature)
    if temperature is not None:
        raise InputError("a perspective has a sharpness of its own, fitted in training. Leave out --temperature.")
    known = annotators_of(run)
    members = known.members(perspective)
    return known.seen(told(lm, reading, items), items, members)


def rewards(run: Run | str | Path, prompts: Sequence[str], texts: Sequence[str]) -> Floats:
    """(N,) numbers a run with a reward head gives texts, each after its prompt; only their differences mean something.

    Args:
        run: a finished run, or its folder.
        prompts: N prompts.
        texts: N texts.

    The probability that the first of two texts is preferred is 1 / (1 + exp(second - first)).
    """
    lm, reading = load_trained(_model(run))
    if reading.head != "reward":
        raise InputError(
            f"this run answers with '{reading.format.style}', not with a reward. Train it with head=reward."
        )
    none, names = np.zeros(len(texts), dtype=np.int64), [str(i) for i in range(len(texts))]
    sets = [(text,) for text in texts]
    items = Items(names, list(prompts), sets, np.arange(len(texts)), ["text"], none, none - 1, [""] * len(texts))
    return tabled(lm, reading.encode(items, lm), bf16=reading.bf16)[:, 0]


def evaluate(run: Run | str | Path, test: Items | Annotations) -> dict[str, Any]:
    """Measure a finished run on items with gold or several people's labels: see `measured` and `response_quality`.

    Items the run was trained on are warned of.

    Args:
        run: a finished run, or its folder.
        test: I items with gold, or what people said of them.
    """
    items, people = parted(test)
    gold = bool((items.gold >= 0).any())
    if not gold and people is None:
        raise InputError(
            "no item has a gold answer to evaluate against, nor labels by several people. Add a gold column, or labels."
        )
    lm, reading = load_trained(_model(run))
    free = reading.format.style == "responses"
    if free and not gold:
        raise InputError("no item has a gold answer to evaluate free responses against. Add a gold column.")
    judged = (items.gold >= 0) | (several(people) if people is not None and not free else False)
    trained_on(folder(run), items.take(np.flatnonzero(judged)).ids, "evaluate")
    items = gold_alone(items) if free else items
    encoded = reading.encode(items, lm)
    table = score(lm, encoded, bf16=reading.bf16)
    if free:
        return response_quality(table, encoded)
    return measured(tempered(np.exp(table), reading.temperature, items.choice_mask), items, people)


def parted(test: Items | Annotations) -> tuple[Items, Annotations | None]:
    """The items of a test, and what people said of them where several answered one."""
    if isinstance(test, Items):
        return test, None
    return test.items, test if several(test).any() else None


def measured(probabilities: Floats, items: Items, people: Annotations | None) -> dict[str, Any]:
    """`quality` on items with gold, and, under `disagreement`, `metrics.people.against_people`.

    Args:
        probabilities: (I, K) rows sum to 1.
        items: I items.
        people: what people said of them, or None.
    """
    found = quality(probabilities, items) if people is None or (items.gold >= 0).any() else {"items": 0}
    apart = None if people is None else against_people(probabilities, people, np.random.default_rng(0))
    return found if apart is None else found | {"disagreement": apart}


def foretold(run: Run | str | Path, annotations: Annotations) -> list[dict[str, Any]]:
    """How well each model of truth foretells annotators not met; realm and joint see the run's model.

    Args:
        run: a finished run, or its folder.
        annotations: N labels; without the run's own, as it has met those annotators.

    Returns:
        Rows of `metrics.held_out.compare`.
    """
    lm, reading = load_trained(_model(run))
    if reading.format.style == "responses":
        raise InputError("this run writes free responses; models of truth are for choices. Leave out --annotators.")
    log_p = np.maximum(score(lm, reading.encode(annotations.items, lm), bf16=reading.bf16), np.log(TINY))
    losses = held_out(annotations, np.random.default_rng(0), log_p)
    return compare(annotations, losses, np.random.default_rng(0))


def followed(probabilities: Floats, items: Items, people: Annotations | None) -> dict[str, float]:
    """What a learning curve shows: `test_accuracy`, and where people answered `test_js_distance`, base 2."""
    gold = people is None or (items.gold >= 0).any()
    found = {"test_accuracy": accuracy(probabilities, items.gold)} if gold else {}
    if people is not None:
        index = np.flatnonzero(several(people))
        apart = js_distance(label_distribution(people)[index], probabilities[index])
        found["test_js_distance"] = float(apart.mean())
    return found


def quality(probabilities: Floats, items: Items) -> dict[str, Any]:
    """Accuracy, negative log-likelihood (nats), calibration error and the recall of each choice, on items with gold.

    Where answers are grades, their weighted kappa and mean error too.

    Args:
        probabilities: (I, K) rows sum to 1.
        items: I items.
    """
    return {
        "items": int((items.gold >= 0).sum()),
        "accuracy": accuracy(probabilities, items.gold),
        "negative_log_likelihood": negative_log_likelihood(probabilities, items.gold),
        "calibration_error": calibration_error(probabilities, items.gold),
        "recall": recall(probabilities, items),
        **graded(probabilities, items),
    }


def response_quality(log_lik: Floats, encoded: Encoded) -> dict[str, Any]:
    """Loss of the gold responses, nats per token, and how many tokens they have.

    Args:
        log_lik: (I, 1) nats, of whole responses.
        encoded: the same I items, as `gold_alone` makes them.
    """
    tokens = sum(len(ids) for own in encoded.texts for ids in own)
    loss = -float(log_lik.sum()) / tokens if tokens else float("nan")
    return {"items": len(encoded), "loss": loss, "tokens": tokens}


def shared_choices(run: Run | str | Path) -> tuple[str, ...]:
    """The answers all training items of a run shared, for new items that name none; () where they differed."""
    return load_reading(_model(run)).choices


def _model(run: Run | str | Path) -> Path:
    return folder(run).model
