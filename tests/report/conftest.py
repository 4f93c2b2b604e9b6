"""Reports made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune.report import write_report
from crowdtune.runs import Run
from crowdtune.write.tables import write_json
from tests.report import folders
from tests.report.folders import EVIL


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of an audit and of a training run."""
    made = {}
    for name, write in (("audit", folders.audit), ("trained", folders.trained)):
        folder = write(tmp_path_factory.mktemp(name) / "run")
        made[name] = folder / "report.html"
        write_report(folder, made[name])
    return made


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """An audit whose every text is hostile: ids, names, choices, texts, bias, flags, sentences, config."""
    folder = folders.audit(
        tmp_path / "run", annotators=len(EVIL), items=40, choices=EVIL[:3], texts=EVIL, names=EVIL, ids=EVIL
    )
    results = Run(folder).results
    results["in_words"] += EVIL
    results["why"] = results["aggregator"] = EVIL[0]
    results["disagreement"] = folders.disagreement(folder, EVIL[:3], EVIL, EVIL)
    results["warnings"] += [*EVIL, {"what": EVIL[1], "items": EVIL, "annotators": EVIL}]
    results["tasks"][0] |= {"task": EVIL[2]}
    results["tasks"][0]["agreement"][0] |= {"measure": EVIL[0], "key": EVIL[1]}
    results["compared"][0] |= {"aggregator": EVIL[1]}
    write_json(folder / "results.json", results)
    write_json(folder / "config.json", {"source": EVIL[0], "data": {EVIL[1]: EVIL[2]}, EVIL[3]: {EVIL[0]: EVIL[5]}})
    (folder / "metrics.jsonl").write_text('{"step":1,"<b>x":1}\n{"step":2,"<b>x":2}\n')
    return folder
