"""The page of a report. Oracle: the files of the run, Python's HTML parser, hashlib and WCAG's formula."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from crowdtune.report import write_report
from crowdtune.runs import Run
from crowdtune.write.tables import write_json, write_table
from tests.report import folders
from tests.report.html import Element, parse

KINDS = ("audit", "trained")
TEMPLATES = Path(__file__).parents[2] / "src" / "crowdtune" / "report" / "templates"


@pytest.fixture(params=KINDS)
def page(request: pytest.FixtureRequest, reports: dict[str, Path]) -> Element:
    return parse(reports[request.param])


def sections(page: Element) -> list[str]:
    return [section.attributes["id"] for section in page.all("section")]


def test_sections_of_an_audit_in_their_order(reports: dict[str, Path]) -> None:
    page = parse(reports["audit"])
    order = ["verdict", "trust", "confusion", "agreement", "ambiguous", "errors", "balance", "made"]
    assert sections(page) == order
    links = [a.attributes["href"] for a in page.all("nav")[0].all("a")]
    assert links == [f"#{name}" for name in order]


def test_sections_of_a_training_run_and_nothing_it_lacks(reports: dict[str, Path]) -> None:
    assert sections(parse(reports["trained"])) == [
        "verdict",
        "trust",
        "clusters",
        "disagreement",
        "ambiguous",
        "balance",
        "curves",
        "made",
    ]


def test_the_least_a_run_can_be(tmp_path: Path) -> None:
    Run(tmp_path).finish({"method": "soft"})
    write_report(tmp_path, tmp_path / "r.html")
    page = parse(tmp_path / "r.html")
    assert sections(page) == ["verdict", "made"]
    assert "soft" in page.all("dl")[0].text


def test_empty_tables_are_left_out(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_annotators([])
    (tmp_path / "confusions.json").write_text("[]")
    (tmp_path / "metrics.jsonl").write_text('{"step":1,"loss":2.0}\n{"step": 2, "lo')
    run.finish({"method": "audit", "tasks": [], "compared": [], "in_words": [], "warnings": [], "verdict": None})
    write_report(tmp_path, tmp_path / "r.html")
    assert sections(parse(tmp_path / "r.html")) == ["verdict", "made"]


@pytest.mark.parametrize("value", ["gone", None])
def test_a_report_is_made_whatever_is_missing(tmp_path: Path, value: str | None) -> None:
    """Every key of results.json and of its parts, every file and every column of a table, one at a time."""
    folder = folders.audit(tmp_path / "run", items=20)
    results = Run(folder).results

    def without(part: dict[str, Any], key: str) -> dict[str, Any]:
        return {k: v for k, v in part.items() if k != key} | ({} if value == "gone" else {key: None})

    task = results["tasks"][0]
    versions = [without(results, key) for key in results if key != "method"]
    versions += [results | {"tasks": [without(task, key)]} for key in task]
    for key, rows in (("agreement", task["agreement"]), ("balance", task["balance"])):
        versions += [results | {"tasks": [task | {key: [without(rows[0], name)]}]} for name in rows[0]]
    versions += [results | {"verdict": without(results["verdict"], key)} for key in results["verdict"]]
    versions += [results | {"compared": [without(results["compared"][0], key)]} for key in results["compared"][0]]
    versions += [results | {"warnings": [without(results["warnings"][0], key)]} for key in results["warnings"][0]]
    for version in versions:
        write_json(folder / "results.json", version)
        write_report(folder, tmp_path / "r.html")
        assert parse(tmp_path / "r.html").id("made")
        assert "None" not in (tmp_path / "r.html").read_text()
    items = pq.read_table(folder / "items.parquet")
    for column in items.column_names:
        pq.write_table(items.drop_columns([column]), folder / "items.parquet")
        write_report(folder, tmp_path / "r.html")
    with (folder / "annotators.csv").open() as file:
        rows = list(csv.DictReader(file))
    for column in rows[0]:
        write_table(
            folder / "annotators.csv", {name: [row[name] for row in rows] for name in rows[0] if name != column}
        )
        write_report(folder, tmp_path / "r.html")
    for file_name in ("config.json", "annotators.csv", "items.parquet", "confusions.json"):
        (folder / file_name).unlink()
        write_report(folder, tmp_path / "r.html")


def test_tasks_of_several_kinds(tmp_path: Path) -> None:
    """Each task has its name; one whose answers are free text has no choices, no matrix and no balance."""
    folder = folders.audit(tmp_path / "run")
    results = Run(folder).results
    unknown = {"key": "alpha", "measure": "Krippendorff's alpha", "value": None, "low": None, "high": None}
    text = {"task": "summary", "kind": "text", "choices": None, "items": 9, "labels": 27, "agreement": [unknown]}
    results["tasks"].append(text | {"balance": [], "confusion": None})
    write_json(folder / "results.json", results)
    write_report(folder, tmp_path / "r.html")
    page = parse(tmp_path / "r.html")
    agreement, balance = page.id("agreement"), page.id("balance")
    assert agreement
    assert balance
    assert [h.text for h in agreement.all("h3")] == ["sentiment", "summary"]
    assert agreement.all("table")[1].all("td")[0].text == "–"
    assert "summary" not in balance.text


def test_the_first_words_are_the_most_important(reports: dict[str, Path]) -> None:
    audit = parse(reports["audit"]).id("verdict")
    assert audit
    assert audit.all("h2")[0].text == "✓Resolved by the labels"
    assert audit.all("p")[0].text.startswith("These labels can be used")
    trained = parse(reports["trained"]).id("verdict")
    assert trained
    assert trained.all("h2")[0].text == "?Ambiguous"
    assert trained.all("p")[0].text.startswith("2 camps contradict each other (a-")
    assert "right on 99% of the items; a majority vote would be right on 18%." in trained.text
    warnings = [e.text for e in trained.all("ul")[0].all("li")]
    assert len(warnings) == 1, "the verdict itself is no second warning"


def test_every_annotator_has_a_row_with_the_numbers_of_the_file(reports: dict[str, Path]) -> None:
    with (reports["audit"].parent / "annotators.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = parse(reports["audit"]).id("people")
    assert table
    shown = [row.all() for row in table.all("tbody")[0].all("tr")]
    assert len(shown) == len(rows)
    for given, cells in zip(rows, shown, strict=True):
        texts = [c.text for c in cells if c.tag in ("th", "td")]
        low, high = float(given["reliability_low"]), float(given["reliability_high"])
        assert texts[1] == f"{int(given['labels']):,}"
        assert texts[2].endswith(f"{round(low * 100)}–{round(high * 100)}")
        assert texts[6] == f"{float(given['seconds']):.1f} s"
        assert all(flag in texts[7] for flag in given["flags"].split("; "))
        lane = next(c for c in cells if c.tag == "svg")
        sign = "open" if given["thin"] == "True" or low <= 1 / 3 <= high else "above" if low > 1 / 3 else "below"
        assert lane.attributes["class"] == f"lane {sign}"


def test_when_to_trust_whom(reports: dict[str, Path]) -> None:
    found = parse(reports["trained"]).id("clusters")
    assert found
    cells = [[c.text for c in row.all("td")] for row in found.all("tbody")[0].all("tr")]
    assert cells == [["95%", "83%"], ["10%", "97%"], ["8%", "15%"]]
    assert "group 2 120 items, such as review-00001" in found.text
    assert "bob" not in found.text


def test_an_interval_is_drawn_where_it_is(reports: dict[str, Path]) -> None:
    """From 6 to 126 pixels; the ends of bob's interval are 0.46 and 0.58, chance is a half."""
    table = parse(reports["trained"]).id("people")
    assert table
    bob = table.all("tbody")[0].all("tr")[1]
    assert bob.all("path")[0].attributes["d"] == f"M{6 + 120 * 0.46:.1f} 7H{6 + 120 * 0.58:.1f}"
    assert [c.attributes["cx"] for c in bob.all("circle")] == [f"{6 + 120 * 0.52:.1f}"]
    chance = parse(reports["trained"]).id("chance")
    assert chance
    assert chance.all("path")[1].attributes["d"] == "M66 0V14"


