"""Crowd-SFT's experiments one after another, each kept as it ends: results.json, results.md and charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from crowdtune.bench import crowd_attacks, crowd_guards, crowd_pools
from crowdtune.bench.crowd_experiments import fairness, growing, selection
from crowdtune.bench.crowd_real import SETTINGS, Setting, with_rounds
from crowdtune.bench.crowd_worlds import Row, summed
from crowdtune.bench.plot import whisker_chart
from crowdtune.bench.report import markdown_table, write_all
from crowdtune.engines import check_engine
from crowdtune.errors import unknown_name
from crowdtune.rounds.spread import Spreading, spreading
from crowdtune.write.tables import write_json

ENDS = ("_low", "_high")  # of the 95 % interval of the column named before
NOTE = (
    "Distances are to the target, lower is better; `lower` is the share by which the rounds' distance is below. "
    "Brackets hold 95 %: over samples for distances, over contributors for a single game's correlations, over seeds "
    "elsewhere. On a surrogate a model is a vector, the untrained one is at distance 1."
)


FEW = 5  # seeds below which intervals over them mean little


@dataclass(frozen=True)
class Plan:
    """What a preset runs.

    Args:
        real: names of settings with real trainings -> how many seeds.
        strategies: of grouping that the first of them is played by; the others by the first strategy.
        seeds: of surrogates; 0 = none are run.
        sizes: of surrogate pools.
        worlds: kinds of surrogate.
    """

    real: Mapping[str, int]
    strategies: Sequence[str] = ("random",)
    seeds: int = 0
    sizes: Sequence[int] = crowd_pools.SIZES
    worlds: Sequence[str] = tuple(crowd_pools.WORLDS)


PLANS = {
    "tiny": Plan({}, seeds=2, sizes=(8,), worlds=("as planted",)),
    "surrogate": Plan({}, seeds=10),
    "minilm": Plan({"minilm": 3}, ("random", "fixed")),
    "smollm2": Plan({"smollm2": 1}),
    "cpu": Plan({"minilm": 3, "smollm2": 1}, ("random", "fixed"), seeds=10),
}


def run_crowd_sft(
    preset: str, folder: Path, workers: int, say: Callable[[str], None], engine: str = "processes"
) -> dict[str, Any]:
    """Run a preset; experiments that `folder` holds are not run again.

    Args:
        preset: name of `PLANS`.
        folder: keeps trainings, rows and reports.
        workers: processes at a time.
        say: told which experiment comes next.
        engine: "processes" of this machine, or "ray"; see `engines`.

    Returns:
        What results.json holds: title of a table -> rows.
    """
    if preset not in PLANS:
        raise unknown_name("preset", preset, PLANS)
    check_engine(engine, workers)
    plan, over = PLANS[preset], partial(spreading, workers=workers, engine=engine)
    tables: dict[str, list[Row]] = {}
    for place, (name, seeds) in enumerate(plan.real.items()):
        strategies = plan.strategies[: None if place == 0 else 1]
        for title, rows in _real(SETTINGS[name], seeds, strategies, folder, over, say).items():
            tables[title] = tables.get(title, []) + rows
    if plan.seeds:
        for title, make in _surrogate(plan).items():
            tables[title] = _kept(folder, title, make, say)
    if (smoke := few_seeds(plan)) != "":
        say(smoke)
    return _write(folder, preset, tables, smoke)


def few_seeds(plan: Plan) -> str:
    """What is said once of a plan with few seeds, "" where there are enough."""
    least = min([*plan.real.values(), *([plan.seeds] if plan.seeds else [])], default=FEW)
    seeds = f"{least} seed{'s' if least != 1 else ''}"
    return f"{seeds}: a smoke test, its intervals mean little" if least < FEW else ""


def _real(
    setting: Setting, seeds: int, strategies: Sequence[str], folder: Path, over: Spreading, say: Callable[[str], None]
) -> dict[str, list[Row]]:
    """The paper's experiments of one setting."""
    tables: dict[str, list[Row]] = {}
    for seed in range(seeds):
        if setting.writes:
            say(f"{setting.name}, seed {seed}: one model on more and more texts")
            tables.setdefault("one model, more texts", []).extend(growing(setting, seed, folder, over))
        for strategy in strategies:
            say(f"{setting.name}, seed {seed}: rounds, groups {strategy}")
            rows, rounds = selection(with_rounds(setting, strategy=strategy), seed, folder, over)
            tables.setdefault("rounds against one model", []).extend(rows)
            if strategy == strategies[0]:
                say(f"{setting.name}, seed {seed}: {2 ** len(setting.quality)} coalitions")
                told, people = fairness(setting, seed, rounds, folder, over)
                tables.setdefault("credits against exact Shapley values", []).extend(told)
                tables.setdefault(f"contributors of {setting.name}", []).extend(people)
    return tables | (_means(tables) if seeds > 1 else {})


