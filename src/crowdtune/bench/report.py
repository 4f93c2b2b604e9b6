"""What a grid came to, as files for people: results.json, results.md and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.plot import Line, dot_chart, line_chart
from crowdtune.bench.table import summary
from crowdtune.write.tables import write_bytes, write_json

WIDE = 8  # columns of a table that can still be read
Found = Mapping[Cell, Outcome]


def write_report(folder: Path, preset: str, found: Found) -> dict[str, Any]:
    """Write results.json, results.md and charts; what results.json holds."""
    results = {"preset": preset} | summary(found)
    charts = {f"{name}.svg": chart for name, chart in _charts(found, results).items()}
    write_all(folder, results, charts, markdown(results, list(charts)))
    return results


def write_all(folder: Path, results: dict[str, Any], charts: Mapping[str, str], page: str) -> None:
    """Write a grid's results.json, results.md and, by name, charts; results.json last."""
    for name, chart in charts.items():
        write_bytes(folder / "charts" / name, chart.encode())
    write_bytes(folder / "results.md", page.encode())
    write_json(folder / "results.json", results)


def markdown(results: Mapping[str, Any], charts: Sequence[str] = ()) -> str:
    """The tables of a grid."""
    lines = [
        f"# crowdtune bench realm --preset {results['preset']}",
        "",
        "Held-out items right, in percent: mean ± sd.",
        "",
    ]
    lines += _accuracies(results["conditions"])
    gaps = sorted(results["gap_recovered"].items(), key=lambda pair: -pair[1]["share"])
    if gaps:
        lines += ["", "## Gap between noisy and oracle recovered", ""]
        with_apart = results["gap_recovered_with_apart"]
        rows = [[n, *_gap(gap), *_gap(with_apart[n])] for n, gap in gaps]
        lines += markdown_table(["method", "recovered", "cells", "with those apart", "cells"], rows)
    if results["differences"]:
        lines += ["", "## Paired differences, in points, with 95 % intervals over items", ""]
        lines += markdown_table(
            ["condition", "difference", "points", "interval"],
            [
                [row["condition"], f"{row['first']} - {row['second']}", points(row["difference"]),
                 f"{points(row['low'])} to {points(row['high'])}"]
                for row in results["differences"]
            ],
        )  # fmt: skip
    lines += _listed(results)
    lines += ["", *(f"![{name}](charts/{name})" for name in charts)] if charts else []
    return "\n".join(lines) + "\n"


def _accuracies(conditions: Sequence[Mapping[str, Any]]) -> list[str]:
    """A row per condition and a column per variant, or the other way round where there are too many variants."""
    variants = list(dict.fromkeys(variant for row in conditions for variant in row["variants"]))
    table = [
        ["condition", "zero-shot", *variants],
        *(
            [row["condition"], percent(row["zero_shot"]), *(_cell(row["variants"].get(v)) for v in variants)]
            for row in conditions
        ),
    ]
    if len(variants) > max(WIDE, len(conditions)):
        table = [list(column) for column in zip(*table, strict=True)]
    return markdown_table(table[0], table[1:])


def _listed(results: Mapping[str, Any]) -> list[str]:
    """Crowds apart, and verdicts that were wrong."""
    lines = []
    if results["apart"]:
        lines += ["", "## Apart: not resolved before training, in no gap", ""]
        lines += [
            f"- {row['condition']}, seed {row['seed']}: {row['verdict']}; "
            + ", ".join(f"{name} {percent(value)}" for name, value in row["accuracy"].items())
            for row in results["apart"]
        ]
    if results["wrong_verdicts"]:
        lines += ["", "## Wrong verdicts: resolved, and turned round all the same", ""]
        lines += [
            f"- {row['condition']}, seed {row['seed']}, {row['variant']}: {percent(row['accuracy'])}, "
            f"untrained {percent(row['zero_shot'])}"
            for row in results["wrong_verdicts"]
        ]
    return lines


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _gap(gap: Mapping[str, Any]) -> tuple[str, str]:
    return f"{gap['share']:.1%}", str(gap["cells"])


def percent(share: float) -> str:
    """A share in percent, without the sign."""
    return f"{100 * share:.1f}"


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def _cell(spread: Mapping[str, Any] | None) -> str:
    if spread is None:
        return "-"
    deviation = spread["deviation"]
    return percent(spread["mean"]) + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _charts(found: Found, results: Mapping[str, Any]) -> dict[str, str]:
    """Name -> chart."""
    charts = {}
    if results["gap_recovered"]:
        rows = sorted(results["gap_recovered"].items(), key=lambda pair: -pair[1]["share"])
        title = "Gap between noisy and oracle recovered"
        charts["gap"] = dot_chart(title, "100 % = as good as gold", {name: gap["share"] for name, gap in rows})
    for condition in dict.fromkeys(cell.condition for cell in found):
        inside = {cell: outcome for cell, outcome in found.items() if cell.condition == condition}
        name = "".join(c if c.isalnum() else "-" for c in condition)
        if (rates := _against_rate(condition, inside)) is not None:
            charts[f"rate-{name}"] = rates
        if (curves := _curves(condition, inside)) is not None:
            charts[f"curve-{name}"] = curves
    return charts


def _against_rate(condition: str, inside: Found) -> str | None:
    """Accuracy against the annotators' learning rate; methods without one lie flat. None without several rates."""
    lines: dict[tuple[str, bool], dict[float, list[float]]] = {}
    for cell, outcome in inside.items():
        rate = cell.expertise_learning_rate
        name = replace(cell, expertise_learning_rate=None).variant
        lines.setdefault((name, rate is None), {}).setdefault(rate or 0.0, []).append(outcome.accuracy)
    if max(map(len, lines.values())) < 2:
        return None
    drawn = []
    for (name, flat), by_rate in lines.items():
        means = [(rate, float(np.mean(values))) for rate, values in sorted(by_rate.items())]
        spread = [float(np.std(values)) for _, values in sorted(by_rate.items())]
        drawn.append(Line(f"{name}: {means[0][1]:.1%}" if flat else name, means, spread))
    return line_chart(condition, "expertise learning rate", "held-out items right", drawn, log=True)


def _curves(condition: str, inside: Found) -> str | None:
    """Accuracy while training, mean over seeds; None where no cell has a curve, or rates are what differs."""
    curves: dict[str, list[Sequence[tuple[int, float]]]] = {}
    for cell, outcome in inside.items():
        if outcome.curve and cell.expertise_learning_rate is None:
            curves.setdefault(cell.variant, []).append(outcome.curve)
    if not curves:
        return None
    lines = []
    for variant, several in curves.items():
        points = [(step, float(np.mean([curve[i][1] for curve in several]))) for i, (step, _) in enumerate(several[0])]
        lines.append(Line(f"{variant}: {points[-1][1]:.1%}", points))
    return line_chart(condition, "optimiser step", "held-out items right", lines)