def test_rows_of_a_matrix_are_truths(tmp_path: Path) -> None:
    """Of ten labels where the truth is no, nine say yes: a transposed matrix would show it below the diagonal."""
    matrix = [[1, 9], [0, 10]]
    task = {"task": "t", "choices": ["no", "yes"], "confusion": matrix}
    write_json(tmp_path / "confusions.json", [{"task": "t", "choices": ["no", "yes"], "annotators": {"a0": matrix}}])
    Run(tmp_path).finish({"method": "audit", "tasks": [task]})
    write_report(tmp_path, tmp_path / "r.html")
    found = parse(tmp_path / "r.html").id("confusion")
    assert found
    assert [[c.text for c in row.all("td")] for row in found.all("table")[0].all("tr")[1:]] == [
        ["10%", "90%"],
        ["0%", "100%"],
    ]
    assert found.all("ul")[0].text.split() == ["90%", "of", "labels", "where", "the", "truth", "is", "no", "say", "yes"]
    cells = {p.attributes["d"]: p.attributes["class"] for p in found.all("path") if "fill-opacity" in p.attributes}
    assert cells == {"M0 0h1v1h-1z": "right", "M1 0h1v1h-1z": "wrong", "M1 1h1v1h-1z": "right"}


def test_ambiguous_items_are_those_of_most_entropy(reports: dict[str, Path]) -> None:
    items = pq.read_table(reports["audit"].parent / "items.parquet").to_pylist()
    first = sorted(items, key=lambda row: -row["entropy"])[0]
    found = parse(reports["audit"]).id("ambiguous")
    assert found
    card = found.all("ol")[0].inside[0]
    assert card.text.split()[0] == first["item"]
    assert first["prompt"] in card.text
    lines = [[c.text for c in row.all() if c.tag in ("th", "td")] for row in card.all("tbody")[0].all("tr")]
    best = max(zip(first["posterior"], first["choices"], first["votes"], strict=True))
    assert lines[0][0] == best[1]
    assert lines[0][2] == f"{round(best[0] * 100)}%"
    assert lines[0][3].split()[0] == str(best[2])
    errors = parse(reports["audit"]).id("errors")
    assert errors
    suspects = sorted((row for row in items if row["error"]), key=lambda row: -row["probability"])
    assert 0 < len(suspects) <= 12
    cards = errors.all("ol")[0].inside
    assert [card.text.split()[0] for card in cards] == [row["item"] for row in suspects]
    assert all(row["error"] in card.text for row, card in zip(suspects, cards, strict=True))


