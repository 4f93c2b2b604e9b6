"""Opinions: what share of people would say what, from ten ratings a word that nobody's name is on.

`python examples/opinions.py [MODEL]`: a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from crowdtune import read
from crowdtune.methods import predict_distribution, train

MODEL = sys.argv[1] if len(sys.argv) > 1 else "embedded"
SETTINGS = {"lm": MODEL, "template": "Sentiment of the word {prompt}:", "learning_rate": "1e-4"}

opinions, _ = read(Path(__file__).with_name("opinions.csv"))
splits = np.array(opinions.items.splits)
words, others = (opinions.take_items(np.flatnonzero(splits == name)) for name in ("train", "test"))
with tempfile.TemporaryDirectory() as folder:
    run = train(words, "shala", SETTINGS, out=folder, test=others)
    predicted = predict_distribution(run, others.items)
    told = run.results["test"]["disagreement"]
people = others.counts / others.counts.sum(axis=1, keepdims=True)
for i in np.argsort(people.max(axis=1))[:5]:  # those people disagree on most
    shares = (" ".join(f"{share:4.0%}" for share in row[i]) for row in (people, predicted))
    print(f"{others.items.prompts[i]:<14} people {next(shares)}   model {next(shares)}")
print(f"distance to people: {told['groups']['all']['measures']['js_distance']['value']:.3f}", end=", ")
print(f"of a perfect model {told['floor']['all']['measures']['js_distance']['value']:.3f}")
