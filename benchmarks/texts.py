"""How near to the reference is the answer chosen among translations by a crowd? By cosine of embeddings, and chrF.

CrowdWSA2019: 450 Japanese sentences, in three subsets, translated by 401 annotators. `python benchmarks/texts.py
[FILE]`; the file is ../shared/data/open/crowdwsa2019_translation.jsonl.gz by default. Embedding takes a minute or two
on two cores, `--cache FILE.npz` keeps it. chrF, of sentences, needs sacrebleu. `--crowd-kit PYTHON` asks crowd-kit
1.4.2's TextRASA and TextHRRASA too, under a Python of yours that has it with pandas < 3: under pandas 3 they stop.

any answer      what choosing at random gives, exactly: the mean over an item's answers
medoid          of embeddings alone; + spelling: with letter sequences beside them, what `crowdtune aggregate` does
less ours       the difference to medoid + spelling, its 95 % interval from 10,000 bootstraps over items
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.aggregate import answers, medoid, spelt
from crowdtune.annotations import Annotations, Floats, Ints, Items

FILE = Path(__file__).parents[2] / "shared/data/open/crowdwsa2019_translation.jsonl.gz"
PEERS = Path(__file__).with_name("texts_peers.py")
SEEDS, OURS, BOOTSTRAPS = 5, "medoid + spelling", 10_000


def crowd(path: Path) -> tuple[Annotations, list[str]]:
    """Annotations whose choices are an item's distinct answers, and the reference of each item."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    reference = {row["id"]: row["reference"] for row in rows}
    place = {name: i for i, name in enumerate(reference)}
    people = {name: j for j, name in enumerate(dict.fromkeys(row["annotator"] for row in rows))}
    given: list[dict[str, int]] = [{} for _ in place]
    said: dict[tuple[int, int], int] = {}
    for row in rows:
        i, text = place[row["id"]], row["response"]
        said.setdefault((i, people[row["annotator"]]), given[i].setdefault(text, len(given[i])))
    n = len(place)
    none, item = np.zeros(n, dtype=np.int64), np.array(list(said), dtype=np.int64)
    sets = [tuple(g) for g in given]
    items = Items(list(place), [""] * n, sets, np.arange(n), ["t"], none, none - 1, [""] * n, ("text",))
    label = np.array(list(said.values()), dtype=np.int64)
    return Annotations(items, list(people), item[:, 0], item[:, 1], label), list(reference.values())


def embedded(texts: list[str], cache: Path | None) -> Floats:
    """(A, D) embeddings, from the cache where it is there."""
    if cache is not None and cache.exists():
        kept: Floats = np.load(cache)["table"]
        return kept
    from crowdtune.lm.embed import embed

    table = embed(texts)
    if cache is not None:
        np.savez(cache, table=table)
    return table


@dataclass(frozen=True)
class Told:
    """All A answers of all items, item by item: what each is like.

    Args:
        start: (I,) where an item's answers begin.
        text: (A,) which of the distinct texts each is.
        like: (2, A) cosine and chrF to the reference; chrF is NaN without sacrebleu.
    """

    start: Ints
    text: Ints
    like: Floats

    def code(self, given: Annotations) -> Ints:
        """(N,) which answer each label is."""
        return np.asarray(self.start[given.item] + given.label)


def told(whole: Annotations, references: list[str], table: Floats) -> Told:
    """Every answer beside the reference of its item."""
    texts, items = answers(whole.items), whole.items
    place = {text: a for a, text in enumerate(texts)}
    text = np.array([place[one] for i in range(len(items)) for one in items.choices(i)], dtype=np.int64)
    of = np.repeat(np.arange(len(items)), items.n_choices)
    cosine = (table[text] * table[len(texts) :][of]).sum(axis=1)
    chrf = np.full(len(text), np.nan)
    if importlib.util.find_spec("sacrebleu") is not None:
        from sacrebleu.metrics import CHRF

        score = CHRF().sentence_score
        chrf = np.array([score(texts[a], [references[i]]).score / 100 for a, i in zip(text, of, strict=True)])
    return Told(np.cumsum(items.n_choices) - items.n_choices, text, np.stack([cosine, chrf]))


def first(given: Annotations, score: Floats, code: Ints) -> Ints:
    """(I,) the answer to each item with the highest score (N,)."""
    order = np.lexsort((-score, given.item))
    return code[order[np.unique(given.item[order], return_index=True)[1]]]


