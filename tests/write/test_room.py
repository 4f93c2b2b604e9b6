"""Oracle: a file system that is really full, and what each writer raises there."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdtune.errors import InputError
from crowdtune.write.room import Unwritten, discard, free, replacing, size, writing
from crowdtune.write.tables import occupied, sweep, whole, write_bytes

NUMBERS = np.ones(1_000_000, dtype=np.float32)


def of_torch(path: Path) -> None:
    import torch

    torch.save(torch.from_numpy(NUMBERS), path)


def of_safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": NUMBERS}, path)


def of_numpy(path: Path) -> None:
    np.savez(path, a=NUMBERS)


def of_ours(path: Path) -> None:
    write_bytes(path, NUMBERS.tobytes())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("may not mount a small file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.mark.parametrize("write", [of_torch, of_safetensors, of_numpy, of_ours])
def test_whoever_writes_a_full_disk_is_told_alike(write: Callable[[Path], None], small_disk: Path) -> None:
    path = small_disk / "a.npz"
    with pytest.raises(Unwritten) as e, writing(path, needs=4_000_000, then="Make room."):
        write(path)
    words = "4.0 MB needed, " if write is not of_ours else ""
    assert str(e.value).startswith(f"{path} cannot be written (the disk is full: {words}")
    assert str(e.value).endswith(" free). Make room.")


@pytest.mark.parametrize("left", [300, 700, 2_000, 4_000, 9_000])
def test_wherever_torch_notices_it(left: int, small_disk: Path) -> None:
    """Its error depends on how many bytes still fitted: of the file, or of what ends it."""
    import torch

    (small_disk / "ballast").write_bytes(b"x" * (free(small_disk) // 4096 * 4096 - left // 4096 * 4096))
    with pytest.raises(Unwritten, match="the disk is full"), writing(small_disk / "a.pt"):
        torch.save({"a": torch.zeros(left)}, small_disk / "a.pt")


def test_what_is_not_about_writing_is_left_alone(tmp_path: Path) -> None:
    for error in (RuntimeError("shapes differ"), InputError("no"), KeyError("a")):
        with pytest.raises(type(error)) as e, writing(tmp_path):
            raise error
        assert e.value is error


def test_a_folder_one_may_not_write_is_told_without_its_size(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match=r"f/x cannot be written \(File exists\)\. Name a file in a folder"):
        write_bytes(tmp_path / "f" / "x", b"")
    error: Any = Unwritten("what", "then")
    assert str(pickle.loads(pickle.dumps(error))) == "what then"


def test_sizes_and_room() -> None:
    assert [size(n) for n in (0, 999, 1000, 99_940, 999_600, 1.5e12)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "100 kB",
        "1.0 MB",
        "1.5 TB",
    ]
    assert free(Path("not") / "there" / "yet") == pytest.approx(free(Path()), rel=0.1)


def test_what_a_kill_left_is_no_content(tmp_path: Path) -> None:
    """Neither a half-written file nor folder makes a folder occupied; a table that stands there does."""
    folder = tmp_path / "new"
    (folder / ".model.new.17").mkdir(parents=True)
    (folder / ".config.json.17").write_text("{")
    assert not occupied(folder)
    with whole(folder) as aside:
        (aside / "table.csv").write_text("a")
    assert [path.name for path in folder.iterdir()] == ["table.csv"]
    (folder / ".table.csv.18").write_text("b")
    sweep(folder)
    assert [path.name for path in folder.iterdir()] == ["table.csv"]
    assert occupied(folder)


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with replacing(tmp_path / "model") as folder:
            (folder / "weights").write_text(text)
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "model") as folder:
        (folder / "weights").rename(folder / "three")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "weights").read_text() == "two"
    discard(tmp_path / "model")
    discard(tmp_path / "model")
    assert not list(tmp_path.iterdir())
