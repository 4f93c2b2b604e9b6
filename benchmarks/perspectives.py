"""Do perspectives foretell labels held out? Nats per label, without a language model.

`python benchmarks/perspectives.py ../shared/data/crowd/md_agreement.jsonl.gz ...`

A tenth of every annotator's labels is held out. What is known of an item is what is left of its labels, in two ways:
their shares, one label spread as all labels are added (the base "shares"), or the posterior over one truth (the base
"truth": EM's kernels). On each base: everybody's mean, a group's (the half of the annotators that gives the commonest
label oftener, and the other half), the annotator's own. The difference to the shares as they are comes with a 95 %
interval over items. Newcomers: a fifth of the annotators are not fitted at all, but for 0, 5, 10 or 20 of their labels.

`--texts 2400` adds items of which no label was seen, a quarter of so many: the base is a linear classifier on MiniLM
embeddings, fitted to the label distributions of the others, as `crowdtune predict --as` has a run's model for it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.special import softmax

from crowdtune.aggregate import vote_shares
from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.em.given import flat, given
from crowdtune.em.kernel import kernel
from crowdtune.em.perspective import acquainted, answering
from crowdtune.em.prior import above_chance, solve_coin
from crowdtune.em.solve import solve
from crowdtune.read import read

SHARE, TINY = 0.1, 1e-12
KNOWN = (0, 5, 10, 20)  # labels of newcomers
RESAMPLED = 1000


def main() -> None:
    """Print a table per file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=int, default=0, help="items to read with a text model, 0 for none")
    asked = parser.parse_args()
    for path in asked.files:
        if not path.exists():
            print(f"{path} is missing; pass the paths of files with labels and their annotators")
            continue
        annotations, _ = read(path)
        print(f"{path.name}: {len(annotations)} labels, {len(annotations.annotators)} annotators")
        show(*of_everybody(annotations, np.random.default_rng(asked.seed)))
        newcomers(annotations, np.random.default_rng(asked.seed))
        if asked.texts:
            show(*of_new_items(annotations, asked.texts, np.random.default_rng(asked.seed)))


def held_out(annotations: Annotations, rng: np.random.Generator) -> Bools:
    """(N,) every tenth label of each annotator, by chance, of items that keep others."""
    order = np.lexsort((rng.random(len(annotations)), annotations.annotator))
    rank = np.empty(len(annotations), dtype=np.int64)
    rank[order] = np.arange(len(annotations))
    out = (rank + rng.integers(10)) % round(1 / SHARE) == 0
    left = np.bincount(annotations.item[~out], minlength=len(annotations.items))
    return np.asarray(out & (left[annotations.item] > 0))


def shares(votes: Floats, usual: Floats) -> Floats:
    """(., K) shares of votes and one more, spread as all labels are."""
    return (votes + usual) / (votes.sum(axis=1, keepdims=True) + 1)


def of_everybody(annotations: Annotations, rng: np.random.Generator) -> tuple[Annotations, dict[str, Floats]]:
    """The labels held out, and (N,) nats of each under every perspective."""
    out = held_out(annotations, rng)
    met, scored = (annotations.take_labels(np.flatnonzero(rows)) for rows in (~out, out))
    usual = met.votes.sum(axis=0) / len(met)
    p, who = shares(met.votes, usual)[scored.item], scored.annotator
    losses = {"shares: as they are": -np.log(p[np.arange(len(scored)), scored.label])}
    seen = given(met)
    others = met.votes[met.item].astype(np.float64)
    others[np.arange(len(met)), met.label] -= 1  # an annotator's own label is no part of what others say
    fitted = answering(np.log(shares(others, usual)), seen, matrices=True)
    sharp = softmax(fitted.sharpness * np.log(p), axis=1)
    truth, posterior = on_truth(met)
    for base, table, confusion in (
        ("shares", sharp, fitted.annotators.confusion),
        ("truth", posterior[scored.item], truth),
    ):
        groups = {"everybody": np.zeros(len(met.annotators), dtype=np.int64), "group": halves(met)}
        for name, group in groups.items():
            mean = np.stack([confusion[group == g].mean(axis=0) for g in range(group.max() + 1)])
            losses[f"{base}: {name}"] = loss(table, mean[group[who]], scored.label)
        losses[f"{base}: own"] = loss(table, confusion[who], scored.label)
    return scored, losses


def on_truth(met: Annotations) -> tuple[Floats, Floats]:
    """(J, K, K) kernels and (I, K) posterior of EM with one truth per item; how frequent choices are is learned."""
    seen, table = given(met), flat(met)
    found = solve_coin(table, seen, start=vote_shares(met), lowest=above_chance(seen), sharpness=1.0)
    for _ in range(3):
        table = np.tile(np.log(found.posterior[met.labels_per_item > 0].mean(axis=0) + TINY), (len(table), 1))
        found = solve_coin(table, seen, start=found.posterior, lowest=above_chance(seen), sharpness=1.0)
    rich = solve(table, seen, kernel(seen, found.annotators), start=found.posterior, sharpness=1.0)
    return rich.annotators.confusion, rich.posterior


