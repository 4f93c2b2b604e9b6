"""What a grid of given labels came to, as files for people: results.json, results.md and charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.plot import Line, line_chart
from crowdtune.bench.report import markdown_table, percent, points, write_all
from crowdtune.bench.robustft_presets import OURS
from crowdtune.bench.robustft_table import summary

Row = Mapping[str, Any]
Places = Mapping[str, Sequence[Row]]  # conditions of each place, by noise


def write_report(folder: Path, preset: str, found: Mapping[Cell, Outcome]) -> dict[str, Any]:
    """Write results.json, results.md and charts; what results.json holds."""
    results = {"preset": preset} | summary(found)
    charts = _charts(_places(results))
    write_all(folder, results, charts, markdown(results, list(charts)))
    return results


def markdown(results: Mapping[str, Any], charts: Sequence[str] = ()) -> str:
    """The tables of a grid, those of each place together."""
    lines = [f"# crowdtune bench robustft --preset {results['preset']}", ""]
    lines += ["In percent; columns are the share of wrong labels; ± is the standard error over splits."]
    for place, rows in _places(results).items():
        splits = max(variant["splits"] for row in rows for variant in row["variants"].values())
        lines += ["", f"## {place}", "", f"{splits} splits, about {rows[0]['held_out']:.0f} items held out in each."]
        names = list(dict.fromkeys(name for row in rows for name in row["variants"]))
        for title, told in SHOWN.items():
            lines += ["", f"### {title}", "", *_by_noise(rows, _plain(names), told)]
        lines += _differences(rows) + _experts(rows)
        if changed := [name for name in names if name not in _plain(names)]:
            lines += ["", f"### {OURS} otherwise: accuracy, macro-F1", "", *_by_noise(rows, [OURS, *changed], _both)]
    lines += ["", *(f"![{name}](charts/{name})" for name in charts)] if charts else []
    return "\n".join(lines) + "\n"


def _places(results: Mapping[str, Any]) -> Places:
    places: dict[str, list[Row]] = {}
    for row in results["conditions"]:
        places.setdefault(row["place"], []).append(row)
    return {place: sorted(rows, key=lambda row: row["noise"]) for place, rows in places.items()}


def _plain(names: Iterable[str]) -> list[str]:
    """Methods with their own options."""
    return [name for name in names if "=" not in name]


def _by_noise(rows: Sequence[Row], names: Sequence[str], told: Callable[[Row], str]) -> list[str]:
    """A row per variant, a column per level of noise."""
    body = [
        [name, *(told(row["variants"][name]) if name in row["variants"] else "-" for row in rows)] for name in names
    ]
    return markdown_table(["method", *(f"{row['noise']:.0%}" for row in rows)], body)


def _differences(rows: Sequence[Row]) -> list[str]:
    """Ours less each other, with intervals."""
    body = [
        [f"{row['noise']:.0%}", d["second"], _interval(d["accuracy"]), _interval(d["macro_f1"])]
        for row in rows
        for d in row["differences"]
        if d["second"] in _plain(row["variants"])
    ]
    head = ["noise", f"{OURS} less", "accuracy", "macro-F1"]
    title = "Paired differences, in points, with 95 % intervals over splits and items"
    return ["", f"### {title}", "", *markdown_table(head, body)] if body else []


def _experts(rows: Sequence[Row]) -> list[str]:
    """How reliable ours finds each expert; where ours was not run, nothing."""
    body = [
        [f"{row['noise']:.0%}", e["expert"], _known(e["reliability"]), _known(e["accuracy"])]
        for row in rows
        if OURS in row["variants"]
        for e in row["variants"][OURS]["experts"]
    ]
    head = ["noise", "expert", "found reliable", "right"]
    return ["", f"### Experts of {OURS}", "", *markdown_table(head, body)] if body else []


def _charts(places: Places) -> dict[str, str]:
    """Accuracy against the share of wrong labels, where there are several shares."""
    charts = {}
    for number, (place, rows) in enumerate(places.items(), start=1):
        if len(rows) < 2:
            continue
        lines = []
        for name in _plain(dict.fromkeys(n for row in rows for n in row["variants"])):
            own = [row for row in rows if name in row["variants"]]
            told = [(100 * row["noise"], row["variants"][name]["accuracy"]) for row in own]
            lines.append(Line(name, [(x, a["mean"]) for x, a in told], [a["error"] or 0.0 for _, a in told]))
        charts[f"noise-{number}.svg"] = line_chart(place, "wrong labels, in percent", "held-out items right", lines)
    return charts


def _known(share: float | None) -> str:
    return "-" if share is None else percent(share)


def _spread(value: Mapping[str, Any]) -> str:
    error = "" if value["error"] is None else f" ± {100 * value['error']:.1f}"
    return percent(value["mean"]) + error


def _interval(value: Mapping[str, Any]) -> str:
    return f"{points(value['difference'])} ({points(value['low'])} to {points(value['high'])})"


def _both(variant: Row) -> str:
    return f"{percent(variant['accuracy']['mean'])}, {percent(variant['macro_f1']['mean'])}"


SHOWN: dict[str, Callable[[Row], str]] = {
    "Accuracy": lambda variant: _spread(variant["accuracy"]),
    "Macro-F1": lambda variant: _spread(variant["macro_f1"]),
    "Noise found: precision / recall": lambda v: f"{_known(v['noise_precision'])} / {_known(v['noise_recall'])}",
}
