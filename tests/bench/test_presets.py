"""Presets have exactly the cells they promise. Oracle: the sets of cells, written out here."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from crowdtune.bench import presets
from crowdtune.bench.presets import PRESETS, cells
from crowdtune.cli.bench import realm
from crowdtune.errors import InputError

EIGHT = {"noisy", "majority", "dawid-skene", "crowdlab", "crowd-layer", "realm", "joint", "oracle"}


def crowds(name: str) -> set[tuple[str, str, str, str]]:
    return {(c.data, c.distribution, c.noise, c.overlap) for c in cells(name, {})}


def test_cpu() -> None:
    overlaps, dists = ("shared", "exclusive"), ("dist1", "dist2", "dist3")
    clean = "0.9,0.9,0.9"
    expected = {("words", d, "uniform", o) for d in (*dists, clean) for o in overlaps}
    expected |= set(itertools.product(["grades"], dists, ["uniform", "asymmetric", "systematic"], overlaps))
    expected |= {("grades", clean, "uniform", o) for o in overlaps}
    made = cells("cpu", {})
    assert crowds("cpu") == expected
    run = {(c.data, c.distribution, c.noise, c.overlap, c.method) for c in made}
    assert run == {(*c, m) for c in expected for m in EIGHT if m != "crowdlab" or c[3] == "shared"}
    assert len(made) == len(run) * 3 == len({c.name for c in made})
    assert all(c.held_out >= 3000 for c in made)


def test_cpu_lm() -> None:
    assert crowds("cpu-lm") == {
        ("words", "dist1", "uniform", "shared"),
        ("words", "dist3", "uniform", "shared"),
        ("words", "dist1", "uniform", "exclusive"),
        ("grades", "dist1", "uniform", "shared"),
        ("grades", "dist1", "asymmetric", "shared"),
        ("grades", "dist3", "systematic", "shared"),
    }
    made = cells("cpu-lm", {})
    assert len(made) == 6 * 4 * 2
    assert {c.model for c in made} == {"embedded"}
    assert all(c.held_out >= 3000 for c in made)


def test_ablation() -> None:
    made = cells("ablation", {})
    rates = {c.expertise_learning_rate for c in made if c.options == presets.UNFROZEN}
    assert rates == set(presets.RATES) == {c.expertise_learning_rate for c in made if not c.options} - {None}
    assert {c.annotators for c in made} == {3, 5, 10}


def test_the_papers_tables() -> None:
    made = cells("flan-t5-base", {}, seeds=1)
    data = {"arc", "obqa", "piqa", "pubmedqa", "riddlesense"}
    assert {c.model for c in made} == {"google/flan-t5-base"}
    plain = [c for c in made if c.expertise_learning_rate is None]
    single = {(c.data, c.distribution, c.noise) for c in plain if c.distribution.startswith("dist")}
    noises = ("uniform", "asymmetric", "systematic")
    expected = set(itertools.product(data, ("dist1", "dist2", "dist3"), noises))
    assert single == {row for row in expected if row[0] != "piqa" or row[2] == "uniform"}
    several = {(c.distribution, c.noise) for c in plain if c.data == "arc+obqa+riddlesense"}
    assert several == set(itertools.product(("multi1", "multi2", "multi3"), noises))
    assert {c.data for c in made if c.expertise_learning_rate is not None} == data


def test_fewer_methods_and_seeds() -> None:
    made = cells("cpu", {}, methods=["noisy", "oracle"], seeds=1)
    assert {(c.method, c.seed) for c in made} == {("noisy", 0), ("oracle", 0)}


def test_another_file_is_another_cell(tmp_path: Path) -> None:
    names = set()
    for content in ("one", "two"):
        (tmp_path / "arc.jsonl").write_text(content)
        paths = {"arc": tmp_path / "arc.jsonl"}
        names |= {c.name for c in cells("flan-t5-small", paths, methods=["noisy"], seeds=1) if c.data == "arc"}
    assert len(names) % 2 == 0
    assert len({n.rsplit("-", 1)[0] for n in names}) == len(names) / 2


@pytest.mark.parametrize(
    ("name", "methods", "said"),
    [
        ("cpi", [], "unknown preset 'cpi'. Did you mean 'cpu'?"),
        ("cpu", ["relm"], "unknown method 'relm'. Did you mean 'realm'?"),
        ("tiny", ["soft"], "preset 'tiny' has no cell with method soft."),
    ],
)
def test_wrong_names_are_answered(name: str, methods: list[str], said: str) -> None:
    with pytest.raises(InputError) as e:
        cells(name, {}, methods=methods)
    assert str(e.value).startswith(said)


def test_a_file_for_no_data_set_of_the_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^unknown data set of preset flan-t5-base 'riddle'\. Did you mean 'riddlesense'"
    ):
        cells("flan-t5-base", {"riddle": tmp_path})


def test_the_help_names_every_preset() -> None:
    import inspect

    assert all(name in str(inspect.signature(realm).parameters["preset"]) for name in PRESETS)
