"""What a grid of label distributions came to, as files for people: results.json, results.md, charts, contested.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdtune.bench.contested import page, shown
from crowdtune.bench.data import Paths
from crowdtune.bench.plot import whisker_chart
from crowdtune.bench.report import Found, markdown_table, write_all
from crowdtune.bench.shala_presets import OURS
from crowdtune.bench.shala_table import BY_TERCILE, CHOSEN, summary
from crowdtune.write.tables import write_bytes

Row = Mapping[str, Any]
TERCILES = ("low", "middle", "high")
MEASURES = {  # column -> measure
    "KL": "kl",
    "TVD": "total_variation",
    "entropy r": "pearson",
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "ECE": "ece",
    "Brier": "brier",
}
COMPARED = {
    "js_distance": BY_TERCILE,
    "contested third": f"{BY_TERCILE}:high",
    "KL": "kl",
    "entropy r": "pearson",
    "macro-F1": "macro_f1",
}
NOTE = (
    "js_distance is of base 2, from 0 to 1, lower is better; intervals hold 95 %, over splits and items. Terciles are "
    "by how much people disagree. The floor is what a perfect model would score against so few labels. Readings: last "
    "= at the last step; early = at a step chosen by the majority label of validation items, scaled = with a "
    "temperature fitted to it; people = chosen by what people said of validation items."
)


def write_report(folder: Path, preset: str, found: Found, paths: Paths) -> dict[str, Any]:
    """Write results.json, results.md, charts and contested.html; what results.json holds.

    Args:
        folder: of the grid.
        preset: its name.
        found: outcome of each cell.
        paths: name -> local file of a data set, for the texts of contested items.
    """
    results = {"preset": preset} | summary(found)
    charts = {}
    for number, row in enumerate(results["conditions"], start=1):
        charts[f"js-distance-{number}.svg"] = _chart(row, [BY_TERCILE], ["all items"])
        charts[f"terciles-{number}.svg"] = _chart(row, [f"{BY_TERCILE}:{name}" for name in TERCILES], TERCILES)
    write_bytes(folder / "contested.html", page(shown(found, paths), preset).encode())
    write_all(folder, results, charts, markdown(results, list(charts)))
    return results


def markdown(results: Mapping[str, Any], charts: Sequence[str] = ()) -> str:
    """The tables of a grid, those of each model and data set together."""
    lines = [f"# crowdtune bench shala --preset {results['preset']}", "", NOTE]
    for row in results["conditions"]:
        lines += ["", f"## {row['place']}", "", _about(row), ""]
        lines += markdown_table(
            ["method", "js_distance", *TERCILES, *MEASURES],
            [["floor", *_values(row["floor"])], *([name, *_told(told)] for name, told in row["rows"].items())],
        )
        lines += _differences(row["differences"])
    lines += ["", *(f"![{name}](charts/{name})" for name in charts)] if charts else []
    return "\n".join(lines) + "\n"


def _about(row: Row) -> str:
    return (
        f"{row['seeds']} splits; {row['trained']} items to train on, {row['held_out']} to test on, "
        f"{row['labels']:.1f} labels an item."
    )


def _told(told: Row) -> list[str]:
    """A method's columns: js_distance with its interval, then values."""
    measures = told["measures"]
    values = _values({name: measure["value"] for name, measure in measures.items()})
    return [
        f"{values[0]} ({_number(measures[BY_TERCILE]['low'])} to {_number(measures[BY_TERCILE]['high'])})",
        *values[1:],
    ]


def _values(values: Mapping[str, float | None]) -> list[str]:
    names = [BY_TERCILE, *(f"{BY_TERCILE}:{name}" for name in TERCILES), *MEASURES.values()]
    return [_number(values.get(name)) for name in names]


def _differences(rows: Sequence[Row]) -> list[str]:
    """Ours less each other, a table for each of ours; after the first without ours otherwise."""
    lines: list[str] = []
    for first in dict.fromkeys(row["first"] for row in rows):
        body = [
            [row["second"], *(_signed(row["measures"].get(name)) for name in COMPARED.values()), _share(row)]
            for row in rows
            if row["first"] == first and (not lines or not row["second"].startswith(OURS))
        ]
        lines += ["", f"### {first} less", "", *markdown_table(["", *COMPARED, "js_distance"], body)]
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(told: Mapping[str, float | None] | None) -> str:
    if told is None or told["value"] is None:
        return "-"
    low, high = told["low"], told["high"]
    inside = "" if low is None or high is None else f" ({low:+.4f} to {high:+.4f})"
    return f"{told['value']:+.4f}{inside}"


def _share(row: Row) -> str:
    """The difference as a share of what the other scores, in percent."""
    return f"{100 * row['share']:+.1f} %"


def _chart(row: Row, measures: Sequence[str], names: Sequence[str]) -> str:
    """Rows with a dot for each measure; where there is one, the floor as a line. Of two readings the chosen one."""
    rows = {
        name: [_ends(told["measures"][key]) for key in measures if told["measures"][key]["value"] is not None]
        for name, told in row["rows"].items()
        if not (name.endswith(", last") and name.replace(", last", f", {CHOSEN}") in row["rows"])
    }
    least = row["floor"].get(measures[0]) if len(measures) == 1 else None
    return whisker_chart(row["place"], "js_distance, base 2", rows, names, {} if least is None else {"floor": least})


def _ends(told: Mapping[str, float | None]) -> tuple[float, float, float]:
    """Value, low and high; without an interval the value thrice."""
    value, low, high = (told[name] for name in ("value", "low", "high"))
    assert value is not None
    return value, value if low is None else low, value if high is None else high
