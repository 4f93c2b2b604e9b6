"""From which cosine on do two answers mean the same? Pairs written for it, and translations by a crowd.

`python benchmarks/meanings.py [FILE] [--cache FILE.npz]`; the file is, by default,
../shared/data/open/crowdwsa2019_translation.jsonl.gz; without it the pairs alone are told. A minute or two of
embedding, kept in the cache (the one of texts.py).

same, other    share of our pairs that are joined: 30 that mean the same, 30 that differ in one word that matters
crowd, next    share of pairs of translations of one sentence; of translations and the nearest one of another sentence
gain           same less twice other, crowd less twice next: joining in error makes wrong answers right, while splitting
               loses an agreement
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from texts import FILE, crowd, embedded

from crowdtune.aggregate import answers
from crowdtune.annotations import Floats
from crowdtune.denoise.meaning import Embeddings, grouped
from crowdtune.lm.embed import embed

SAME = (
    ("New York City", "NYC"), ("the United States", "USA"), ("He is a doctor.", "He works as a physician."),
    ("It rained a lot yesterday", "There was heavy rain yesterday"), ("increase", "go up"),
    ("World War II", "the second world war"), ("The capital of France is Paris", "Paris is France's capital"),
    ("yes, it is allowed", "this is permitted"), ("water", "H2O"), ("carbon dioxide", "CO2"),
    ("William Shakespeare", "Shakespeare wrote it"), ("he was born in Germany", "Germany is his birthplace"),
    ("because it was too expensive", "it cost too much"), ("the dog chased the cat", "the cat was chased by the dog"),
    ("photosynthesis", "the process of photosynthesis"), ("a fast car", "a quick automobile"),
    ("the meeting was cancelled", "they called off the meeting"), ("children", "kids"),
    ("The company lost money", "The firm made a loss"),
    ("the patient should drink more water", "more fluids are recommended for the patient"),
    ("Mount Everest", "Everest"), ("The train leaves at nine", "The train departs at 9 o'clock"),
    ("blood pressure is high", "hypertension"), ("lawyer", "attorney"), ("buy", "purchase"),
    ("JFK", "John F. Kennedy"), ("the sun", "our star, the sun"), ("It does not work", "it is broken"),
    ("She is happy", "She feels glad"), ("The film was boring", "The movie was dull"),
)  # fmt: skip
OTHER = (
    ("Paris", "London"), ("increase", "decrease"), ("The dog chased the cat", "The cat chased the dog"),
    ("It is allowed", "It is not allowed"), ("1945", "1944"), ("He was born in Germany", "He was born in Austria"),
    ("the heart", "the lung"), ("carbon dioxide", "carbon monoxide"), ("World War I", "World War II"),
    ("buy", "sell"), ("The company made a profit", "The company made a loss"), ("New York City", "Los Angeles"),
    ("Mount Everest", "K2"), ("She is happy", "She is sad"), ("The film was boring", "The film was exciting"),
    ("The train leaves at nine", "The train leaves at ten"), ("George Washington", "Abraham Lincoln"),
    ("mitochondria", "chloroplast"), ("teacher", "student"), ("the meeting was cancelled", "the meeting was held"),
    ("blood pressure is high", "blood pressure is low"), ("oxygen", "nitrogen"), ("red", "blue"),
    ("The patient should drink more water", "The patient should drink less water"),
    ("because it was too expensive", "because it was too far away"), ("William Shakespeare", "Charles Dickens"),
    ("North Korea", "South Korea"), ("He sold the house", "He bought the house"), ("Monday", "Tuesday"),
    ("the left hand", "the right hand"),
)  # fmt: skip


def joined(pairs: tuple[tuple[str, str], ...], threshold: float) -> float:
    """Share of pairs that are one meaning."""
    return float(np.mean([len(set(codes.tolist())) == 1 for codes in grouped(pairs, Embeddings(embed, threshold))]))


def translations(path: Path, cache: Path | None) -> tuple[Floats, Floats]:
    """Cosines of pairs of translations of one sentence, and of each translation to the nearest one of another."""
    given, references = crowd(path)
    texts = answers(given.items)
    place, table = {text: a for a, text in enumerate(texts)}, embedded(texts + references, cache)[: len(texts)]
    own = [np.array([place[text] for text in given.items.choices(i)]) for i in range(len(given.items))]
    alike, nearest = [], []
    for rows in own:
        cosine = table[rows] @ table.T
        alike.append(cosine[:, rows][np.triu_indices(len(rows), 1)])
        cosine[:, rows] = -1
        nearest.append(cosine.max(axis=1))
    return np.concatenate(alike), np.concatenate(nearest)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--cache", type=Path)
    flags = parser.parse_args()
    told = flags.file.exists()
    alike, nearest = translations(flags.file, flags.cache) if told else (np.zeros(1), np.zeros(1))
    if not told:
        print(f"{flags.file} is not there")
    print("threshold  same  other   gain" + ("  crowd  next   gain" if told else ""))
    for threshold in (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        same, other = joined(SAME, threshold), joined(OTHER, threshold)
        kept, wrong = (alike >= threshold).mean(), (nearest >= threshold).mean()
        more = f"  {kept:5.2f}  {wrong:4.2f}  {kept - 2 * wrong:+.2f}" if told else ""
        print(f"{threshold:9.2f}  {same:4.2f}  {other:5.2f}  {same - 2 * other:+.2f}{more}")


if __name__ == "__main__":
    main()
