"""Clean labels of which some are wrong: a model answers every item, doubted ones twice, and what is sure stays.

`python examples/clean.py [MODEL]`: half a minute on one core with the embedded model.
"""

import json
import sys
import tempfile
from pathlib import Path

from crowdtune import read
from crowdtune.methods import clean

SETTINGS = {"model": sys.argv[1] if len(sys.argv) > 1 else "embedded", "template": "Sentiment of {prompt}:"}

annotations, _ = read(Path(__file__).with_name("words.csv"))
with tempfile.TemporaryDirectory() as folder:
    out = Path(folder) / "cleaned"
    found = clean(annotations, SETTINGS, out=out, store=Path(folder) / "replies.sqlite")
    print(", ".join(f"{count} {outcome}" for outcome, count in found.summary["outcomes"].items()))
    for row in found.summary["experts"]:
        if row["answered"]:
            print(f"{row['expert']:<12} reliability {row['reliability']:.2f}, right in {row['accuracy']:.0%}")
    for line in (out / "decisions.jsonl").read_text().splitlines():
        said = json.loads(line)
        if said["outcome"] == "relabel":
            print(f"  {said['text']}: {said['given']} -> {said['label']}. {said['because']}")