def _means(tables: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The same over seeds, with intervals over them."""
    return {
        "mean over seeds: rounds against one model": _mean(
            tables["rounds against one model"], ("setting", "strategy", "model"), ("steps", "distance", "lower")
        ),
        "mean over seeds: credits": _mean(
            tables["credits against exact Shapley values"], ("setting", "credit"), ("spearman", "with_quality")
        ),
    }


def _mean(rows: Sequence[Row], by: Sequence[str], of: Sequence[str]) -> list[Row]:
    parts: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        parts.setdefault(tuple(row[key] for key in by), []).append(row)
    return [
        dict(zip(by, key, strict=True)) | summed([{name: float(row[name]) for name in of} for row in own])
        for key, own in parts.items()
    ]


def _surrogate(plan: Plan) -> dict[str, Callable[[], list[Row]]]:
    """Title -> what makes its rows."""
    seeds = plan.seeds
    return {
        "surrogate pools": lambda: crowd_pools.credits(seeds, plan.sizes, worlds=plan.worlds),
        "surrogate strategies": lambda: crowd_pools.strategies(seeds, [size for size in plan.sizes if size <= 40]),
        "attack: taking": lambda: crowd_attacks.takers(seeds),
        "attack: several accounts": lambda: crowd_attacks.sybils(seeds),
        "attack: always together": lambda: crowd_attacks.together(seeds),
        "late joiners": lambda: crowd_attacks.late(seeds),
        "attack: gaming the target": lambda: crowd_guards.gaming(seeds),
        "winner's curse": lambda: crowd_guards.curse(seeds),
        "control items": crowd_guards.controls,
    }


def _kept(folder: Path, title: str, make: Callable[[], list[Row]], say: Callable[[str], None]) -> list[Row]:
    """Rows as they were made before, or made now."""
    path = folder / "parts" / f"{title.replace(': ', '-').replace(' ', '-')}.json"
    if path.exists():
        kept: list[Row] = msgspec.json.decode(path.read_bytes())
        return kept
    say(title)
    rows = make()
    write_json(path, rows)
    return rows


def _write(folder: Path, preset: str, tables: Mapping[str, list[Row]], smoke: str = "") -> dict[str, Any]:
    results = {"preset": preset, "tables": tables}
    charts = {}
    if pools := tables.get("surrogate pools"):
        for world in dict.fromkeys(row["world"] for row in pools):
            if len({row["pool"] for row in pools}) > 1:
                charts[f"pools-{world.replace(' ', '-')}.svg"] = crowd_pools.decay_chart(pools, world)
    if taken := tables.get("attack: taking"):
        charts["attacks.svg"] = crowd_attacks.gains_chart(taken)
    if apart := tables.get("rounds against one model"):
        charts["rounds.svg"] = _rounds_chart(apart)
    write_all(folder, results, charts, _markdown(preset, tables, list(charts), smoke))
    return results


def _rounds_chart(rows: Sequence[Row]) -> str:
    told = {
        f"{row['setting']} {row['seed']} {row['strategy']}: {row['model']}": [
            (row["distance"], row["distance_low"], row["distance_high"])
        ]
        for row in rows
    }
    return whisker_chart("Rounds against one model", "distance to the target", told, ["distance"], {})


def _markdown(preset: str, tables: Mapping[str, list[Row]], charts: Sequence[str], smoke: str = "") -> str:
    parts = [f"# Crowd-SFT, preset {preset}", *filter(None, [smoke]), NOTE]
    for title, rows in tables.items():
        head, body = table_of(rows)
        parts += [f"## {title[0].upper()}{title[1:]}", "\n".join(markdown_table(head, body))]
    parts += [f"![{name}](charts/{name})" for name in charts]
    return "\n\n".join(parts) + "\n"


def table_of(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, an interval in the cell of what it is of."""
    keys = list(dict.fromkeys(key for row in rows for key in row if not key.endswith(ENDS)))
    return [key.replace("_", " ") for key in keys], [[_cell(row, key) for key in keys] for row in rows]


def _cell(row: Row, key: str) -> str:
    value = row.get(key)
    if value is None or value != value:
        return "-"
    if not isinstance(value, float):
        return str(value)
    low, high = (row.get(key + end) for end in ENDS)
    known = low is not None and high is not None and low == low
    return f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if known else "")
