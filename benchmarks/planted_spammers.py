"""How far spammers move label distributions, and weighing labels by who answers moves them back.

    python benchmarks/planted_spammers.py
    python benchmarks/planted_spammers.py --chaosnli ../shared/data/crowd/chaosnli_snli.counts.jsonl.gz \
        --md-agreement ../shared/data/crowd/md_agreement.jsonl.gz -o spammers.json

words: the bundled words' ten ratings in three grades, by 40 simulated annotators, or five of each, by 300 whose numbers
of labels differ; ChaosNLI: 100 labels an item by 100 simulated annotators, or ten by 30; md_agreement: five labels an
item by its own 682, and with these shuffled within each item, so that all are alike before.

Then 30 % of the annotators answer otherwise, and the clean target is the distribution of the other labels of the same
items: spam, any choice alike; lazy, always the commonest; half, every second label a guess (here clean is what they
would have said). camp: 20 % who on two items in five say another choice in concert, as honest as the rest, so that
clean is everything. none: nobody.

Total variation distance to clean and normalised ambiguity of: raw shares; shares weighted by the reliability that the
one coin of `joint` finds, relative to those who mainly count; `answering`, what is used.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.aggregate import answering, label_distribution
from crowdtune.aggregate._answering import level
from crowdtune.annotations import Annotations, Bools, Floats, Ints, Items
from crowdtune.em.given import flat, given
from crowdtune.em.prior import above_chance, solve_coin
from crowdtune.metrics.distances import ambiguity, total_variation
from crowdtune.read import read
from crowdtune.write.tables import write_json

SHARE = {"spam": 0.3, "lazy": 0.3, "half": 0.3, "camp": 0.2, "none": 0.0}
CONTESTED = 0.4  # of the items a camp sees otherwise
ITEMS = 3000  # most of a data set
UNEVEN = 1.2  # standard deviation of the logarithm of how many labels annotators give


@dataclass(frozen=True, eq=False)
class Planted:
    """A crowd with people in it of whom is known what they do.

    Args:
        annotations: N labels.
        clean: (I, K) what it would be without them.
        judged: (I,) items of which that is known.
        planted: (J,) who they are.
    """

    annotations: Annotations
    clean: Floats
    judged: Bools
    planted: Bools


def main() -> None:
    """Print a row per data set and behaviour, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chaosnli", type=Path)
    parser.add_argument("--md-agreement", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    rows = []
    print("                               total variation to clean     normalised ambiguity                  weight")
    print(
        "data               behaviour   raw    coin   answering      clean   raw    coin   answering   others planted"
    )
    for name, honest in crowds(asked.chaosnli, asked.md_agreement, np.random.default_rng(asked.seed)):
        for kind in SHARE:
            made = plant(honest, kind, np.random.default_rng([asked.seed, 1]))
            row = {"data": name, "behaviour": kind} | measure(made)
            rows.append(row)
            far, amb = row["distance"], row["ambiguity"]
            print(
                f"{name:18} {kind:10} {far['raw']:6.3f} {far['coin']:6.3f} {far['answering']:6.3f}        "
                f"{amb['clean']:6.3f} {amb['raw']:6.3f} {amb['coin']:6.3f} {amb['answering']:6.3f}      "
                f"{row['weight']:6.2f} {row['weight_planted']:6.2f}   {row['seconds']:.2f} s"
            )
    if asked.out:
        write_json(asked.out, {"seed": asked.seed, "rows": rows})


def crowds(chaos: Path | None, agreement: Path | None, rng: np.random.Generator) -> Iterator[tuple[str, Annotations]]:
    """Honest crowds; of the two last where their files are."""
    words = rated()[rng.permutation(len(rated()))[:ITEMS]]
    grades = ("negative", "neutral", "positive")
    yield "words, 10", named(words, grades, np.ones(40), rng)
    yield "words, 5 uneven", named(words[:, :5], grades, np.exp(rng.normal(0, UNEVEN, 300)), rng)
    for path in (chaos, agreement):
        if path is not None and not path.exists():
            raise SystemExit(f"{path} is missing: leave the flag out, or say where the file is.")
    if chaos is not None:
        with gzip.open(chaos, "rt") as lines:
            labels = np.array([np.repeat(np.arange(3), json.loads(line)["counts"]) for line in lines])
        choices = ("entailment", "neutral", "contradiction")
        yield "chaosnli, 100", named(labels, choices, np.ones(100), rng)
        yield "chaosnli, 10", named(rng.permuted(labels, axis=1)[:, :10], choices, np.ones(30), rng)
    if agreement is not None:
        people = read(agreement)[0]
        yield "md_agreement, 5", people
        yield "the same, shuffled", shuffled(people, rng)


def shuffled(people: Annotations, rng: np.random.Generator) -> Annotations:
    """The labels of every item given to its annotators at random, so that no annotator differs from others."""
    label, drawn = people.label.copy(), rng.random(len(people))
    label[np.argsort(people.item, kind="stable")] = people.label[np.lexsort((drawn, people.item))]
    return replace(people, label=label)


def rated() -> Ints:
    """(I, 10) ratings of the bundled words as grades: 0 up to -2, 2 from 2, else 1."""
    spec = importlib.util.find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the bundled words are not installed. Run: pip install vaderSentiment")
    text = (Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt").read_text(encoding="utf-8")
    entries = [line.split("\t") for line in text.splitlines() if line]
    ratings = np.array([json.loads(entry[3]) for entry in entries if entry[0].isalpha()])
    return np.asarray(np.where(ratings <= -2, 0, np.where(ratings >= 2, 2, 1)), dtype=np.int64)


def named(labels: Ints, choices: tuple[str, ...], often: Floats, rng: np.random.Generator) -> Annotations:
    """(I, A) labels of nobody, shuffled among (J,) annotators who label so `often` in relation to each other."""
    n, width = labels.shape
    drawn = np.log(often) + rng.gumbel(size=(n, len(often)))
    who: Ints = np.argsort(-drawn, axis=1)[:, :width].astype(np.int64)
    names, none = [f"i{i}" for i in range(n)], np.zeros(n, dtype=np.int64)
    items = Items(names, names, [choices], none, ["t"], none, none - 1, [""] * n)
    label = rng.permuted(labels, axis=1).ravel().astype(np.int64)
    return Annotations(items, [f"a{j}" for j in range(len(often))], np.repeat(np.arange(n), width), who.ravel(), label)


def plant(honest: Annotations, kind: str, rng: np.random.Generator) -> Planted:
    """Let some annotators, of about the right share of the labels, answer otherwise."""
    order = rng.permutation(len(honest.annotators))
    before = np.cumsum(honest.labels_per_annotator[order]) - honest.labels_per_annotator[order]
    planted = np.zeros(len(order), dtype=bool)
    planted[order[before < SHARE[kind] * len(honest)]] = True
    theirs, label, k = planted[honest.annotator], honest.label.copy(), honest.items.n_choices[honest.item]
    if kind in ("spam", "half"):
        guessed = theirs & (rng.random(len(label)) < (1.0 if kind == "spam" else 0.5))
        label[guessed] = (rng.random(len(label)) * k)[guessed].astype(np.int64)
    elif kind == "lazy":
        label[theirs] = int(np.bincount(honest.label).argmax())
    elif kind == "camp":
        moved = theirs & (rng.random(len(honest.items)) < CONTESTED)[honest.item]
        label[moved] = ((honest.votes.argmax(axis=1)[honest.item] + 1) % k)[moved]
    made, everywhere = replace(honest, label=label), np.ones(len(honest.items), dtype=bool)
    if kind in ("camp", "none", "half"):
        return Planted(made, label_distribution(honest if kind == "half" else made), everywhere, planted)
    rest = made.take_labels(np.flatnonzero(~theirs))
    return Planted(made, label_distribution(rest), rest.labels_per_item > 0, planted)


def measure(made: Planted) -> dict[str, Any]:
    """Distances to clean and ambiguities, means over the items judged, and mean weights over labels."""
    began = time.monotonic()
    told = answering(made.annotations)
    seconds = time.monotonic() - began
    found = {
        "raw": label_distribution(made.annotations),
        "coin": label_distribution(made.annotations, weights=coin(made.annotations)[made.annotations.annotator]),
        "answering": label_distribution(made.annotations, weights=told.weight[made.annotations.annotator]),
    }
    mask, theirs = made.annotations.items.choice_mask, made.planted[made.annotations.annotator]
    own = told.weight[made.annotations.annotator]
    return {
        "distance": {name: float(total_variation(p, made.clean)[made.judged].mean()) for name, p in found.items()},
        "ambiguity": {
            name: float(ambiguity(p, mask)[made.judged].mean()) for name, p in ({"clean": made.clean} | found).items()
        },
        "weight": float(own[~theirs].mean()),
        "weight_planted": float(own[theirs].mean()) if theirs.any() else float("nan"),
        "seconds": seconds,
    }


def coin(annotations: Annotations) -> Floats:
    """(J,) how far beyond chance a label is the one truth of its item, relative to those who mainly count."""
    seen = given(annotations)
    start = label_distribution(annotations)
    found = solve_coin(flat(annotations), seen, start=start, sharpness=1.0, lowest=above_chance(seen))
    chance = float((1 / seen.n_choices).mean())
    beyond = np.clip((found.annotators.reliability - chance) / (1 - chance), 0, 1)
    top = level(beyond, annotations.labels_per_annotator.astype(np.float64))
    return np.clip(beyond / top, 0, 1) if top > 0 else np.ones(len(beyond))


if __name__ == "__main__":
    main()
