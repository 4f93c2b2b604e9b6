"""The verdict, the figures under it, the learning curves, and how the labels were made."""

from __future__ import annotations

import ast
import contextlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from crowdtune.report.charts import curve, distance
from crowdtune.report.names import Names
from crowdtune.report.told import Told
from crowdtune.report.wording import (
    CHOICE,
    ID,
    begun,
    count,
    decimal,
    known,
    seconds,
    sentences,
    several,
    share,
    visible,
)

STATES = {  # of a verdict: its sign beside the word, as colour alone is no sign
    "resolved": ("✓", "Resolved"),
    "ambiguous": ("?", "Ambiguous"),
    "unresolvable": ("✕", "Unresolvable"),
}
BY = {"labels": "by the labels", "model": "by the model", "gold": "by gold answers", "nothing": ""}
LISTED = 40  # ids listed under a warning
CURVES = 6  # charts of learning curves
NO_CURVE = {"step", "epoch", "learning_rate", "grad_norm", "total_flos"}
CURVE_NAMES = {
    "loss": "Training loss",
    "test_accuracy": "Right on test items",
    "test_js_distance": "JS distance from people on test items",
    "eval_loss": "Loss on held-out items",
}
REPEATED = ("with", "question", "rename")  # flags that may be, kept as they were typed one after another


def verdict(told: Told, names: Names) -> dict[str, Any]:
    """The most important sentence first, then what supports it."""
    results = told.results
    said = results.get("verdict") or {}
    camps = said.get("camps") or []
    own = sentences(names.sentence(said.get("words", ""), camps))
    lines = [names.sentence(s, camps) for s in (results.get("in_words") or [])] or [*own, *_in_words(results)]
    sign, word = STATES.get(str(said.get("status")), ("", ""))
    by = BY.get(str(said.get("by")), "") if said.get("status") == "resolved" else ""
    pill = f"{word} {by}".strip()
    return {
        "status": str(said.get("status")) if sign else "",
        "sign": sign,
        "pill": pill,
        "headline": _without(pill, lines[0]) if lines else "",
        "rest": lines[1:],
        "more": " ".join(own) if results.get("in_words") and " ".join(own) not in " ".join(lines) else "",
        "warnings": [_warning(w, names, camps) for w in (results.get("warnings") or []) if w != said.get("words")],
    }


def _without(pill: str, sentence: str) -> str:
    """A sentence without a beginning that stands above it already."""
    head, colon, tail = sentence.partition(": ")
    return begun(tail if colon and head == pill else sentence)


def _in_words(results: Mapping[str, Any]) -> list[str]:
    """What a training run found, as sentences."""
    found = []
    if known(results.get("posterior_accuracy")):
        vote = results.get("majority_accuracy")
        beside = f"; a majority vote would be right on {share(vote)}" if known(vote) else ""
        right = share(results["posterior_accuracy"])
        found.append(f"Checked against gold, the cleaned labels are right on {right} of the items{beside}.")
    if known(results.get("model_accuracy")):
        before = results.get("zero_shot_accuracy")
        beside = f", the untrained one on {share(before)}" if known(before) else ""
        found.append(f"The trained model alone is right on {share(results['model_accuracy'])}{beside}.")
    test = results.get("test") or {}
    if known(test.get("accuracy")):
        size = several(round(test["items"]), "held-out item") if known(test.get("items")) else "held-out items"
        found.append(f"On {size} the trained model is right on {share(test['accuracy'])}.")
    return found


def _warning(warning: Any, names: Names, camps: Sequence[list[str]]) -> dict[str, Any]:
    if not isinstance(warning, Mapping):
        return {"what": begun(names.sentence(warning, camps)), "items": [], "people": [], "more": 0}
    items, people = warning.get("items") or [], warning.get("annotators") or []
    counted = [several(len(items), "item")] * bool(items) + [several(len(people), "annotator")] * bool(people)
    return {
        "what": begun(names.sentence(warning.get("what", ""), camps)),
        "items": [visible(i, ID) for i in items[:LISTED]],
        "people": [names[str(a)] for a in people[:LISTED]],
        "more": max(len(items) - LISTED, 0) + max(len(people) - LISTED, 0),
        "counted": ", ".join(counted),
    }


def figures(told: Told) -> list[tuple[str, str]]:
    """The few numbers everybody asks for: (name, value)."""
    results = told.results
    sizes = {"Items": "items", "Labels": "labels", "Annotators": "annotators", "Labels, nobody named": "unnamed_labels"}
    found = [(name, count(results[key])) for name, key in sizes.items() if known(results.get(key)) and results[key]]
    labels = sum(results[key] for key in ("labels", "unnamed_labels") if known(results.get(key)))
    if known(results.get("items")) and results["items"] and labels:
        found.append(("Labels per item", f"{labels / results['items']:.1f}"))
    if known(results.get("reliability")):
        found.append(("Mean reliability", share(results["reliability"])))
    tasks = [task for task in (results.get("tasks") or []) if task.get("agreement")]
    if len(tasks) == 1:
        first = tasks[0]["agreement"][0]
        found.append((visible(first.get("measure") or first.get("key"), CHOICE), decimal(first.get("value"))))
    if known(results.get("posterior_accuracy")):
        found.append(("Right against gold", share(results["posterior_accuracy"])))
    if known((results.get("test") or {}).get("accuracy")):
        found.append(("Right on test items", share(results["test"]["accuracy"])))
    return found


