"""Where people disagree, on the page. Oracle: disagreement.parquet and results.json, sorted and rounded here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from crowdtune.report import write_report
from crowdtune.report.charts import against
from crowdtune.runs import Run
from crowdtune.write.tables import write_json
from tests.report import folders
from tests.report.html import Element, parse


def section(path: Path) -> Element:
    found = parse(path).id("disagreement")
    assert found
    return found


def cells(row: Element) -> list[str]:
    return [cell.text.strip() for cell in row.all() if cell.tag in ("th", "td")]


def test_the_most_contested_come_first_with_both_distributions(reports: dict[str, Path]) -> None:
    rows = pq.read_table(reports["trained"].parent / "disagreement.parquet").to_pylist()
    heat = [round(row["ambiguity"], 9) for row in rows]
    assert heat == sorted(heat, reverse=True)
    cards = section(reports["trained"]).all("ol")[0].inside
    assert [card.text.split()[0] for card in cards] == [row["item"] for row in rows[:12]]
    for row, card in zip(rows, cards, strict=False):
        assert row["prompt"] in card.text
        shown = [cells(line) for line in card.all("tbody")[0].all("tr")]
        told = list(zip(row["people"], row["choices"], row["predicted"], strict=True))
        assert [line[0] for line in shown] == [choice for _, choice, _ in told]
        assert [line[2] for line in shown] == [f"{round(100 * people)}%" for people, _, _ in told]
        assert [line[3] for line in shown] == [f"{round(100 * model)}%" for _, _, model in told]
        bars = [rect.attributes["width"] for rect in card.all("rect") if "class" not in rect.attributes]
        widths = [width for people, _, model in told for width in (people, model)]
        assert [float(width.rstrip("%")) for width in bars] == pytest.approx([100 * w for w in widths], abs=0.06)


def test_the_table_has_a_row_for_each_third_with_its_floor(reports: dict[str, Path]) -> None:
    found = Run(reports["trained"].parent).results["test"]["disagreement"]
    table = next(t for t in section(reports["trained"]).all("table") if t.attributes["class"] == "apart")
    rows = [cells(row) for row in table.all("tbody")[0].all("tr")]
    assert [row[0] for row in rows] == ["All", "They agree", "Between", "They disagree"]
    for row, name in zip(rows, ("all", "low", "middle", "high"), strict=True):
        measures, least = found["groups"][name]["measures"], found["floor"][name]["measures"]
        js = measures["js_distance"]
        assert row[1] == str(found["groups"][name]["items"])
        assert row[3:6] == [
            f"{js['value']:.2f}",
            f"{js['low']:.2f} to {js['high']:.2f}",
            f"{least['js_distance']['value']:.2f}",
        ]
        assert row[7] == f"{round(100 * measures['accuracy']['value'])}%"


def test_it_is_said_whether_the_model_has_seen_the_items(reports: dict[str, Path], tmp_path: Path) -> None:
    assert "On 60 held-out items, 10 labels each" in section(reports["trained"]).text
    assert "was trained on" not in section(reports["trained"]).text
    results = folders.disagreement(tmp_path, ["no", "yes"])
    Run(tmp_path).finish({"method": "soft", "disagreement": results})
    write_report(tmp_path, tmp_path / "r.html")
    assert "items the model was trained on" in section(tmp_path / "r.html").text


def test_dots_and_line_are_where_the_numbers_are() -> None:
    """A scale from 0 to 1 over 262 units: 0.5 is in the middle, 1 in the upper right corner."""
    svg = str(against(np.array([0.0, 1.0]), np.array([0.5, 1.0]), [(0.0, 0.5), (1.0, 1.0)], "said", most=2.0))
    assert re.findall(r'class="spot" cx="([^"]+)" cy="([^"]+)"', svg) == [("44.0", "143.0"), ("306.0", "12.0")]
    assert 'class="line" d="M44.0 143.0L306.0 12.0"' in svg
    assert 'aria-label="said: 0.50 where it is 0.00; 1.00 where it is 1.00"' in svg


def test_axes_end_at_the_most_that_entropy_can_be(reports: dict[str, Path]) -> None:
    """Three choices: ln 3 nats, in the upper right corner; steps of a half go no further than 0.5 before it."""
    most = np.log(3)
    svg = str(against(np.array([0.0, most]), np.array([0.5, most]), [(0.0, 0.5)], "said", most=most))
    assert re.findall(r'class="y"[^>]*>([^<]+)', svg) == ["0.00", "0.50", f"{most:.2f}"]
    assert ("306.0", "12.0") in re.findall(r'class="spot" cx="([^"]+)" cy="([^"]+)"', svg)
    low = str(against(np.array([0.0, 0.4]), np.array([0.1, 0.4]), [(0.0, 0.1)], "said", most=most))
    assert re.findall(r'class="y"[^>]*>([^<]+)', low)[-1] == "0.40", "no wider than what is there"
    page = section(reports["trained"])
    assert f"{most:.2f} is the most there can be" in page.text
    assert page.all("figure")[0].all("text")[-1].text == f"{most:.2f}"


def test_choices_of_one_item_alone_begin_with_what_most_chose(tmp_path: Path) -> None:
    found = folders.disagreement(tmp_path, ["a", "b"], items=30)
    rows = pq.read_table(tmp_path / "disagreement.parquet").to_pydict()
    rows["choices"] = [[f"a{i}", f"b{i}"] for i in range(30)]
    Run(tmp_path).write_disagreement(rows)
    Run(tmp_path).finish({"method": "soft", "disagreement": found})
    write_report(tmp_path, tmp_path / "r.html")
    cards = section(tmp_path / "r.html").all("ol")[0].inside
    for i, card in enumerate(cards):
        people = rows["people"][i]
        wanted = [f"b{i}", f"a{i}"] if people[1] > people[0] else [f"a{i}", f"b{i}"]
        assert [cells(line)[0] for line in card.all("tbody")[0].all("tr")] == wanted
    assert any(people[1] > people[0] for people in rows["people"][:12])


@pytest.mark.parametrize("value", ["gone", None])
def test_a_report_is_made_whatever_is_missing(tmp_path: Path, value: str | None) -> None:
    def without(part: dict[str, Any], key: str) -> dict[str, Any]:
        return {k: v for k, v in part.items() if k != key} | ({} if value == "gone" else {key: None})

    found = folders.disagreement(tmp_path, ["no", "yes"], items=30)
    group = found["groups"]["all"]
    versions = [without(found, key) for key in found]
    versions += [found | {"groups": {"all": version}} for version in (without(group, key) for key in group)]
    measures = without(group["measures"], "js_distance")
    versions += [found | {"groups": {"all": group | {"measures": measures}}}, found | {"groups": {"all": None}}]
    for version in versions:
        write_json(tmp_path / "results.json", {"method": "soft", "disagreement": version})
        write_report(tmp_path, tmp_path / "r.html")
        assert "None" not in (tmp_path / "r.html").read_text()
    whole = pq.read_table(tmp_path / "disagreement.parquet")
    for column in whole.column_names:
        pq.write_table(whole.drop_columns([column]), tmp_path / "disagreement.parquet")
        write_report(tmp_path, tmp_path / "r.html")
    (tmp_path / "disagreement.parquet").unlink()
    write_report(tmp_path, tmp_path / "r.html")
    write_json(tmp_path / "results.json", {"method": "soft"})
    write_report(tmp_path, tmp_path / "r.html")
    assert parse(tmp_path / "r.html").id("disagreement") is None