def picked(given: Annotations, vectors: dict[str, Floats], all_of: Told) -> dict[str, Floats]:
    """Way of choosing -> (2, I) likeness to the reference of what it chooses."""
    code, like = all_of.code(given), all_of.like
    mean = np.stack([np.bincount(given.item, values) / given.labels_per_item for values in like[:, code]])
    scores = {name: medoid(given, table).posterior[given.item, given.label] for name, table in vectors.items()}
    scores |= {"best by cosine": like[0, code], "best by chrF": like[1, code]}
    return {"any answer": mean} | {name: like[:, first(given, score, code)] for name, score in scores.items()}


def by_peers(python: str, crowds: list[Annotations], all_of: Told, table: Floats) -> list[dict[str, Floats]]:
    """Per crowd, peer -> (2, I) likeness to the reference of what it chooses."""
    texts = answers(crowds[0].items)
    rows = [{"item": c.item, "annotator": c.annotator, "text": all_of.text[all_of.code(c)]} for c in crowds]
    with tempfile.TemporaryDirectory() as folder:
        given, vectors, out = (Path(folder) / name for name in ("given.json", "table.npy", "chosen.json"))
        columns = [{name: codes.tolist() for name, codes in row.items()} for row in rows]
        given.write_text(json.dumps({"texts": texts, "crowds": columns}))
        np.save(vectors, table[: len(texts)])
        subprocess.run([python, str(PEERS), str(given), str(vectors), str(out)], check=True, cwd=folder)
        found = json.loads(out.read_text())
    item = np.repeat(np.arange(len(all_of.start)), np.diff(all_of.start, append=len(all_of.text)))
    entry = {pair: a for a, pair in enumerate(zip(item.tolist(), all_of.text.tolist(), strict=True))}
    return [
        {name: all_of.like[:, [entry[i, chosen[str(i)]] for i in range(len(chosen))]] for name, chosen in one.items()}
        for one in found
    ]


def lines(drawn: list[dict[str, Floats]], inside: Ints) -> list[dict[str, Any]]:
    """A row per way of choosing, over the items `inside`: means, and differences to ours with intervals."""
    rng, rows = np.random.default_rng(0), []
    weight = rng.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), BOOTSTRAPS) / len(inside)
    mean = {name: np.mean([one[name][:, inside] for one in drawn], axis=0) for name in drawn[0]}
    for name, values in mean.items():
        row: dict[str, Any] = {"chosen": name}
        for measure, value, ours in zip(("cosine", "chrF"), values, mean[OURS], strict=True):
            low, high = np.quantile(weight @ (value - ours), [0.025, 0.975])
            row |= {measure: value.mean(), f"{measure} less ours": (value - ours).mean()}
            row |= {f"{measure} low": low, f"{measure} high": high}
        rows.append({k: v if k == "chosen" else round(float(v), 4) for k, v in row.items()})
    return rows


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    print(f"{title}\n  {'':<18} cosine  less ours                     chrF    less ours")
    for row in rows:
        cells = [
            f"{row[m]:.3f}   {row[f'{m} less ours']:+.3f} ({row[f'{m} low']:+.3f} to {row[f'{m} high']:+.3f})"
            for m in ("cosine", "chrF")
        ]
        print(f"  {row['chosen']:<18} {'    '.join(cells)}", flush=True)


def main() -> None:
    """Print tables, write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--crowd-kit", metavar="PYTHON")
    parser.add_argument("-o", "--out", type=Path)
    flags = parser.parse_args()
    if not flags.file.exists():
        print(f"{flags.file} is not there")
        return
    whole, references = crowd(flags.file)
    texts = answers(whole.items)
    table = embedded(texts + references, flags.cache)
    all_of = told(whole, references, table)
    vectors = {"medoid": table[: len(texts)], OURS: spelt(texts, table[: len(texts)])}
    settings = [(labels, seed) for labels in (0, 5, 3) for seed in range(SEEDS if labels else 1)]
    crowds = [whole.thin(labels, np.random.default_rng(seed)) if labels else whole for labels, seed in settings]
    found = [picked(given, vectors, all_of) for given in crowds]
    if flags.crowd_kit:
        for one, peers in zip(found, by_peers(flags.crowd_kit, crowds, all_of, table), strict=True):
            one |= peers
    subset = np.array([name.split("-")[0] for name in whole.items.ids])
    tables = {f"all labels, {name}": ([found[0]], np.flatnonzero(subset == name)) for name in sorted(set(subset))}
    for labels in (3, 5, 0):
        drawn = [one for one, setting in zip(found, settings, strict=True) if setting[0] == labels]
        title = f"{labels} labels an item, {SEEDS} draws" if labels else f"all labels, {len(subset)} items"
        tables = {title: (drawn, np.arange(len(subset)))} | tables
    rows = {title: lines(drawn, inside) for title, (drawn, inside) in tables.items()}
    for title, some in rows.items():
        show(title, some)
    if flags.out:
        flags.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
