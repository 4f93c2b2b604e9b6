"""Several questions about each text: every question is a task, with its own truths and its own trust.

`python examples/questions.py [MODEL]`: half a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

from crowdtune import read
from crowdtune.methods import train

SETTINGS = {"lm": sys.argv[1] if len(sys.argv) > 1 else "embedded", "template": "{prompt}\nyes or no:", "epochs": "1"}

annotations, _ = read(Path(__file__).with_name("questions.csv"))
with tempfile.TemporaryDirectory() as folder:
    run = train(annotations, "joint", SETTINGS, out=folder)
    for row in run.annotators:
        parts = [f"{task} {row[f'reliability:{task}']:.0%}" for task in annotations.items.tasks]
        print(f"{row['annotator']:<4} is right in {row['reliability']:.0%} of all labels:", ", ".join(parts))
    print(f"answers right: {run.results['posterior_accuracy']:.0%}, majority {run.results['majority_accuracy']:.0%}")
