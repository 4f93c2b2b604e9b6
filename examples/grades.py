"""Grades: who is generous, who strict, and what a word deserves, from three people of whom one gives a grade too much.

`python examples/grades.py [MODEL]`: half a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

from crowdtune import read
from crowdtune.methods import train

SETTINGS = {"lm": sys.argv[1] if len(sys.argv) > 1 else "embedded", "epochs": "1"}

annotations, _ = read(Path(__file__).with_name("grades.csv"))  # a column "rating" of whole numbers: grades
with tempfile.TemporaryDirectory() as folder:
    run = train(annotations, "joint", SETTINGS, out=folder)
    for row in run.annotators:
        print(f"{row['annotator']:<4} {row.get('bias') or 'is neither generous nor strict, as far as can be told'}")
    found = run.results
    print(f"mean error, in grades: {found['posterior_mean_absolute_error']:.2f}", end=", ")
    print(f"of the majority vote {found['majority_mean_absolute_error']:.2f}")
