"""A page of the test items people disagree on most: their distribution beside what each of some methods predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from crowdtune.bench.data import Paths
from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.people import load_people
from crowdtune.bench.plot import COLOURS
from crowdtune.bench.shala_presets import OURS
from crowdtune.metrics.accuracy import entropy
from crowdtune.metrics.distances import js_distance

MOST, CHOICES, LETTERS = 12, 6, 600  # items of a data set, choices of an item that are drawn, letters of a text
READ = {"majority": "early-scaled", "soft": "people", OURS: "people"}  # methods that are drawn, and how they are read

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
article { border-top: 1px solid #ddd; padding: 1rem 0; } pre { white-space: pre-wrap; font: inherit; margin: 0; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; } td, th { padding: 1px 8px; text-align: left; }
td.name { text-align: right; } small { font-weight: 400; }
td span { display: inline-block; height: .8rem; margin-right: 6px; }
"""


@dataclass(frozen=True, eq=False)
class Contested:
    """An item.

    Args:
        place: model and data.
        prompt: its text.
        choices: those that are drawn.
        labels: how many it has; 0 where the data give shares alone.
        shares: who -> share of each choice; people first.
        distances: method -> js_distance, base 2.
    """

    place: str
    prompt: str
    choices: Sequence[str]
    labels: int
    shares: Mapping[str, Sequence[float]]
    distances: Mapping[str, float]


def shown(found: Mapping[Cell, Outcome], paths: Paths) -> list[Contested]:
    """The most contested test items of the first split of each model and data set, the most ambiguous first."""
    cells: dict[str, list[Cell]] = {}
    for cell in found:
        if cell.method in READ and not cell.options and cell.seed == min(c.seed for c in found):
            cells.setdefault(f"{cell.model.rsplit('/', 1)[-1]} {cell.data}", []).append(cell)
    return [item for place, own in cells.items() for item in _of(place, own, found, paths)]


def _of(place: str, cells: Sequence[Cell], found: Mapping[Cell, Outcome], paths: Paths) -> list[Contested]:
    items = load_people(cells[0], paths).test.items
    details = found[cells[0]].details
    p, counts = np.array(details["p"]), np.array(details["counts"])
    predicted = {c.method: np.array(found[c].details["readings"][READ[c.method]]["q"]) for c in cells}
    distances = {name: js_distance(p, q) for name, q in predicted.items()}
    listed = []
    for i in np.argsort(-np.round(entropy(p), 9), kind="stable")[:MOST].tolist():
        best = np.sort(
            np.argsort(-np.max([p[i], *(q[i] for q in predicted.values())], axis=0), kind="stable")[:CHOICES]
        )
        shares = {"people": p[i, best].tolist()} | {name: q[i, best].tolist() for name, q in predicted.items()}
        told = {name: float(far[i]) for name, far in distances.items()}
        names = [details["choices"][k] for k in best.tolist()]
        listed.append(Contested(place, items.prompts[i][:LETTERS], names, int(counts[i].sum()), shares, told))
    return listed


def page(items: Sequence[Contested], preset: str) -> str:
    """One self-contained page of HTML."""
    lines = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8">',
        f"<title>Contested items: {escape(preset)}</title>",
    ]
    lines += [f"<style>{STYLE}</style>", "<h1>The test items people disagree on most</h1>"]
    lines += [f"<p>crowdtune bench shala --preset {escape(preset)}; test items of the first split.</p>"]
    for place in dict.fromkeys(item.place for item in items):
        lines += [f"<h2>{escape(place)}</h2>", *(_article(item) for item in items if item.place == place)]
    return "\n".join([*lines, "</html>"]) + "\n"


def _article(item: Contested) -> str:
    """Its text, and a table with a row for each choice, a column for people and for each method."""
    told = {who: f"js_distance {far:.3f}" for who, far in item.distances.items()}
    told = {"people": f"{item.labels} labels" if item.labels else "shares"} | told
    head = "".join(f"<th>{escape(who)}<br><small>{told[who]}</small></th>" for who in item.shares)
    rows = [f"<tr><th></th>{head}</tr>"]
    for k, name in enumerate(item.choices):
        bars = (_bar(shares[k], COLOURS[place]) for place, shares in enumerate(item.shares.values()))
        rows.append(f'<tr><td class="name">{escape(name)}</td>{"".join(bars)}</tr>')
    return f"<article><pre>{escape(item.prompt)}</pre><table>{''.join(rows)}</table></article>"


def _bar(share: float, colour: str) -> str:
    return f'<td><span style="width: {70 * share:.1f}%; background: {colour}"></span>{share:.0%}</td>'
