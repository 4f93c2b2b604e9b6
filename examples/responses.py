"""Free responses: fine-tune on what people wrote, less on those who do not answer the question.

`python examples/responses.py [MODEL]`: half a minute on one core with the embedded model.
"""

import sys
import tempfile
from pathlib import Path

from crowdtune import read
from crowdtune.methods import predict, train
from crowdtune.read import Policy

SETTINGS = {
    "lm": sys.argv[1] if len(sys.argv) > 1 else "embedded",
    "template": "Question: {prompt}\nAnswer:",
    "epochs": "2",
    "max_length": "48",
}

annotations, _ = read(Path(__file__).with_name("responses.csv"), policy=Policy(kind="text"))
with tempfile.TemporaryDirectory() as folder:
    run = train(annotations, "joint", SETTINGS, out=folder)
    for row in run.annotators:
        print(f"{row['annotator']:<4} answers the question in {row['reliability']:.0%} of {row['labels']} responses")
    print(run.results["verdict"]["words"])
    said = predict(run, annotations.items)
    print(annotations.items.prompts[0], said["response"][0], sep="\n  ")