def curves(told: Told) -> list[dict[str, Any]]:
    """A chart for each number logged at two steps or more."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for record in told.log:
        for key, value in record.items():
            if known(value) and known(record.get("step")) and key not in NO_CURVE and not key.startswith("train_"):
                lines.setdefault(key, []).append((record["step"], value))
    order = [*CURVE_NAMES, *sorted(lines.keys() - CURVE_NAMES.keys())]
    charts = []
    for key in [k for k in order if len({step for step, _ in lines.get(k, [])}) > 1][:CURVES]:
        points = sorted(dict(lines[key]).items())
        name = CURVE_NAMES.get(key) or visible(key.replace("_", " ").capitalize(), CHOICE)
        of_one = key.endswith(("accuracy", "reliability", "expertise"))
        last = share(points[-1][1]) if of_one else decimal(points[-1][1])
        charts.append({"name": name, "last": last, "svg": curve(points, name, of_one=of_one)})
    return charts


def made(told: Told, names: Names) -> dict[str, Any]:
    """How the labels were made: what was asked, why so, what it was compared with."""
    results, config = told.results, told.config
    facts = {
        "Method": results.get("method"),
        "Aggregator": results.get("aggregator"),
        "Model": results.get("model"),
        "Learning rate": _positional(results.get("learning_rate")),
        "Annotators modelled as": results.get("annotator_model"),
        "Temperature": _calibrated(told),
        "Took": seconds(results["seconds"]) if known(results.get("seconds")) else None,
    }
    return {
        "facts": [(name, names.setting(value)) for name, value in facts.items() if value not in (None, "")],
        "why": begun(names.sentence(results.get("why", ""))),
        "compared": _compared(results.get("compared") or []),
        "command": command(told, names),
        "settings": [(name, names.setting(value)) for name, value in _flat(config)],
    }


def _calibrated(told: Told) -> str:
    """The temperature `crowdtune calibrate` kept with the model, "" where it changes nothing."""
    fitted = told.reading.get("temperature")
    if not known(fitted) or fitted == 1:
        return ""
    return f"{decimal(fitted)}, fitted by crowdtune calibrate: predictions are at it, what this page says is at 1"


def _positional(value: Any) -> str:
    """A small number without an exponent, to three digits."""
    return np.format_float_positional(value, precision=3, fractional=False, trim="-") if known(value) else ""


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Aggregators by how well they foretold labels left out, the best first."""
    known_rows = sorted((row for row in rows if known(row.get("nats"))), key=lambda row: row["nats"])
    ends = [row["nats"] + sign * 2 * (row.get("standard_error") or 0) for row in known_rows for sign in (-1, 1)]
    return [
        {
            "name": visible(row.get("aggregator"), CHOICE),
            "nats": f"{row['nats']:.3f}",
            "error": f"± {row['standard_error']:.3f}" if known(row.get("standard_error")) else "",
            "svg": distance(row["nats"], row.get("standard_error"), min(ends), max(ends)),
        }
        for row in known_rows
    ]


def _flat(config: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Every setting with its path, in the order written."""
    found: list[tuple[str, Any]] = []
    for key, value in config.items():
        found += (
            _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else [(visible(f"{above}{key}", ID), value)]
        )
    return found


def command(told: Told, names: Names) -> str:
    """The command that repeats the run, "" where its source is not known."""
    config = told.config
    flags = _flags(config)
    source = flags.pop("source", config.get("source"))
    if not source:
        return ""
    verb = "audit" if told.results.get("method") == "audit" else "train"
    words = ["crowdtune", verb, names.setting(str(source))]
    if verb == "train":
        words += ["--method", str(config.get("method", told.results["method"]))]
    elif config.get("seed"):
        words += ["--seed", str(config["seed"])]
    for key, value in flags.items():
        for one in _each(key, value) if (key, value) != ("repeats", "last") else []:
            words += [f"--{key.replace('_', '-')}", names.setting(one)]
    for part in ("options", "training"):
        given = config.get(part)
        for key, value in given.items() if isinstance(given, Mapping) else ():
            if value is not None and value != "":
                words += ["--set", f"{key}={_plain(names.setting(value))}"]
    return shlex.join([*words, "-o", "again"])


def _flags(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the data were read: flags are kept as text, and what is counted, as numbers, is none."""
    data = config.get("data") or {}
    return {key: value for key, value in (data.get("flags") or data).items() if not isinstance(value, int)}


def _each(key: str, value: Any) -> list[Any]:
    """Values of a flag; of one that may be repeated all, which older runs wrote down as a list's text."""
    if isinstance(value, str) and value.startswith("["):
        with contextlib.suppress(ValueError, SyntaxError):
            value = ast.literal_eval(value)
    if isinstance(value, list):
        return value
    if key in REPEATED and isinstance(value, str):
        return shlex.split(value)
    return [] if value in ("", None, False) or isinstance(value, Mapping) else [value]


def _plain(text: str) -> str:
    return text.lower() if text in ("True", "False") else text


def source_of(told: Told) -> str:
    """Name of the file the labels came from, "" where it is not known."""
    source = (told.config.get("data") or {}).get("source") or told.config.get("source")
    return visible(PurePath(str(source)).name, ID) if source else ""
