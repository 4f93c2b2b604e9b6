"""A trainer whose module imports torch, as real ones do: how many threads does it get?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from crowdtune.rounds.job import Job, save_measured


def count_threads(job: Job, folder: Path) -> None:
    """Measure torch's threads."""
    save_measured(folder, {"threads": np.full((1, 1, 1), float(torch.get_num_threads()))}, 0)
