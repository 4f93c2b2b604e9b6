"""Oracle: the run nobody killed. Long: each start loads torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_three_kills_three_exact_resumes(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/soak.py", "--kills", "3", "--fork", "-o", str(tmp_path / "out.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "out.json").read_text())
    assert found["exact"] == len(found["kills"]) == 3
