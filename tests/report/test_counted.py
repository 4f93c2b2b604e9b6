"""The page of a run on labels nobody is named for. Oracle: what was written down, and Click's own list of flags."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from crowdtune.cli import app
from crowdtune.report import write_report
from crowdtune.runs import Run
from crowdtune.write.tables import write_json, write_table
from tests.report import folders
from tests.report.html import Element, parse


def _reported(folder: Path, config: dict[str, Any] | None = None, **results: Any) -> Element:
    """The page of a run with these results."""
    if config:
        write_json(folder / "config.json", config)
    Run(folder).finish({"method": "shala"} | results)
    write_report(folder, folder / "r.html")
    return parse(folder / "r.html")


def _again(folder: Path, results: dict[str, Any]) -> Element:
    """The page of a run whose results are others."""
    write_json(folder / "results.json", results)
    write_report(folder, folder / "r.html")
    return parse(folder / "r.html")


def test_only_flags_that_train_has_are_in_the_command(tmp_path: Path) -> None:
    """Oracle: the parameters of `crowdtune train`, read by Click."""
    known = {name for option in typer.main.get_command(app).commands["train"].params for name in option.opts}
    flags = {
        "source": "a.csv",
        "items": "texts",
        "with": "b.csv 'c d.csv'",
        "several": "counts",
        "labels_per_item": "3",
    }
    counted = {"items": 400, "labels": 0, "annotators": 0, "unnamed_labels": 4000}
    training = {"lm": "embedded", "learning_rate": 0.00003, "beta": None}
    for data in (flags | counted | {"flags": flags}, flags | counted | {"items": "texts"}):
        page = _reported(tmp_path, {"method": "shala", "training": training, "data": data})
        words = shlex.split(page.all("code")[0].text)
        assert {word for word in words if word.startswith("-")} <= known
        assert words[:5] == ["crowdtune", "train", "a.csv", "--method", "shala"]
        named = dict(zip(words[5:-2:2], words[6:-2:2], strict=True))
        assert named["--items"] == "texts"
        assert [words[i + 1] for i, word in enumerate(words) if word == "--with"] == ["b.csv", "c d.csv"]
        assert (named["--several"], named["--labels-per-item"]) == ("counts", "3")
        assert "learning_rate=3e-05" in words
        assert not any(word.startswith("beta") for word in words)


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ((0, 0, 4000), {"Items": "400", "Labels, nobody named": "4,000", "Labels per item": "10.0"}),
        ((800, 5, None), {"Items": "400", "Labels": "800", "Annotators": "5", "Labels per item": "2.0"}),
        (
            (800, 5, 400),
            {
                "Items": "400",
                "Labels": "800",
                "Annotators": "5",
                "Labels, nobody named": "400",
                "Labels per item": "3.0",
            },
        ),
        ((0, 0, None), {"Items": "400"}),
    ],
)
def test_labels_of_nobody_named_are_counted(
    tmp_path: Path, sizes: tuple[int | None, ...], wanted: dict[str, str]
) -> None:
    found = dict(zip(("labels", "annotators", "unnamed_labels"), sizes, strict=True))
    page = _reported(tmp_path, items=400, **{k: v for k, v in found.items() if v is not None})
    head = page.all("dl")[0]
    assert dict(zip((d.text for d in head.all("dt")), (d.text for d in head.all("dd")), strict=True)) == wanted


def test_no_item_is_called_ambiguous_where_no_truth_is_sought(tmp_path: Path) -> None:
    folder = folders.trained(tmp_path / "run")
    results = Run(folder).results
    assert _again(folder, results).id("ambiguous")
    page = _again(folder, results | {"verdict": {"status": "not sought", "words": "No single truth is sought."}})
    assert page.id("ambiguous") is None
    assert page.id("disagreement")
    assert "ask more annotators" not in page.text


def test_balance_says_which_items_have_no_label(tmp_path: Path) -> None:
    labels, reasons = ["no"] * 3 + ["yes"] * 2, [""] * 5
    cases = (
        ([], ""),
        (["tie"] * 6, "6 items more have none: choices tie."),
        (["tie", "no label"], "2 items more have none: choices tie on 1 and nobody answered on 1."),
        (["no label"], "1 item more has none: nobody answered."),
    )
    for more, sentence in cases:
        table = {"label": [*labels, *[None] * len(more)], "choices": [["no", "yes"]] * (5 + len(more))}
        write_table(tmp_path / "items.parquet", table | {"reason": reasons + more})
        balance = _reported(tmp_path).id("balance")
        assert balance
        assert sentence in balance.text
        assert ("more ha" in balance.text) == bool(more)


@pytest.mark.parametrize(("fitted", "said"), [(1.31, "1.31, fitted by crowdtune calibrate"), (1.0, ""), (None, "")])
def test_a_calibrated_run_says_its_temperature(tmp_path: Path, fitted: float | None, said: str) -> None:
    (tmp_path / "model").mkdir()
    write_json(tmp_path / "model" / "crowdtune.json", {} if fitted is None else {"temperature": fitted})
    made = _reported(tmp_path).id("made")
    assert made
    assert said in made.text
    assert ("Temperature" in made.text) == bool(said)
