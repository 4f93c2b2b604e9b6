"""Choices that are whole texts: which answer is right, learned from three people of whom two mostly guess wrong.

`python examples/texts.py [MODEL]`: half a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

from crowdtune import read
from crowdtune.methods import predict, train

SETTINGS = {
    "lm": sys.argv[1] if len(sys.argv) > 1 else "embedded",
    "style": "texts",  # each choice by its likelihood after the prompt, per token
    "template": "Question: {prompt}\nAnswer:",
    "epochs": "1",
}

annotations, _ = read(Path(__file__).with_name("texts.csv"))
with tempfile.TemporaryDirectory() as folder:
    run = train(annotations, "joint", SETTINGS, out=folder)
    for row in run.annotators:
        print(f"{row['annotator']:<4} is right in {row['reliability']:.0%} of {row['labels']} labels")
    found = run.results
    print(f"answers right: {found['posterior_accuracy']:.0%}, by majority {found['majority_accuracy']:.0%}")
    said = predict(run, annotations.items)
    print(annotations.items.prompts[0], said["label"][0], sep="\n  ")