def test_the_command_repeats_the_run(reports: dict[str, Path]) -> None:
    said = parse(reports["trained"]).all("code")[0].text
    assert said == (
        "crowdtune train crowd.csv --method joint --set updates=em --set per_task=true --set gold=0 "
        "--set lm=embedded --set 'template=Sentiment of {prompt}:' --set epochs=3.0 --set seed=0 -o again"
    )
    assert parse(reports["audit"]).all("code")[0].text == "crowdtune audit reviews.csv -o again", "no path of a person"


def test_a_curve_goes_through_its_points() -> None:
    """Two points on round values: from the upper left corner of the axes to the lower right."""
    from crowdtune.report.charts import curve

    svg = str(curve([(0, 1.0), (100, 0.0)], "loss", of_one=False))
    assert 'd="M44.0 12.0L348.0 164.0"' in svg
    assert re.findall(r'class="y"[^>]*>([^<]+)', svg) == ["0.00", "0.25", "0.50", "0.75", "1.00"]


def test_headings_ids_and_names_of_controls(page: Element) -> None:
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(set(ids)) == len(ids)
    wanted = [e.attributes[a] for e in page.all() for a in ("aria-labelledby", "data-for") if a in e.attributes]
    wanted += [e.attributes["href"].lstrip("#") for e in page.all() if "href" in e.attributes]
    assert set(wanted) <= set(ids)
    assert all(e.attributes.get("scope") in ("row", "col") for e in page.all("th"))
    labelled = [e for label in page.all("label") for e in label.all() if e.tag in ("input", "select")]
    assert len(labelled) == len(page.all("input")) + len(page.all("select")) > 0
    for drawing in page.all("svg"):
        assert drawing.attributes.get("aria-hidden") == "true" or drawing.attributes.get("aria-label")
    for box in [e for e in page.all() if "scroll" in e.attributes.get("class", "").split()]:
        assert box.attributes["tabindex"] == "0", "what scrolls must be reachable by keyboard"
        assert box.attributes["aria-label"]
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("a")[0].text == "Skip to the verdict"
    assert page.all("main")


