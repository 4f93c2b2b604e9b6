"""Which of two replies is better, learned from a crowd of three in which one says the opposite: DPO that knows whom
to trust. `python examples/preferences.py [MODEL]`: half a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from crowdtune.methods import predict, train
from crowdtune.read import read

MODEL = sys.argv[1] if len(sys.argv) > 1 else "embedded"
FILE = Path(__file__).with_name("preferences.csv")  # prompt, chosen, rejected, annotator; gold to check what comes out

annotations, report = read(FILE)
training, held_out = annotations.split(0.8, np.random.default_rng(0))
with tempfile.TemporaryDirectory() as folder:
    # texts are weighed as in DPO (beta=0.1) because two of them are compared; lora=true trains an adapter instead
    run = train(training, "joint", {"lm": MODEL, "epochs": "1", "accumulation": "1"}, out=folder, test=held_out.items)
    print("annotators:", {row["annotator"]: round(float(row["reliability"]), 2) for row in run.annotators})
    print(f"better replies found among {len(training.items)} pairs: {run.results['posterior_accuracy']:.0%}")
    print(f"majority vote: {run.results['majority_accuracy']:.0%}")
    print(f"held-out pairs right: {run.results['test']['accuracy']:.0%} of {len(held_out.items)}")
    found = predict(run, held_out.items)
    for prompt, better in list(zip(held_out.items.prompts, found["label"], strict=True))[:3]:
        print(f"  {prompt} -> {better}")
