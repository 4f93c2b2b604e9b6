"""How well wrong labels were found."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Bools


def detection(annotations: Annotations, judged: Bools) -> dict[str, float | None]:
    """Precision and recall of calling labels noisy, against gold.

    Args:
        annotations: N labels; those of items without gold are left out.
        judged: (N,) True for a label called noisy.

    Returns:
        noise_precision: share of the labels called noisy that are wrong, None where none was called so;
        noise_recall: share of the wrong labels called noisy, None where none is wrong.
    """
    gold = annotations.items.gold[annotations.item]
    known = gold >= 0
    wrong, called = (gold != annotations.label)[known], np.asarray(judged)[known]
    both = int((wrong & called).sum())
    return {
        "noise_precision": both / int(called.sum()) if called.any() else None,
        "noise_recall": both / int(wrong.sum()) if wrong.any() else None,
    }
