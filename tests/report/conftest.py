"""A key of pseudonyms for every test, and reports made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune.report import write_report
from tests.report import folders


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own key is left alone."""
    monkeypatch.setenv("CROWDTUNE_KEY", "of the tests")


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of an audit and of a training run."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROWDTUNE_KEY", "of the tests")
        for name, write in (("audit", folders.audit), ("trained", folders.trained)):
            folder = write(tmp_path_factory.mktemp(name) / "run")
            made[name] = folder / "report.html"
            write_report(folder, made[name])
    return made
