"""A report of what training really writes. Oracle: the run's own results."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdtune.methods import train
from crowdtune.report import write_report
from crowdtune.simulate import reliability, simulate
from tests.report.html import parse
from tests.tiny import word_items


def test_a_joint_run(tiny_llama: Path, tmp_path: Path) -> None:
    crowd = simulate(word_items(120), reliability("0.95,0.9,0.5"), rng=np.random.default_rng(0))
    settings = {"template": "{prompt} Answer :", "style": "words", "epochs": "6", "learning_rate": "3e-3"}
    settings |= {"bf16": "false", "lm": str(tiny_llama), "points": "3"}
    run = train(crowd, "joint", settings, out=tmp_path / "run", test=word_items(40), origin={"source": "words.jsonl"})
    write_report(run.folder, tmp_path / "r.html")
    page = parse(tmp_path / "r.html")
    assert {"verdict", "trust", "curves", "made"} <= {section.attributes["id"] for section in page.all("section")}
    table = page.id("people")
    assert table
    assert [row.all("td")[1].text.split("%")[0] for row in table.all("tbody")[0].all("tr")] == [
        str(round(row["reliability"] * 100)) for row in run.annotators
    ]
    assert "crowdtune train words.jsonl --method joint" in page.text
    assert str(tiny_llama) not in page.text, "a path may name a person"