def halves(met: Annotations) -> Ints:
    """(J,) 1 for the half of the annotators who give the commonest label oftener, by what was not held out."""
    common = int(met.votes.sum(axis=0).argmax())
    count = np.bincount(met.annotator, minlength=len(met.annotators))
    said = np.bincount(met.annotator[met.label == common], minlength=len(met.annotators))
    rate = (said + 2 * (met.label == common).mean()) / (count + 2)
    return np.asarray(rate > np.median(rate), dtype=np.int64)


def loss(p: Floats, confusion: Floats, label: Ints) -> Floats:
    """(N,) nats of labels: p (N, K) what is predicted, confusion (N, K, K) of whom."""
    column = confusion[np.arange(len(label)), :, label]
    return np.asarray(-np.log((p * column).sum(axis=1) + TINY))


def show(scored: Annotations, losses: dict[str, Floats]) -> None:
    """A row per perspective: nats per label, and the difference to the first with an interval over items."""
    rng = np.random.default_rng(0)
    first = next(iter(losses.values()))
    count = np.bincount(scored.item, minlength=len(scored.items))
    weight = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), size=RESAMPLED)
    print(f"  {len(first)} labels held out")
    for name, nats in losses.items():
        gap = np.bincount(scored.item, weights=nats - first, minlength=len(count))
        low, high = np.quantile(weight @ gap / (weight @ count), [0.025, 0.975])
        print(f"  {name:20} {nats.mean():.4f}  {(nats - first).mean():+.4f} ({low:+.4f} to {high:+.4f})")


def of_new_items(
    annotations: Annotations, count: int, rng: np.random.Generator
) -> tuple[Annotations, dict[str, Floats]]:
    """Labels of items nothing was seen of, and their nats: what a text model says, and perspectives on it."""
    from crowdtune.denoise.classifier import fit, predict
    from crowdtune.lm.embed import embed

    chosen = annotations.take_items(np.sort(rng.permutation(len(annotations.items))[:count]))
    new = rng.permutation(len(chosen.items)) < len(chosen.items) // 4
    features = embed(chosen.items.prompts)
    targets = chosen.votes / np.maximum(chosen.labels_per_item, 1)[:, None]
    log_p = predict(fit(features[~new], targets[~new], ridge=1.0), features)
    met, scored = (chosen.take_labels(np.flatnonzero(rows)) for rows in (~new[chosen.item], new[chosen.item]))
    seen = given(met)
    fitted = answering(log_p[seen.item], seen, matrices=True)
    p, who = log_p[scored.item], scored.annotator
    sharp = softmax(fitted.sharpness * p, axis=1)
    confusion = fitted.annotators.confusion
    confusion[met.labels_per_annotator == 0] = confusion[met.labels_per_annotator > 0].mean(axis=0)
    losses = {"model: as it is": -p[np.arange(len(scored)), scored.label]}
    for name, group in (("everybody", np.zeros(len(confusion), dtype=np.int64)), ("group", halves(met))):
        mean = np.stack([confusion[group == g].mean(axis=0) for g in range(group.max() + 1)])
        losses[f"model: {name}"] = loss(sharp, mean[group[who]], scored.label)
    losses["model: own"] = loss(sharp, confusion[who], scored.label)
    return scored, losses


def newcomers(annotations: Annotations, rng: np.random.Generator) -> None:
    """Annotators not fitted, with a few labels each, on the base "shares"; scored on what is left of theirs."""
    busy = np.flatnonzero(annotations.labels_per_annotator >= 2 * max(KNOWN))
    new = np.isin(annotations.annotator, rng.permutation(busy)[: max(len(busy) // 5, 1)])
    met = annotations.take_labels(np.flatnonzero(~new))
    theirs = annotations.take_labels(np.flatnonzero(new & (met.labels_per_item[annotations.item] > 0)))
    usual = met.votes.sum(axis=0) / len(met)
    others = met.votes[met.item].astype(np.float64)
    others[np.arange(len(met)), met.label] -= 1
    fitted = answering(np.log(shares(others, usual)), given(met), matrices=True)
    crowd = fitted.annotators.confusion[met.labels_per_annotator > 0].mean(axis=0)
    p = softmax(fitted.sharpness * np.log(shares(met.votes, usual)), axis=1)
    order = np.lexsort((rng.random(len(theirs)), theirs.annotator))
    start = np.concatenate([[0], np.cumsum(theirs.labels_per_annotator)])[:-1]
    rank = np.empty(len(theirs), dtype=np.int64)
    rank[order] = np.arange(len(theirs)) - start[theirs.annotator[order]]
    scored = theirs.take_labels(np.flatnonzero(rank >= max(KNOWN)))
    told = []
    for known in KNOWN:
        few = given(theirs.take_labels(np.flatnonzero(rank < known)))
        confusion = acquainted(p[few.item], few, crowd)
        told.append(f"{known}: {loss(p[scored.item], confusion[scored.annotator], scored.label).mean():.4f}")
    print(f"  {len(np.unique(theirs.annotator))} newcomers, by labels known: {', '.join(told)}")


if __name__ == "__main__":
    main()