def test_without_scripts_all_is_there_and_no_dead_control(page: Element) -> None:
    """Buttons are made by the script; the filter is hidden until it runs."""
    assert not page.all("button")
    assert all("hidden" in form.attributes for form in page.all("form"))


def test_nothing_is_loaded_and_nothing_else_may_run(page: Element) -> None:
    policy = next(m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    rules = dict(part.strip().split(" ", 1) for part in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'"
    for tag in ("style", "script"):
        (found,) = page.all(tag)
        assert not found.attributes, "no src"
        made = base64.b64encode(hashlib.sha256(found.text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{made}'"
        assert not re.search(r"https?:|//\S|url\(|@import|fetch|XMLHttp|eval|innerHTML", found.text.replace("// ", ""))
    assert set(rules) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    for element in page.all():
        assert element.tag not in ("link", "img", "iframe", "object", "embed", "base", "video", "audio")
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name not in ("style", "src", "srcset", "action", "formaction", "background")
            assert name != "href" or value.startswith("#")


def test_a_thousand_annotators_and_five_thousand_items_are_a_small_file(tmp_path: Path) -> None:
    folder = folders.audit(tmp_path / "run", annotators=1000, items=5000, texts=["& a long text, quoted < twice " * 80])
    write_report(folder, tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 500_000
    table = parse(tmp_path / "r.html").id("people")
    assert table
    assert len(table.all("tbody")[0].all("tr")) == 1000


def test_of_very_many_annotators_the_telling_ones_are_shown(tmp_path: Path) -> None:
    folder = folders.audit(tmp_path / "run", annotators=3000, items=50)
    write_report(folder, tmp_path / "r.html")
    page = parse(tmp_path / "r.html")
    table = page.id("people")
    assert table
    shown = [row.text for row in table.all("tbody")[0].all("tr")]
    assert len(shown) == 1200
    assert "1,800 more annotators" in page.text
    with (folder / "annotators.csv").open() as file:
        below = sum("below chance" in row["flags"] for row in csv.DictReader(file))
    assert sum("below chance" in row for row in shown) == below > 0


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_colours_can_be_read(scheme: str) -> None:
    """WCAG 2: 4.5 to 1 for text, 3 to 1 for drawings, on every ground they stand on."""
    blocks = re.findall(r":root \{(.*?)\}", (TEMPLATES / "style.css").read_text(), flags=re.DOTALL)
    named = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block)) for block in blocks]
    colours = named[0] | named[("light", "dark", "print").index(scheme)]
    for ground in ("paper", "panel"):
        for text in ("ink", "quiet", "blue", "good", "doubt", "bad", "orange"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (scheme, text, ground)
        assert _contrast(colours["grey"], colours[ground]) >= 3
    for ground in ("right-cell", "wrong-cell", "tag", "wash"):
        if scheme != "print" or ground != "wash":
            assert _contrast(colours["ink"], colours[ground]) >= 4.5, (scheme, ground)


def _contrast(a: str, b: str) -> float:
    def light(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_biases_of_a_run_have_their_columns(tmp_path: Path) -> None:
    table = {
        "annotator": ["ann", "bob"],
        "labels": [90, 80],
        "reliability": [0.8, 0.7],
        "bias_grades": [0.52, None],
        "bias_grades_low": [0.4, None],
        "bias_grades_high": [0.6, None],
        "lean": [None, -0.118],
        "bias": ["0.5 grades higher than is right (0.4 to 0.6)", ""],
    }
    write_table(tmp_path / "annotators.csv", table)
    Run(tmp_path).finish({"method": "joint"})
    write_report(tmp_path, tmp_path / "r.html")
    text = parse(tmp_path / "r.html").text
    for part in ("+0.5", "−12", "0.5 grades higher than is right (0.4 to 0.6)", "Bias", "Lean"):
        assert part in text
    assert "Spread" not in text
