"""Do intervals hold what they say, and probabilities? Simulated crowds whose reliabilities come from the stated prior.

Coverage of 95 % intervals of reliability, for annotators of 3, 10 and 100 labels, and the calibration error of
posteriors (15 bins of equal mass, before sampling and after). With a model the truths have a calibrated, moderately
accurate prior; without one they have none. `python benchmarks/coverage.py [-n CROWDS] [-o FILE.json]`
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.em.coin import coin
from crowdtune.em.gibbs import sample
from crowdtune.em.given import Given
from crowdtune.em.prior import MARGIN, crowd_prior, solve_coin
from crowdtune.em.solve import solve
from crowdtune.metrics.accuracy import accuracy, calibration_error_by_mass

LABELS = (3, 10, 100)  # of an annotator
EACH = 20  # annotators with so many labels, in a crowd
PER_ITEM = 3  # labels, on average
KNOWN = 1.2  # how much the model knows: the distance between right and wrong choices, in standard deviations


@dataclass(frozen=True)
class Crowd:
    """What is drawn: labels, what a model says of the items, truths, reliabilities and labels of each annotator."""

    given: Given
    log_p: Floats
    truth: Ints
    reliability: Floats
    labels: Ints


@dataclass(frozen=True)
class Found:
    """Of one crowd: which intervals cover, their widths, the posterior after sampling and that of EM."""

    labels: Ints
    covered: Bools
    width: Floats
    posterior: Floats
    before: Floats
    truth: Ints


def draw(k: int, prior: tuple[float, float], model: bool, rng: np.random.Generator) -> Crowd:
    """60 annotators of K choices whose reliabilities come from Beta(*prior)."""
    labels = np.repeat(LABELS, EACH)
    n = int(labels.sum() / PER_ITEM)
    truth, reliability = rng.integers(k, size=n), rng.beta(*prior, size=len(labels))
    who = np.repeat(np.arange(len(labels)), labels)
    item = np.concatenate([rng.choice(n, size, replace=False) for size in labels])
    wrong = (truth[item] + rng.integers(1, k, size=len(item))) % k
    label = np.where(rng.random(len(item)) < reliability[who], truth[item], wrong)
    seen = rng.normal(size=(n, k)) + KNOWN * np.eye(k)[truth]
    log_p = log_softmax(KNOWN * seen, axis=1) if model else np.full((n, k), -np.log(k))
    return Crowd(Given(item, who, label, np.full(len(item), k), n, len(labels), k), log_p, truth, reliability, labels)


def measure(k: int, stated: tuple[float, float] | None, model: bool, rng: np.random.Generator) -> Found:
    """Draw a crowd, solve and sample it; without a `stated` prior it is drawn from those held possible, and learned."""
    lowest = 0.0 if model else 1 / k + MARGIN * (1 - 1 / k)
    possible = crowd_prior(lowest)
    place = int(rng.integers(len(possible.alpha)))
    crowd = draw(k, stated or (float(possible.alpha[place]), float(possible.beta[place])), model, rng)
    given, sharpness = crowd.given, None if model else 1.0
    votes = np.bincount(given.item * k + given.label, minlength=given.n_items * k).reshape(-1, k) + 1e-9
    start = None if model else votes / votes.sum(axis=1, keepdims=True)
    if stated is None:
        end = solve_coin(crowd.log_p, given, start=start, lowest=lowest, sharpness=sharpness)
        found = sample(crowd.log_p, given, end.annotators, end.sharpness, rng, learned=possible)
    else:
        prior = coin(given, *stated)
        end = solve(crowd.log_p, given, prior, start=start, sharpness=sharpness)
        found = sample(crowd.log_p, given, end.annotators, end.sharpness, rng, prior=prior)
    low, high = found.interval()
    covered = (low <= crowd.reliability) & (crowd.reliability <= high)
    return Found(crowd.labels, covered, high - low, found.posterior, end.posterior, crowd.truth)


def table(k: int, stated: tuple[float, float] | None, model: bool, crowds: int, seed: int = 0) -> dict[str, object]:
    """A row of the table: coverage and mean width by labels, calibration error and accuracy over all crowds."""
    rng = np.random.default_rng(seed)
    found = [measure(k, stated, model, rng) for _ in range(crowds)]
    labels = np.concatenate([f.labels for f in found])
    covered, width = np.concatenate([f.covered for f in found]), np.concatenate([f.width for f in found])
    truth = np.concatenate([f.truth for f in found])
    after, before = np.concatenate([f.posterior for f in found]), np.concatenate([f.before for f in found])
    return {
        "choices": k,
        "prior": "learned" if stated is None else f"Beta({stated[0]:g}, {stated[1]:g})",
        "model": model,
        "intervals": crowds * EACH,
        "coverage": {str(n): round(float(covered[labels == n].mean()), 4) for n in LABELS},
        "width": {str(n): round(float(width[labels == n].mean()), 3) for n in LABELS},
        "items": len(truth),
        "accuracy": round(accuracy(after, truth), 4),
        "calibration_error": round(calibration_error_by_mass(after, truth), 4),
        "calibration_error_of_em": round(calibration_error_by_mass(before, truth), 4),
    }


def main() -> None:
    """Print a line per setting; write all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", "--crowds", type=int, default=205, help="crowds of each setting; 20 intervals a bucket")
    parser.add_argument("-o", "--out", type=Path, help="JSON file")
    args = parser.parse_args()
    rows = []
    print("K prior         model  coverage at 3, 10, 100 labels (width)             ECE after, before  right")
    for k in (2, 3, 5):
        for stated, model in ((None, True), (None, False), ((2.0, 2.0), True)):
            row = table(k, stated, model, args.crowds)
            rows.append(row)
            cover, width = row["coverage"], row["width"]
            cells = "  ".join(f"{cover[str(n)]:.3f} ({width[str(n)]:.2f})" for n in LABELS)  # type: ignore[index]
            print(
                f"{k} {row['prior']:13} {'yes' if model else 'no':5}  {cells}  "
                f"{row['calibration_error']:.4f}, {row['calibration_error_of_em']:.4f}  {row['accuracy']:.3f}",
                flush=True,
            )
    if args.out:
        args.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
