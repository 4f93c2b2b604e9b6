"""Oracle: the numbers each specification spells out."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.simulate import reliability


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("0.9,0.1,0.1", [0.9, 0.1, 0.1]),
        ("1", [1.0]),
        ("0.5, 0", [0.5, 0.0]),
        ("linspace:0.9:0.1:3", [0.9, 0.5, 0.1]),
        ("dist1", [0.9, 0.1, 0.1]),
        ("dist2", [0.9, 0.9, 0.1]),
        ("dist3", [0.9, 0.5, 0.1]),
        ("multi1", [[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9]]),
        ("multi2", [[0.1, 0.9, 0.9], [0.9, 0.1, 0.9], [0.9, 0.9, 0.1]]),
    ],
)
def test_values(spec: str, values: list[float]) -> None:
    np.testing.assert_allclose(reliability(spec), values)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("0.9,x", r"^reliability '0\.9,x' is not a list of numbers\. Write 0\.9,0\.1,0\.1 or linspace:0\.9:0\.1:5\.$"),
        ("linspace:0.9:0.1", r"^reliability 'linspace:0\.9:0\.1' is not a list of numbers\."),
        ("dist4", r"^unknown reliability distribution 'dist4'\. Did you mean 'dist[123]'\? Known: dist1, "),
        ("1.5", r"^reliability '1\.5' must be shares from 0 to 1, one for each annotator\.$"),
        ("-0.1,0.5", r"must be shares from 0 to 1"),
        ("nan", r"must be shares from 0 to 1"),
        ("linspace:0.9:0.1:0", r"must be shares from 0 to 1"),
        ("", r"^unknown reliability distribution ''\. Known:"),
    ],
)
def test_errors(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        reliability(spec)
