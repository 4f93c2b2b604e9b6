"""Oracle: the `datasets` library itself loads the folder; rows written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crowdtune import InputError
from crowdtune.write.formats import make
from tests.write.exports import labelled

datasets = pytest.importorskip("datasets")
ITEM = {"task": "t0", "choices": ["no", "yes"]}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()


def load(tmp_path: Path, **options: Any) -> Any:
    make("hf", options).write(labelled(), tmp_path / "data")
    return datasets.load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))


def test_hard(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 1, "test": 1}
    row = loaded["train"][0]
    assert row.pop("probability") == pytest.approx(2 / 3)
    assert row == ITEM | {"item": "i0", "text": "text 0", "label": 1, "label_text": "yes"}


def test_soft_keeps_open_items(tmp_path: Path) -> None:
    """i3, of no split, comes under train."""
    loaded = load(tmp_path, variant="soft")
    assert [row["item"] for row in loaded["train"]] == ["i0", "i1", "i3"]
    assert loaded["train"][1] == ITEM | {"item": "i1", "text": "text 1", "posterior": [0.5, 0.5], "votes": [1, 1]}
    assert loaded["train"][2]["votes"] == [0, 0]


def test_weights_of_an_item_sum_to_one(tmp_path: Path) -> None:
    rows = [dict(row) for part in load(tmp_path, variant="weighted").values() for row in part]
    mass: dict[str, float] = {}
    for row in rows:
        mass[row["item"]] = mass.get(row["item"], 0) + row["weight"]
        assert row["label_text"] == row["choices"][row["label"]]
    assert mass == pytest.approx(dict.fromkeys(["i0", "i1", "i2", "i3"], 1.0))
    assert [row["label_text"] for row in rows if row["item"] == "i2"] == ["no"]


def test_long(tmp_path: Path) -> None:
    loaded = load(tmp_path, variant="long", keep_ids=True)
    assert loaded["train"].num_rows + loaded["test"].num_rows == 7
    assert loaded["train"][0] == ITEM | {
        "item": "i0", "text": "text 0", "annotator": "zebra", "label": 1, "label_text": "yes", "seconds": 1.5,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"Leave out --min-probability"):
        make("hf", {"variant": "long", "min_probability": 0.5})


def test_any_name_of_a_split_loads(tmp_path: Path) -> None:
    make("hf", {}).write(labelled(splits=["dev: 1\n'x", "", "é", ""]), tmp_path / "data")
    loaded = datasets.load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert sorted(loaded) == ["_", "dev_1_x"]
    with pytest.raises(InputError, match=r"splits 'a b' and 'a-b' would both be written as a_b"):
        make("hf", {}).write(labelled(splits=["a b", "", "a-b", ""]), tmp_path / "other")
