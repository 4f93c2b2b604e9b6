"""crowdtune export as users meet it. Oracle: exact arithmetic on a crowd of six labels, and the run's own tables."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.test_cli import crowd, run, words
from tests.crowds import put

__all__ = ["crowd", "words"]  # fixtures


def test_labels(crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "labels.parquet"
    assert run(monkeypatch, "export", crowd, "--to", "labels", "--method", "majority", "-o", out) == 0
    assert pq.read_table(out)["label"].to_pylist() == ["yes", "no"]
    assert "inferred by `majority`" in (tmp_path / "labels.parquet.md").read_text()


def test_what_is_left_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tied = put(tmp_path, "t.csv", "item,annotator,label,text\n1,a,x,A\n1,b,y,A\n2,a,x,B\n2,b,x,B\n")
    flags = ["--to", "trl-sft", "--method", "majority"]
    assert run(monkeypatch, "export", tied, *flags, "-o", tmp_path / "sft") == 0
    out, err = capsys.readouterr()
    assert "left out: 1, because the label is open (tied or unlabelled)" in err
    assert out == f"1 rows in {tmp_path / 'sft'}, as trl-sft; labels by majority\n"
    assert run(monkeypatch, "export", tied, *flags, "-o", tmp_path / "again", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["rows"], said["left_out"]["label is open (tied or unlabelled)"]) == (1, 1)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--to", "label"], "unknown format 'label'. Did you mean 'labels'?"),
        (["--to", "labels", "--chat", "-o", "x.csv"], "format labels has no option --chat. It has: none."),
        (["--to", "labels", "-o", "x.txt"], "x.txt has an unknown form"),
        (["--to", "hf", "--method", "majorty"], "unknown aggregator 'majorty'"),
        (["--to", "hf", "--min-probability", "70"], "--min-probability 70.0 must be between 0 and 1."),
        (["--to", "trl-sft"], "item '1' has no text to read"),
    ],
)
def test_what_the_user_can_mend(
    flags: list[str], sentence: str, crowd: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(monkeypatch, "export", crowd, "-o", tmp_path / "out", *flags) == 2
    assert sentence in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["crowd.csv"]


def test_labels_of_a_run(
    words: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run read its file with --rename and --labels-per-item; export reads it so again."""
    rows = [json.loads(line) for line in words.read_text().splitlines()]
    lines = [r | {"annotator": a, "label": r["gold"].replace("yes", "yep")} for r in rows for a in ("x", "y")]
    data = put(tmp_path, "labels.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    flags = ["--model", tiny_llama, "--set", "epochs=1", "--set", "template={prompt} Answer :"]
    flags += ["--rename", "yep=yes", "--labels-per-item", "1", "--method", "majority"]
    done = tmp_path / "run"
    assert run(monkeypatch, "train", data, "-o", done, *flags) == 0
    assert run(monkeypatch, "export", done, "--to", "hf", "-o", tmp_path / "hf") == 0
    believed = {row["item"]: row for row in pq.read_table(done / "items.parquet").to_pylist()}
    written = pq.read_table(tmp_path / "hf" / "data" / "train.parquet").to_pylist()
    assert [(row["label_text"], row["probability"]) for row in written] == [
        (believed[row["item"]]["label"], believed[row["item"]]["probability"]) for row in written
    ]
    assert "80 labels by 2 annotators on 80 items" in (tmp_path / "hf" / "README.md").read_text()
    assert run(monkeypatch, "export", done, "--to", "hf", "--method", "majority", "-o", tmp_path / "x") == 2
    assert "is a run with labels of its own. Leave out --method" in capsys.readouterr().err
    data.write_text(data.read_text().replace('"i7"', '"i700"'))
    assert run(monkeypatch, "export", done, "--to", "hf", "-o", tmp_path / "x") == 2
    assert "have changed: item 'i7' is missing" in capsys.readouterr().err
