"""The command line as users meet it. Oracle: what they typed, and exact arithmetic on a crowd of six labels."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crowdtune import cli

CROWD = "task,worker,label\n1,ann,yes\n1,bob,yes\n1,eve,no\n2,ann,no\n2,bob,no\n2,eve,yes\n"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit code of `crowdtune WORDS`."""
    monkeypatch.setattr(sys, "argv", ["crowdtune", *map(str, words)])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    path = tmp_path / "crowd.csv"
    path.write_text(CROWD)
    return path


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Items a tiny model can read, with their truth."""
    path = tmp_path / "words.jsonl"
    lines = [
        {"id": f"i{i}", "prompt": f"w{i % 40}", "choices": ["yes", "no"], "gold": ["yes", "no"][i % 2]}
        for i in range(80)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_aggregate_prints_people_and_says_what_it_read(
    crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "aggregate", crowd, "--method", "majority", "-o", tmp_path / "labels.parquet") == 0
    out, err = capsys.readouterr()
    assert "item = task, annotator = worker, label = label" in err
    assert "3 annotators gave fewer than 5 labels: too few to judge" in err
    assert "too few to judge" in out
    assert pq.read_table(tmp_path / "labels.parquet")["label"].to_pylist() == ["yes", "no"]


def test_json_goes_to_stdout_alone(
    crowd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "aggregate", crowd, "--method", "majority", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    trust = {row["annotator"]: row["reliability"] for row in found["annotators"]}
    assert trust == {"ann": 1.0, "bob": 1.0, "eve": 0.0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["aggregate", "nowhere.csv"], "nowhere.csv does not exist"),
        (["aggregate", "CROWD", "--method", "majorty"], "unknown aggregator 'majorty'. Did you mean 'majority'?"),
        (["aggregate", "CROWD", "-o", "labels.txt"], "labels.txt has an unknown form. Allowed: .parquet"),
        (["aggregate", "CROWD", "--label", "lable"], "no column 'lable' for label. Columns: task, worker, label"),
        (["train", "CROWD", "-o", "OUT", "--method", "relm"], "unknown method 'relm'. Did you mean 'realm'?"),
        (["train", "CROWD", "-o", "OUT", "--set", "epoch=3"], "unknown option 'epoch'. Did you mean 'epochs'?"),
        (["train", "CROWD", "-o", "OUT", "--set", "epochs=x"], "epochs=x is not a number"),
        (["train", "CROWD", "-o", "OUT", "--set", "learning_rate=-1"], "learning_rate=-1.0 must be above 0"),
        (["train", "CROWD", "-o", "OUT", "--model", "./nope"], "model folder ./nope does not exist"),
        (["train", "CROWD", "-o", "OUT", "--method", "oracle"], "item '1' has no text"),
        (["train", "CROWD", "-o", "OUT", "--method", "soft", "--set", "prior=1"], "unknown option 'prior'"),
        (["train", "CROWD", "-o", "OUT"], "item '1' has no text to read"),
        (["simulate", "CROWD", "-o", "OUT", "--reliability", "dist9"], "Did you mean 'dist"),
        (["simulate", "CROWD", "-o", "OUT"], "item '1' has no gold answer"),
        (["predict", "CROWD", "CROWD"], "holds no model of crowdtune"),
        (["evaluate", "nowhere", "CROWD"], "nowhere/model holds no model of crowdtune"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_exit_code_2(
    words: list[str], sentence: str, crowd: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    places = {"CROWD": str(crowd), "OUT": str(tmp_path / "out")}
    assert run(monkeypatch, *[places.get(word, word) for word in words]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_unknown_verb_is_answered_with_the_nearest() -> None:
    said = subprocess.run([sys.executable, "-m", "crowdtune", "trian"], capture_output=True, text=True)
    assert said.returncode == 2
    assert "Did you mean 'train'" in said.stderr


def test_help_is_quick() -> None:
    """Beside what numpy and typer take to be imported, best of five in turns: no scipy, no torch, no database."""
    pairs = [(_work("-c", "import numpy, typer.rich_utils"), _work("-m", "crowdtune", "--help")) for _ in range(5)]
    bare, whole = (min(times) for times in zip(*pairs, strict=True))
    assert whole < 2.3 * bare


def _work(*arguments: str) -> float:
    """Seconds of work of a Python process by the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_whole_way_from_items_to_predictions(
    words: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, first, second = tmp_path / "data", tmp_path / "first", tmp_path / "second"
    assert run(monkeypatch, "simulate", words, "--reliability", "0.95,0.95,0.5", "-o", data) == 0
    flags = ["--set", "template={prompt} Answer :", "--set", "epochs=15", "--set", "learning_rate=4e-3"]
    flags += ["--model", tiny_llama, "--set", "state_rank=2", "--test", words]
    assert run(monkeypatch, "train", data, "-o", first, *flags) == 0
    assert "a1" in capsys.readouterr().out
    config = json.loads((first / "config.json").read_text())
    assert config["options"]["state_rank"] == 2
    assert run(monkeypatch, "train", data, "-o", second, "--from", first, "--test", words, "--json") == 0
    results = json.loads(capsys.readouterr().out)
    assert results["test"] == json.loads((first / "results.json").read_text())["test"]
    third = ["--from", first, "--method", "majority", "--seed", "4", "--set", "epochs=1"]
    assert run(monkeypatch, "train", data, "-o", tmp_path / "third", *third) == 0
    config = json.loads((tmp_path / "third" / "config.json").read_text())
    assert (config["method"], config["training"]["seed"], config["training"]["epochs"]) == ("majority", 4, 1.0)
    assert config["training"]["lm"] == str(tiny_llama)
    assert config["data"]["source"] == str(data)
    assert run(monkeypatch, "predict", first, words, "-o", tmp_path / "labels.csv") == 0
    assert (tmp_path / "labels.csv").read_text().startswith("item,label,probability,probabilities\n")
    capsys.readouterr()
    assert run(monkeypatch, "evaluate", first, words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == results["test"]["accuracy"] > 0.9


def test_options_come_from_a_toml_file_and_set_wins(
    words: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "simulate", words, "-o", tmp_path / "data")
    (tmp_path / "c.toml").write_text(f'lm = "{tiny_llama}"\nepochs = 1\nbatch_size = 40\n')
    flags = ["--config", tmp_path / "c.toml", "--set", "batch_size=20", "--set", "template={prompt} Answer :"]
    assert run(monkeypatch, "train", tmp_path / "data", "-o", tmp_path / "run", *flags) == 0
    training = json.loads((tmp_path / "run" / "config.json").read_text())["training"]
    assert (training["lm"], training["epochs"], training["batch_size"]) == (str(tiny_llama), 1.0, 20)


def test_a_folder_with_something_in_it_is_left_alone(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "simulate", words, "-o", tmp_path) == 2
    assert "is not empty. Choose another folder" in capsys.readouterr().err
    assert run(monkeypatch, "demo", "-o", tmp_path) == 2
    assert "holds something that is no demo" in capsys.readouterr().err


def test_a_split_column_chooses_the_training_items(
    words: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in words.read_text().splitlines()]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(
        json.dumps(r | {"annotator": a, "label": r["gold"], "split": "train" if i < 60 else "test"}) + "\n"
        for i, r in enumerate(rows) for a in ("x", "y")
    ))  # fmt: skip
    flags = ["--model", tiny_llama, "--set", "epochs=1", "--set", "template={prompt} Answer :", "--json"]
    assert run(monkeypatch, "train", path, "-o", tmp_path / "run", *flags) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["items"] == 60
    assert "training on the 60 items of split 'train'" in err
    assert run(monkeypatch, "train", path, "-o", tmp_path / "other", "--split", "dev", *flags) == 2
    assert "no item is of split 'dev'. Splits: test, train." in capsys.readouterr().err


def test_ctrl_c_is_one_sentence(crowd: Path) -> None:
    code = (
        "import sys, signal, os; from crowdtune import cli; import crowdtune.cli._source as s;"
        "s.read = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT);"
        f"sys.argv = ['crowdtune', 'aggregate', {str(crowd)!r}]; cli.main()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 128 + signal.SIGINT
    assert "stopped" in said.stderr
    assert "Traceback" not in said.stderr


def test_held_out_items_are_read_with_the_choices_of_training(
    words: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gold spelt in capitals, and without a choices column: the same numbers from --test and from evaluate."""
    run(monkeypatch, "simulate", words, "-o", tmp_path / "data")
    rows = [json.loads(line) for line in words.read_text().splitlines()]
    (tmp_path / "test.csv").write_text(
        "id,text,gold\n" + "".join(f"{r['id']},{r['prompt']},{r['gold'].upper()}\n" for r in rows)
    )
    flags = ["--model", tiny_llama, "--set", "epochs=1", "--set", "template={prompt} Answer :", "--json"]
    assert (
        run(monkeypatch, "train", tmp_path / "data", "-o", tmp_path / "run", "--test", tmp_path / "test.csv", *flags)
        == 0
    )
    said = json.loads(capsys.readouterr().out.split("share right")[-1].split("\n", 1)[1])
    assert run(monkeypatch, "evaluate", tmp_path / "run", tmp_path / "test.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out) == said["test"]
    assert set(said["test"]["recall"]) == {"yes", "no"}
