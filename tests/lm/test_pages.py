"""Oracle: what the system says the process holds after a large block is freed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

HELD = """
import psutil, numpy as np
from crowdtune.lm.pages import keep
keep()
before = psutil.Process().memory_info().rss
block = np.ones(2**25)
del block
print(psutil.Process().memory_info().rss - before)
"""


@pytest.mark.parametrize(("environment", "kept"), [({}, True), ({"MALLOC_MMAP_THRESHOLD_": "65536"}, False)])
def test_freed_memory_stays_unless_the_environment_says_otherwise(environment: dict[str, str], kept: bool) -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    said = subprocess.run(
        [sys.executable, "-c", HELD], env=own | environment, capture_output=True, text=True, check=True
    )
    assert (int(said.stdout) > 2**27) == kept
