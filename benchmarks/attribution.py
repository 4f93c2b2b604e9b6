"""Who moved the model: ridge attribution of probes, random orders and others against exact Shapley values.

Every estimator has the same budget of distinct trainings, 5 per annotator by default, and sees measured worths. It is
compared with Shapley values without noise: by all coalitions up to 12 annotators, by 50 random orders and their
reverses above. Games: `crowdtune.rounds.surrogate` with everybody on one topic and on three (saturated, noise of 50
samples drawn), a concave function of a sum, covered topics, and annotators with random effects in pairs; the last three
with a noise of 5 % of the worth of all. `python benchmarks/attribution.py [--players 12 40] [--json FILE]`;
`--designs` compares sizes of probes. Banzhaf and Beta-Shapley values are other values than Shapley's: read their rows
only as ranks.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr, t

from crowdtune.annotations import Bools, Floats
from crowdtune.credit import Credit, Game, banzhaf, beta_shapley, exact, permutations, probes, ridge
from crowdtune.rounds.surrogate import planted

ORDERS = 50  # and their reverses, for what is compared with
NOISE = 0.05  # of the worth of all
DESIGNS: dict[str, tuple[float, ...]] = {  # shares of the annotators in a probe, in turn
    "an eighth": (1 / 8,),
    "a quarter": (1 / 4,),
    "a third": (1 / 3,),
    "a half": (1 / 2,),
    "quarter, half": (1 / 4, 1 / 2),
    "eighth, quarter, half": (1 / 8, 1 / 4, 1 / 2),
    "quarter, three quarters": (1 / 4, 3 / 4),
    "sixth to two thirds": (1 / 6, 1 / 3, 1 / 2, 2 / 3),
}
Quiet = Callable[[Bools], Floats]


def saturating(players: int, rng: np.random.Generator) -> Quiet:
    """A concave function of a sum of qualities, some below 0."""
    quality = rng.normal(0.5, 0.5, players)
    return lambda member: 1 - np.exp(-3 * (member @ quality) / np.abs(quality).sum())


def coverage(players: int, rng: np.random.Generator) -> Quiet:
    """Sixty topics, each known the better the more contribute to it."""
    known = rng.random((players, 60)) < 6 * rng.beta(1, 4, players)[:, None] / np.sqrt(players)
    return lambda member: 1 - np.exp(-0.7 * (member.astype(float) @ known)).mean(axis=1)


def pairs(players: int, rng: np.random.Generator) -> Quiet:
    """Qualities, and an effect of either sign for any two together."""
    quality = rng.normal(0.5, 0.4, players)
    both = np.triu(rng.normal(size=(players, players)), 1) * 0.6 / np.sqrt(players)
    return lambda member: (member @ quality + ((member @ both) * member).sum(axis=1)) / players


def games(players: int, seed: int) -> dict[str, tuple[Game, Game]]:
    """Name -> what is measured, and what is so."""
    names = tuple(str(j) for j in range(players))
    found = {}
    for name, topics in (("one topic", 1), ("three topics", 3)):
        world = planted(players, np.random.default_rng(seed), topics=topics)
        found[name] = (world.game, world.quiet.game)
    for made in (saturating, coverage, pairs):
        worth = made(players, np.random.default_rng(seed))
        spread = NOISE * abs(float(worth(np.ones((1, players), dtype=np.bool_))[0]))
        found[made.__name__] = (Game(names, _noisy(worth, spread)), Game(names, _column(worth)))
    return found


def _column(worth: Quiet) -> Quiet:
    return lambda member: worth(member)[:, None]


def _noisy(worth: Quiet, spread: float) -> Quiet:
    """The same coalition has the same noise whenever it is asked for, nobody has none."""

    def measured(member: Bools) -> Floats:
        noise = [np.random.default_rng(zlib.crc32(np.packbits(row).tobytes())).normal() for row in member]
        return (worth(member) + spread * np.array(noise) * member.any(axis=1))[:, None]

    return measured


def so(game: Game, rng: np.random.Generator) -> Floats:
    """(J,) Shapley values."""
    if len(game) <= 12:
        return exact(game).values
    return permutations(game, rng, trainings=2 * ORDERS * len(game)).values


def drawn(shares: tuple[float, ...], count: int, players: int, rng: np.random.Generator) -> Bools:
    """(C, J) probes of several sizes, equally many of each."""
    parts = np.array_split(np.arange(count), len(shares))
    sizes = [min(max(round(players * share), 1), players - 1) for share in shares]
    return np.concatenate([probes(len(part), players, rng, size=size) for part, size in zip(parts, sizes, strict=True)])


def estimates(game: Game, rng: np.random.Generator, budget: int, designs: bool) -> dict[str, Credit]:
    """Name -> credit at one budget; the ridge's includes everybody together."""
    players = len(game)
    orders = {"orders": permutations(game, rng, trainings=budget)}
    if designs:
        return orders | {
            f"ridge, {name}": ridge(game, drawn(shares, budget - 1, players, rng)) for name, shares in DESIGNS.items()
        }
    return orders | {
        "orders, cut at 1 %": permutations(game, rng, trainings=budget, truncate=0.01),
        "banzhaf": banzhaf(game, rng, trainings=budget),
        "beta-shapley(4,1)": beta_shapley(game, rng, alpha=4, beta=1, trainings=budget),
        "ridge": ridge(game, probes(budget - 1, players, rng)),
    }


def measured(players: int, seeds: int, budget: int, designs: bool) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Game -> estimator -> what is measured -> a number per seed."""
    found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for seed in range(seeds):
        for name, (game, quiet) in games(players, seed).items():
            rng = np.random.default_rng(seed)
            truth = so(quiet, rng)
            for method, credit in estimates(game, rng, budget, designs).items():
                low, high = credit.interval()
                row = found[name][method]
                row["spearman"].append(float(spearmanr(credit.values, truth).statistic))
                row["error"].append(float(np.sqrt(((credit.values - truth) ** 2).mean()) / truth.std()))
                row["inside"].append(float(((low <= truth) & (truth <= high)).mean()))
                row["trainings"].append(credit.coalitions)
    return found


def summary(values: list[float]) -> tuple[float, float]:
    """Mean over seeds, and half the length of its 95 % interval by Student's t."""
    count = len(values)
    if count < 2:
        return float(np.mean(values)), float("nan")
    return float(np.mean(values)), float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))


def main() -> None:
    """Print a table per number of annotators."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--players", type=int, nargs="+", default=[12, 40])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trainings", type=int, default=5, help="per annotator")
    parser.add_argument("--designs", action="store_true", help="compare sizes of probes")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    kept = []
    for players in args.players:
        budget = args.trainings * players
        print(f"\n{players} annotators, {budget} trainings, {args.seeds} seeds: Spearman (+- 95 %),")
        print("root mean squared error in standard deviations of the values, share inside the 95 % intervals")
        for game, methods in measured(players, args.seeds, budget, args.designs).items():
            for method, row in methods.items():
                (value, reach), (error, _), (inside, _) = (summary(row[k]) for k in ("spearman", "error", "inside"))
                print(f"  {game:13} {method:32} {value:5.2f} +- {reach:4.2f}  {error:5.2f}  {inside:4.0%}", flush=True)
                kept.append({"players": players, "game": game, "method": method, **row})
    if args.json:
        args.json.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
