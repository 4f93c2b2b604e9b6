"""Tables and charts for people. Oracle: an XML parser, and numbers written by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from crowdtune.bench.grid import Cell
from crowdtune.bench.plot import Line, dot_chart, line_chart
from crowdtune.bench.report import write_report
from tests.bench.stub import made
from tests.bench.test_table import grid

METHODS = {"noisy": [0.2, 0.3], "realm": [0.8, 0.9], "joint": [0.85, 0.9], "oracle": [0.9, 0.9]}


def texts(chart: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(chart).iter() if node.tag.endswith("text")]


def test_a_report_is_whole(tmp_path: Path) -> None:
    write_report(tmp_path, "stub", grid({"dist1": METHODS, "dist2": METHODS}))
    page = (tmp_path / "results.md").read_text()
    assert (
        "| minilm-head words dist1 uniform shared | 60.0 | 25.0 ± 7.1 | 85.0 ± 7.1 | 87.5 ± 3.5 | 90.0 ± 0.0 |" in page
    )
    assert "| joint | 96.2% | 4 | 96.2% | 4 |" in page  # (0.65 + 0.60) / (0.70 + 0.60)
    assert "joint - realm | +2.5 |" in page
    for line in page.splitlines():
        if line.startswith("!["):
            ET.parse(tmp_path / line.split("(")[1].rstrip(")"))
    assert page.count("![") == 3


def test_more_methods_than_conditions_are_rows(tmp_path: Path) -> None:
    write_report(tmp_path, "stub", grid({"dist1": METHODS | {f"m{i}": [0.5] for i in range(5)}}))
    assert "| joint | 87.5 ± 3.5 |" in (tmp_path / "results.md").read_text()


def test_crowds_apart_and_wrong_verdicts_are_listed(tmp_path: Path) -> None:
    turned = grid({"dist1": {"realm": [0.1]}})
    unsure = grid({"dist2": {"realm": [0.7]}}, verdict="unresolvable")
    write_report(tmp_path, "stub", turned | unsure)
    page = (tmp_path / "results.md").read_text()
    assert "- minilm-head words dist1 uniform shared, seed 0, realm: 10.0, untrained 60.0" in page
    assert "- minilm-head words dist2 uniform shared, seed 0: unresolvable; realm 70.0" in page


def test_accuracy_against_the_rate(tmp_path: Path) -> None:
    base = Cell("words", "minilm-head", "realm")
    cells = {replace(base, expertise_learning_rate=rate): rate for rate in (0.001, 0.1, 0.5)}
    found = {cell: made(cell, right=rate) for cell, rate in cells.items()}
    found[replace(base, method="joint")] = made(base, right=0.9)
    write_report(tmp_path, "stub", found)
    said = texts((tmp_path / "charts" / "rate-minilm-head-words-dist1-uniform-shared.svg").read_text())
    assert {"realm", "joint: 90.0%", "0.001", "0.1", "0.5", "expertise learning rate", "80 %"} <= set(said)


def test_a_point_is_where_its_axes_say() -> None:
    chart = line_chart("t", "x", "y", [Line("a", [(0.01, 0.0), (0.1, 0.5), (1.0, 1.0)])], log=True)
    dots = [node for node in ET.fromstring(chart).iter() if node.tag.endswith("circle")]
    (x0, y0), (x1, y1), (x2, y2) = [(float(d.get("cx", 0)), float(d.get("cy", 0))) for d in dots]
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.1)
    assert y1 == pytest.approx((y0 + y2) / 2, abs=0.1)
    assert (x2 > x0, y2 < y0) == (True, True)


def test_names_are_escaped_and_losses_drawn() -> None:
    said = texts(dot_chart("a < b", "", {"x & y": -0.25, "z": 1.1}))
    assert {"a < b", "x & y", "-25.0%", "110.0%"} <= set(said)
