"""Oracles: forms as the tools' own documentation gives them, written out by hand; YAML and XML by their parsers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from crowdtune import InputError
from crowdtune.write.formats import make
from crowdtune.write.labelled import Labelled
from tests.crowds import crowd, make_items, with_choices
from tests.write.exports import POSTERIOR, annotations, labelled, pairs, table

ASKED = "text 0\nAnswer with one of: no, yes.\nAnswer:"


def write(name: str, folder: Path, source: Labelled | None = None, **options: Any) -> Path:
    make(name, options).write(source or labelled(), folder / "out")
    return folder / "out"


def test_trl_sft(tmp_path: Path) -> None:
    rows = table(write("trl-sft", tmp_path) / "data" / "train.parquet")
    assert rows == [{"prompt": ASKED, "completion": " yes", "weight": pytest.approx(2 / 3), "item": "i0"}]


def test_trl_sft_chat(tmp_path: Path) -> None:
    [row] = table(write("trl-sft", tmp_path, chat=True) / "data" / "test.parquet")
    assert row["prompt"] == [{"role": "user", "content": ASKED.replace("0", "2")}]
    assert row["completion"] == [{"role": "assistant", "content": "no"}]


def test_written_answers_are_asked_for_without_a_menu(tmp_path: Path) -> None:
    source = labelled(kinds=["text"])
    [row] = table(write("trl-sft", tmp_path, source) / "data" / "train.parquet")
    assert (row["prompt"], row["completion"]) == ("text 0\nAnswer:", " yes")


def test_trl_dpo(tmp_path: Path) -> None:
    made = make("trl-dpo", {}).write(pairs(), tmp_path / "out")
    assert table(tmp_path / "out" / "data" / "train.parquet") == [
        {"prompt": "text 0\nAnswer:", "chosen": " one 0", "rejected": " two 0", "weight": 0.8, "item": "i0"},
        {"prompt": "text 1\nAnswer:", "chosen": " two 1", "rejected": " one 1", "weight": 0.7, "item": "i1"},
    ]
    assert (made.rows, made.left_out["two texts are equally good"]) == (2, 1)


def test_trl_dpo_chat(tmp_path: Path) -> None:
    row = table(write("trl-dpo", tmp_path, pairs(), chat=True) / "data" / "train.parquet")[1]
    assert row["prompt"] == [{"role": "user", "content": "text 1\nAnswer:"}]
    assert row["chosen"] == [{"role": "assistant", "content": "two 1"}]
    assert row["rejected"] == [{"role": "assistant", "content": "one 1"}]


def test_trl_dpo_wants_two_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task 't0' is of kind choice\. Use trl-sft\.$"):
        make("trl-dpo", {}).write(labelled(), tmp_path / "out")
    with pytest.raises(InputError, match=r"in task 't0' all items have the choices no, yes\. Give each item its two"):
        make("trl-dpo", {}).write(labelled(kinds=["pair"]), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_tie_is_no_answer_to_learn(tmp_path: Path) -> None:
    assert make("trl-sft", {}).write(pairs(), tmp_path / "out").left_out["two texts are equally good"] == 1


def test_items_without_a_text_teach_nothing(tmp_path: Path) -> None:
    source = labelled(prompts=["text", "", " ", ""])
    with pytest.raises(InputError, match=r"^item 'i2' has no text to read"):
        make("trl-sft", {}).write(source, tmp_path / "out")


def test_llamafactory(tmp_path: Path) -> None:
    out = write("llamafactory", tmp_path)
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    assert json.loads((out / "dataset_info.json").read_text()) == {
        "crowdtune": {"file_name": "data.json", "columns": columns},
        "crowdtune_test": {"file_name": "data_test.json", "columns": columns},
    }
    [row] = json.loads((out / "data.json").read_text())
    assert [row[columns[name]] for name in ("prompt", "query", "response")] == [ASKED, "", "yes"]


def test_llamafactory_chat(tmp_path: Path) -> None:
    out = write("llamafactory", tmp_path, chat=True)
    assert json.loads((out / "dataset_info.json").read_text())["crowdtune"] == {
        "file_name": "data.json", "formatting": "sharegpt", "columns": {"messages": "conversations"},
    }  # fmt: skip
    [row] = json.loads((out / "data.json").read_text())
    assert row["conversations"] == [{"from": "human", "value": ASKED}, {"from": "gpt", "value": "yes"}]


@pytest.mark.parametrize("chat", [False, True])
def test_axolotl(tmp_path: Path, chat: bool) -> None:
    out = write("axolotl", tmp_path, chat=chat)
    config = yaml.safe_load((out / "config.yaml").read_text())
    [train], [test] = config["datasets"], config["test_datasets"]
    assert (train["ds_type"], train["split"]) == ("json", "train")
    [row] = map(json.loads, (out / train["path"]).read_text().splitlines())
    assert json.loads((out / test["path"]).read_text())["item"] == "i2"
    if chat:
        assert train["type"] == "chat_template"
        assert row[train["field_messages"]] == [
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": "yes"},
        ]
    else:
        way = train["type"]
        assert way["no_input_format"].format(instruction=row[way["field_instruction"]]) == ASKED
        assert row[way["field_output"]] == " yes"


def predictions(out: Path) -> dict[str, tuple[str, str, float]]:
    """Item -> (who, what, score) of its prediction, as the labelling config lets Label Studio read it."""
    config = ElementTree.parse(out / "label_config.xml").getroot()
    controls = {tag.attrib["name"]: tag for tag in config if "toName" in tag.attrib}
    objects = {
        tag.attrib["name"]: tag.attrib["value"].removeprefix("$")
        for tag in config
        if "name" in tag.attrib and "toName" not in tag.attrib
    }
    found = {}
    for task in json.loads((out / "tasks.json").read_text()):
        for given in task.get("predictions", []):
            [result] = given["result"]
            tag = controls[result["from_name"]]
            assert result["to_name"] == tag.attrib["toName"]
            assert objects[result["to_name"]] in task["data"]
            assert result["type"] == tag.tag.lower()
            [said] = result["value"][{"choices": "choices", "textarea": "text"}[result["type"]]]
            if tag.tag == "Choices":
                own = task["data"].get(tag.attrib.get("value", "$").removeprefix("$"), [])
                assert said in [choice.attrib["value"] for choice in tag] + [choice["value"] for choice in own]
            found[task["data"]["item"]] = (given["model_version"], said, given["score"])
    return found


def test_label_studio(tmp_path: Path) -> None:
    out = write("label-studio", tmp_path)
    who = "crowdtune majority"
    assert predictions(out) == {"i0": (who, "yes", pytest.approx(2 / 3)), "i2": (who, "no", 1.0)}
    tasks = json.loads((out / "tasks.json").read_text())
    assert [(task["id"], task["data"]["item"], task["annotations"]) for task in tasks] == [
        (f"i{i}", f"i{i}", []) for i in range(4)
    ]
    assert "2 tasks without a prediction: the label is open" in (out / "README.md").read_text()


@pytest.mark.parametrize(
    "choices", [('a"<&>', "b\nc"), ("\x00", "\x1b"), ("x", "x ", "y"), ("é", "\ud7ff"), ("'", "]]>")]
)
def test_label_studio_holds_any_choice(tmp_path: Path, choices: tuple[str, ...]) -> None:
    given = replace(annotations(), items=replace(annotations().items, choice_sets=[choices]))
    posterior = np.pad(POSTERIOR, ((0, 0), (0, len(choices) - 2)))
    assert predictions(write("label-studio", tmp_path, Labelled(given, posterior, "m")))["i0"][1] == choices[1]


def test_label_studio_with_a_menu_per_item_and_with_written_answers(tmp_path: Path) -> None:
    items = with_choices([("a", "b"), ("c", "d"), ("so", "thus")], [-1, -1, -1])
    items = replace(items, tasks=["menu", "write"], task=np.array([0, 0, 1]), kinds=["choice", "text"])
    posterior = np.array([[0.9, 0.1], [0.2, 0.8], [1.0, 0.0]])
    out = write("label-studio", tmp_path, Labelled(crowd(items, [(0, 0, 0)]), posterior, "m"))
    assert {item: said for item, (_, said, _) in predictions(out).items()} == {"i0": "a", "i1": "d", "i2": "so"}


def test_label_studio_with_a_text_that_comes_twice(tmp_path: Path) -> None:
    source = Labelled(crowd(make_items([-1], ("x", "x")), [(0, 0, 1)]), np.array([[0.3, 0.7]]), "m")
    assert predictions(write("label-studio", tmp_path, source))["i0"][1] == "x"


def test_of_several_questions_each_says_which_it_is(tmp_path: Path) -> None:
    """Else one text would be asked to have two answers."""
    items = make_items([0, 1], ("no", "yes"), task=[0, 1])
    items = replace(items, prompts=["Fast delivery"] * 2, tasks=["price", "quality"])
    labelled = Labelled(crowd(items, [(0, 0, 0), (1, 0, 1)]), np.eye(2), "majority")
    make("trl-sft", {}).write(labelled, tmp_path / "sft")
    rows = table(next((tmp_path / "sft").rglob("*.parquet")))
    assert [row["prompt"].splitlines()[1] for row in rows] == ["price", "quality"]
    make("label-studio", {}).write(labelled, tmp_path / "ls")
    tasks = json.loads((tmp_path / "ls" / "tasks.json").read_text())
    assert [task["data"]["question"] for task in tasks] == ["price", "quality"]
    assert 'Header value="$question"' in (tmp_path / "ls" / "label_config.xml").read_text()
