"""Cleaning by the rules alone, on simulated experts: what share of labels is right, and what is left of hard items.

3 choices (60, 25, 15 %), three items of ten hard. Three experts, a context's answer and a reviewer share much of one
opinion, right on 97 % of easy and 35 % of hard items; the posterior takes all for independent, as far as half a weight
goes. `python benchmarks/decisions.py [--items 4000] [--seeds 3]`
"""

from __future__ import annotations

import argparse

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.denoise.decide import Deciding, Judged, decide
from crowdtune.denoise.decision import Decision, selected, told
from crowdtune.denoise.select import Selecting, entropy

SHARES = np.array([0.6, 0.25, 0.15])
NOISE = (0.01, 0.3, 0.5, 0.7)
PAPER = Selecting(bounded=False, least=0)
WAYS = {
    "ours": (Deciding(), Selecting()),
    "without selection": (Deciding(), Selecting(beta=1)),
    "the paper's cut": (Deciding(), PAPER),
    "checker, paper's cut": (Deciding(way="checker"), PAPER),
    "strict, paper's cut": (Deciding(way="strict"), PAPER),
}


def said(truth: Ints, accuracy: Floats, rng: np.random.Generator) -> Ints:
    """Labels right with a probability each, else one of the others."""
    other = (truth + rng.integers(1, len(SHARES), size=len(truth))) % len(SHARES)
    return np.where(rng.random(len(truth)) < accuracy, truth, other)


def believed(labels: list[Ints], truth: Ints, weights: list[float]) -> Floats:
    """Posterior that takes everybody for independent, and knows how often each is right."""
    k = len(SHARES)
    log_p = np.zeros((len(truth), k))
    for given, weight in zip(labels, weights, strict=True):
        right = float(np.clip((given == truth).mean(), 1 / k + 0.01, 0.995))
        seen = np.full(log_p.shape, np.log((1 - right) / (k - 1)))
        seen[np.arange(len(truth)), given] = np.log(right)
        log_p += weight * seen
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def draw(noise: float, count: int, rng: np.random.Generator) -> tuple[Judged, Ints, Bools, Floats]:
    """What decides, the truth, which items are hard, and how unsure the context's answer is."""
    truth = rng.choice(len(SHARES), size=count, p=SHARES)
    hard = rng.random(count) < 0.3
    given = said(truth, np.full(count, 1 - noise), rng)
    common = said(truth, np.where(hard, 0.35, 0.97), rng)
    own = [said(truth, np.where(hard, 0.4, 0.9), rng) for _ in range(3)]
    experts = np.stack([np.where(rng.random(count) < 0.6, common, e) for e in own])
    context = np.where(rng.random(count) < 0.5, common, said(truth, np.where(hard, 0.5, 0.93), rng))
    review = np.where(rng.random(count) < 0.7, context, experts[1])
    posterior = believed([given, *experts, context], truth, [1, 0.5, 0.5, 0.5, 1])
    votes = np.stack([(np.vstack([experts, context]) == k).mean(axis=0) for k in range(len(SHARES))], axis=1)
    unsure = entropy(0.7 * votes + 0.3 * posterior) + 0.02 * rng.random(count)
    size = np.full(count, len(SHARES))
    return Judged(posterior, given, size, context, review, experts), truth, hard, unsure


def measured(decisions: list[Decision], truth: Ints, hard: Bools) -> list[float]:
    """Probability that training gives the truth, share of items left, of hard items left."""
    left = np.array([d.outcome != "drop" for d in decisions])
    mass = [
        d.posterior[t] if d.outcome == "soft" else float(d.label == t)
        for d, t in zip(decisions, truth.tolist(), strict=True)
        if d.outcome != "drop"
    ]
    return [float(np.mean(mass)), float(left.mean()), float(left[hard].mean())]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print("noise, way: right, items left, hard items left (%)")
    for noise in NOISE:
        for name, (deciding, selecting) in WAYS.items():
            rows = []
            for seed in range(asked.seeds):
                judged, truth, hard, unsure = draw(noise, asked.items, np.random.default_rng(seed))
                made = told(decide(judged, deciding), {}, unsure, ["entropy of choices"] * asked.items)
                made, _ = selected(made, np.zeros(asked.items, dtype=np.int64), selecting)
                rows.append(measured(made, truth, hard))
            right, left, spared = 100 * np.mean(rows, axis=0)
            print(f"{noise:.0%} {name}: {right:.1f}, {left:.0f}, {spared:.0f}")


if __name__ == "__main__":
    main()
