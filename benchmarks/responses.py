"""Who knew? Real translations, a share of the annotators made to answer other sentences than they were asked.

CrowdWSA2019: 450 Japanese sentences translated by 401 annotators. `python benchmarks/responses.py [FILE] [-o OUT]`; the
file is ../shared/data/open/crowdwsa2019_translation.jsonl.gz by default. No language model is asked: likeness alone
tells. Embedding takes a minute or two on two cores, `--cache FILE.npz` keeps it. chrF needs sacrebleu.

error        of expertise, mean: to the share of an annotator's responses left in place, of those with five or more
calibration  error of P(knew), mean over ten bins; told: share of responses told rightly
rho          Spearman of expertise, of medoid's closeness and of RASA's weights with the mean cosine of an annotator's
             responses to the reference
any ...      mean cosine to the reference of a response drawn at random, of the one medoid chooses, of the nearest to
             the mean of all weighed by P(knew), of the best there is
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import chi2, spearmanr
from texts import FILE, crowd, embedded

from crowdtune.aggregate import answers, medoid
from crowdtune.annotations import Annotations, Bools, Floats, Items
from crowdtune.em.alike import alike
from crowdtune.em.responses import solve_responses

CROWDS = ((0.0, 0.0), (0.2, 1.0), (0.5, 0.9), (0.7, 1.0), (1.0, 1.0))  # share of annotators who are off, how often
SEEDS, LEAST = 3, 5  # draws of each; responses of an annotator who is judged


def swapped(given: Annotations, off: Bools, rng: np.random.Generator) -> Annotations:
    """The texts of responses that are `off` replaced by others' to other items."""
    texts = np.array([given.items.text(int(i), int(c)) for i, c in zip(given.item, given.label, strict=True)])
    other = rng.integers(len(given), size=len(given))
    home = given.item[other] == given.item
    other[home] = (other[home] + len(given) // 2) % len(given)
    codes: list[dict[str, int]] = [{} for _ in given.items.ids]
    said = np.where(off, texts[other], texts).tolist()
    label = [codes[i].setdefault(text, len(codes[i])) for i, text in zip(given.item.tolist(), said, strict=True)]
    n = len(codes)
    none = np.zeros(n, dtype=np.int64)
    sets = [tuple(code) for code in codes]
    items = Items(given.items.ids, [""] * n, sets, np.arange(n), ["t"], none, none - 1, [""] * n, ("text",))
    return Annotations(items, given.annotators, given.item, given.annotator, np.array(label, dtype=np.int64))


def rasa(given: Annotations, said: Floats, rounds: int = 20) -> Floats:
    """(J,) weights by RASA's equations; crowd-kit 1.4.2, which has them too, stops with an error under pandas 3."""
    j, n = len(given.annotators), len(given.items)
    reach = chi2.isf(0.025, np.maximum(given.labels_per_annotator, 1))
    weight = np.ones(j)
    for _ in range(rounds):
        w = weight[given.annotator]
        mean = np.zeros((n, said.shape[1]))
        np.add.at(mean, given.item, w[:, None] * said)
        mean /= np.maximum(np.bincount(given.item, w, n), 1e-12)[:, None]
        far = np.bincount(given.annotator, ((said - mean[given.item]) ** 2).sum(axis=1), j)
        weight = reach / np.maximum(far, 1e-5)
    return np.asarray(weight)


def chosen(given: Annotations, score: Floats) -> Any:
    """(I,) the response of each item with the highest score."""
    order = np.lexsort((-score, given.item))
    return order[np.unique(given.item[order], return_index=True)[1]]


def calibration(knew: Floats, right: Bools) -> float:
    """Mean gap between P(knew) and how often it is so, over ten bins, by how many responses they hold."""
    place = np.minimum((knew * 10).astype(int), 9)
    return float(np.abs(np.bincount(place, knew - right, 10)).sum() / len(knew))


def chrf(given: Annotations, rows: Any, references: list[str]) -> float | None:
    """Of responses to the references, 0 to 1; None without sacrebleu."""
    if importlib.util.find_spec("sacrebleu") is None:
        return None
    from sacrebleu.metrics import CHRF

    said = [str(given.items.text(int(given.item[n]), int(given.label[n]))) for n in rows]
    return float(CHRF().corpus_score(said, [[references[i] for i in given.item[rows]]]).score) / 100


def measure(
    given: Annotations, off: Bools, table: dict[str, Floats], truth: Floats, references: list[str]
) -> dict[str, Any]:
    """One crowd."""
    texts = answers(given.items)
    said = np.array(
        [table[str(given.items.text(int(i), int(c)))] for i, c in zip(given.item, given.label, strict=True)]
    )
    near, count = (said * truth[given.item]).sum(axis=1), given.labels_per_annotator
    mean = {
        "left": np.bincount(given.annotator, ~off, len(count)) / np.maximum(count, 1),
        "quality": np.bincount(given.annotator, near, len(count)) / np.maximum(count, 1),
    }
    begin = perf_counter()
    pairs = alike(given.item, given.annotator, said, given.label, np.random.default_rng(0))
    found = solve_responses(given.annotator, len(count), pairs=pairs)
    seconds = perf_counter() - begin
    others = medoid(given, np.array([table[text] for text in texts]))
    centre = np.zeros_like(truth)
    np.add.at(centre, given.item, found.knew[:, None] * said)
    best = {
        "medoid": chosen(given, others.posterior[given.item, given.label]),
        "knew": chosen(given, (said * centre[given.item]).sum(axis=1)),
        "best": chosen(given, near),
    }
    judged = count >= LEAST
    closeness = np.array([np.nan if c is None else c for c in others.columns["closeness"]], dtype=float)
    ranks = {"expertise": found.expertise, "closeness": closeness, "rasa": rasa(given, said)}
    row: dict[str, Any] = {
        "error": float(np.abs(found.expertise - mean["left"])[judged].mean()),
        "calibration": calibration(found.knew, ~off),
        "told": float(((found.knew > 0.5) == ~off).mean()),
        "seconds": seconds,
        "any": float(near.mean()),
    }
    row |= {
        f"rho_{k}": float(spearmanr(v[judged], mean["quality"][judged], nan_policy="omit").statistic)
        for k, v in ranks.items()
    }
    row |= {name: float(near[rows].mean()) for name, rows in best.items()}
    row |= {f"chrf_{name}": chrf(given, rows, references) for name, rows in best.items()}
    return row


def main() -> None:
    """Print a table, write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    if not flags.file.exists():
        print(f"{flags.file} is not there")
        return
    whole, references = crowd(flags.file)
    texts = answers(whole.items)
    said = embedded(texts + references, flags.cache)
    table, truth = dict(zip(texts, said, strict=False)), said[len(texts) :]
    rows = []
    for labels in (14, 5, 3):
        for share, often in CROWDS:
            drawn = []
            for seed in range(SEEDS):
                rng = np.random.default_rng(seed)
                given = whole if labels == 14 else whole.thin(labels, rng)
                bad = rng.random(len(given.annotators)) < share
                off = rng.random(len(given)) < np.where(bad, often, 0.0)[given.annotator]
                drawn.append(measure(swapped(given, off, rng), off, table, truth, references))
            mean = {
                k: None if drawn[0][k] is None else round(float(np.mean([d[k] for d in drawn])), 4) for k in drawn[0]
            }
            rows.append({"labels": labels, "off": share, "often": often} | mean)
            print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
            if flags.out:
                flags.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
