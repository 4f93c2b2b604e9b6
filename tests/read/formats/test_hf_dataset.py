"""Oracle: folders written by pyarrow and, where it is installed, by the datasets library itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdtune import InputError, read
from crowdtune.read.hub import local
from crowdtune.read.label_names import decoders
from tests.crowds import put, said
from tests.read.formats.shaken import bounded, try_reading

NAMES = {"_type": "ClassLabel", "names": ["hate", "normal"]}
NUMBER, TEXT = {"_type": "Value", "dtype": "int64"}, {"_type": "Value", "dtype": "string"}
FEATURES = {
    "id": TEXT, "text": TEXT,
    "annotators": {"label": {"_type": "List", "feature": NAMES}, "annotator_id": {"_type": "List", "feature": NUMBER}},
}  # fmt: skip
ROWS = {
    "train": [{"id": "1", "text": "a", "annotators": {"label": [0, 1], "annotator_id": [4, 5]}},
              {"id": "2", "text": "b", "annotators": {"label": [1], "annotator_id": [5]}}],
    "test": [{"id": "3", "text": "c", "annotators": {"label": [-1, 0], "annotator_id": [4, 5]}}],
}  # fmt: skip
SAID = {("1", "4", "hate"), ("1", "5", "normal"), ("2", "5", "normal"), ("3", "5", "hate")}
LINE = '{"id": "1", "annotator": "a", "label": "x"}\n'
SAMPLES = {"hf-dataset": ("data", {"train.jsonl": LINE, "validation.jsonl": LINE.replace("1", "2"), "README.md": "#"})}


def table(rows: list[dict[str, Any]], features: Any = None) -> pa.Table:
    stored = json.dumps({"info": {"features": features or FEATURES}})
    return pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": stored})


def saved(folder: Path, stream: bool = True) -> Path:
    """A folder as save_to_disk leaves it."""
    for split, rows in ROWS.items():
        (folder / split).mkdir(parents=True)
        put(folder / split, "state.json", json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        put(folder / split, "dataset_info.json", json.dumps({"features": FEATURES}))
        made = table(rows)
        writer = pa.ipc.new_stream if stream else pa.ipc.new_file
        with writer(str(folder / split / "data-00000-of-00001.arrow"), made.schema) as sink:
            sink.write_table(made)
    put(folder, "dataset_dict.json", json.dumps({"splits": list(ROWS)}))
    return folder


def repository(folder: Path) -> Path:
    """A folder as on the hub."""
    (folder / "data").mkdir(parents=True)
    put(folder, "README.md", "---\nlicense: mit\n---\n")
    for split, rows in ROWS.items():
        pq.write_table(table(rows), folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize("stream", [True, False])
def test_saved_to_disk(tmp_path: Path, stream: bool) -> None:
    annotations, report = read(saved(tmp_path / "d", stream))
    assert report.known_by == "dataset_dict.json and Arrow files"
    assert said(annotations) == SAID
    assert annotations.items.splits == ["train", "train", "test"]
    assert report.abstentions == {"": 1}


def test_one_split_alone(tmp_path: Path) -> None:
    annotations, report = read(saved(tmp_path / "d") / "train")
    assert report.known_by == "state.json and Arrow files"
    assert len(annotations) == 3


@pytest.mark.parametrize("inner", ["", "data"])
def test_data_files_named_by_split(tmp_path: Path, inner: str) -> None:
    annotations, report = read(repository(tmp_path / "d") / inner)
    assert report.known_by == "data files named by their split"
    assert said(annotations) == SAID
    assert annotations.items.splits == ["train", "train", "test"]


def test_lines_named_by_split(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        put(tmp_path, f"{split}.jsonl", json.dumps({"id": split, "annotator": "a", "label": "x"}) + "\n")
    annotations, _ = read(tmp_path)
    assert annotations.items.splits == ["train", "validation"]


def test_a_file_alone_knows_its_names(tmp_path: Path) -> None:
    pq.write_table(table(ROWS["train"]), tmp_path / "f.parquet")
    assert said(read(tmp_path / "f.parquet")[0]) == {s for s in SAID if s[0] != "3"}


def test_the_library_itself_agrees(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    made = datasets.DatasetDict({split: datasets.Dataset(table(rows)) for split, rows in ROWS.items()})
    assert made["train"].features["annotators"]["label"].feature.names == ["hate", "normal"]
    made.save_to_disk(tmp_path / "d")
    assert said(read(tmp_path / "d")[0]) == SAID


def test_a_hub_address_is_fetched_by_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local folder goes through the same call as an address on the hub."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    annotations, _ = read(f"hub:{repository(tmp_path / 'repo')}")
    assert said(annotations) == SAID
    assert annotations.items.splits == ["train", "train", "test"]


@pytest.mark.parametrize("address", ["hub:no/such", "hf://datasets/no/such", "hf:/datasets/no/such"])
def test_an_address_that_is_not_there(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def fails(name: str, part: str | None) -> None:
        assert (name, part) == ("no/such", None)
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", fails)
    with pytest.raises(
        InputError, match=r"cannot be fetched \(no network\)\. Check the network and the name: hub:owner"
    ):
        local(Path(address))


def test_several_data_sets_in_one_folder(tmp_path: Path) -> None:
    for name in ("raw", "clean"):
        (tmp_path / name).mkdir()
        put(tmp_path / name, "train.csv", "id,label\n1,x\n")
    with pytest.raises(InputError, match=r"holds several data sets \(clean, raw\)\. Name one of these folders\.$"):
        read(tmp_path)


def test_a_cut_off_arrow_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "d") / "train" / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"is not a readable Arrow file"):
        read(tmp_path / "d")


@pytest.mark.parametrize(
    ("feature", "value", "wanted"),
    [
        (NAMES, 1, "normal"),
        (NAMES, None, None),
        (NAMES, 7, None),
        ([NAMES], [0], ["hate"]),
        ({"_type": "Sequence", "feature": NAMES}, [0, 1], ["hate", "normal"]),
        ({"_type": "Sequence", "feature": {"label": NAMES, "id": TEXT}}, {"label": [0], "id": ["a"]},
         {"label": ["hate"], "id": ["a"]}),
        ([{"label": NAMES}], [{"label": 1}], [{"label": "normal"}]),
    ],
)  # fmt: skip
def test_names_of_labels(feature: Any, value: Any, wanted: Any) -> None:
    stored = json.dumps({"info": {"features": {"x": feature}}}).encode()
    assert decoders({b"huggingface": stored})["x"](value) == wanted


@pytest.mark.parametrize("stored", [b"", b"[", b"3", b'{"info": null}', b'{"info": {"features": [1]}}'])
def test_metadata_of_another_form(stored: bytes) -> None:
    assert decoders({b"huggingface": stored}) == {}


@bounded
@given(start=st.integers(0, 2000), what=st.binary(min_size=1, max_size=30))
def test_arrow_with_bytes_overwritten(start: int, what: bytes) -> None:
    made = table(ROWS["train"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    data = sink.getvalue().to_pybytes()
    try_reading("f.arrow", data[:start] + what + data[start + len(what) :])
