"""Train a classifier on messages that four people sorted, one of them nearly always wrongly; then sort new messages.

`python examples/classify.py [MODEL]`: half a minute on one core with the embedded encoder.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import pipeline

from crowdtune import read
from crowdtune.methods import train

NEW = [
    "You charged me for a plan I never ordered",
    "The postman says there is nothing for me",
    "I cannot sign in with my new email",
]
SETTINGS = {"head": "head", "epochs": "12", "batch_size": "8", "accumulation": "1"}  # few messages, so many passes
MODEL = {"lm": sys.argv[1]} if len(sys.argv) > 1 else {}

annotations, _ = read(Path(__file__).parent / "messages.csv")
with TemporaryDirectory() as folder:
    run = train(annotations, "joint", SETTINGS | MODEL, out=Path(folder) / "run")
    for row in run.annotators:
        print(f"{row['annotator']:<4} is right in {row['reliability']:.0%} of {row['labels']} labels")
    found = run.results
    print(f"of the messages with a known answer {found['posterior_accuracy']:.0%} are sorted right", end=", ")
    print(f"by majority {found['majority_accuracy']:.0%}; verdict: {found['verdict']['status']}")
    for text, said in zip(NEW, pipeline("text-classification", model=str(run.model))(NEW), strict=True):
        print(f"{said['label']:<9} {said['score']:.2f}  {text}")
