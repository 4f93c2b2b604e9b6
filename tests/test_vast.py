"""Many items and annotators, one item of very many labels. Oracles: the same in one piece, and what a process holds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crowdtune import ragged
from crowdtune.annotations import Annotations
from crowdtune.annotators.expertise import Expertise
from crowdtune.em.gibbs import sample
from crowdtune.em.given import flat, given
from crowdtune.em.grid import on_grid
from crowdtune.em.grids import pair_grid
from crowdtune.errors import InputError
from crowdtune.examples import from_annotations
from crowdtune.lm import encode as encoding
from crowdtune.lm.encode import encode
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.methods._plan import Anchor
from crowdtune.methods.crowd_layer import CrowdLayer
from crowdtune.metrics import meetings as met
from crowdtune.objectives.likelihood import Likelihood
from crowdtune.ragged import Texts
from crowdtune.read import read
from crowdtune.simulate.crowd import few_of_many
from crowdtune.training import frozen_stage
from crowdtune.write.folder import write_folder
from tests.crowds import crowd, make_items
from tests.tiny import word_items

TEXT, ROWS = 2_000, 16_000  # 32 MB


def popular(annotators: int = 400, others: int = 60) -> Annotations:
    """An item that everybody labelled beside items with three labels each; annotators are right on 80 %."""
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=1 + others)
    pairs = [(0, j) for j in range(annotators)]
    pairs += [(i, int(j)) for i in range(1, 1 + others) for j in rng.choice(annotators, 3, replace=False)]
    said = [(i, j, int(gold[i]) if rng.random() < 0.8 else int(rng.integers(3))) for i, j in pairs]
    return crowd(make_items(gold.tolist(), "abc"), said, annotators)


@pytest.mark.parametrize("kind", ["per-label", "joint"])
def test_the_frozen_stage_in_pieces_is_that_of_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = popular()
    examples, log_p = from_annotations(made), np.log(np.full((len(made.items), 3), 1 / 3))
    log_p[np.arange(len(log_p)), made.items.gold] = np.log(0.8)
    found = []
    for cells in (frozen_stage.CELLS, 60):
        monkeypatch.setattr(frozen_stage, "CELLS", cells)
        assert (len(list(frozen_stage.table_batches(examples, log_p))) > 1) == (cells == 60)
        experts = Expertise(len(made.annotators), prior=(1.5, 1.5))
        objective = Likelihood(experts, len(made), kind)  # type: ignore[arg-type]
        frozen_stage.fit_frozen(objective, examples, log_p, steps=5, rate=0.1)
        found.append((experts.expertise().numpy(), frozen_stage.believed(experts, examples, log_p)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_sums_by_item_never_need_the_labels_table() -> None:
    """Oracle: the table of every label under every truth, summed."""
    seen, rng = given(popular(50, 30)), np.random.default_rng(1)
    table = rng.random((50, 3, 3))
    wanted = seen.per_item(table[seen.annotator, :, seen.label])
    np.testing.assert_allclose(seen.per_pair(table), wanted)


def test_places_drawn_some_at_a_time_are_those_of_a_table_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the exact share of each place given known truths, for one annotator seen many times."""
    seen = given(crowd(make_items([0, 1, 0, 1]), [(i, 0, (0, 1, 1, 1)[i]) for i in range(4)]))
    grid, truth, rng = pair_grid(2), np.array([0, 1, 0, 1]), np.random.default_rng(2)
    many = replace(
        seen,
        item=np.tile(seen.item, 4000),
        label=np.tile(seen.label, 4000),
        n_choices=np.tile(seen.n_choices, 4000),
        annotator=np.repeat(np.arange(4000), 4),
        n_annotators=4000,
    )
    grid = replace(grid, log_priors=grid.log_priors[:1])
    monkeypatch.setattr("crowdtune.em.grid.ROWS", 999)
    drawn = on_grid(many, grid).draw(many, truth, rng)
    exact = on_grid(seen, grid).refit(seen, np.eye(2)[truth]).weights[0]
    right, sd = grid.points[:, 0], 0.0
    sd = float(np.sqrt((exact * right**2).sum() - (exact @ right) ** 2))
    assert abs(drawn.mean(grid.points)[:, 0].mean() - exact @ right) < 5 * sd / np.sqrt(4000)
    np.testing.assert_allclose(drawn.evidence(many), many.per_item(drawn.log_likelihood(many)))
    np.testing.assert_allclose(drawn.draw(many, truth, rng).weights.shape, (0, len(right)))


def test_less_is_drawn_where_much_is_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from crowdtune.em import gibbs
    from crowdtune.em.coin import coin

    made = popular(20, 5)
    seen = given(made)
    monkeypatch.setattr(gibbs, "CELLS", 1.0)
    drawn = sample(flat(made), seen, coin(seen), 1.0, np.random.default_rng(0))
    assert drawn.reliability.shape == (gibbs.FEW_DRAWS, 20)


def test_few_of_many_are_different_and_drawn_alike() -> None:
    """Every set of 2 of 4 has probability 1/6: 12,000 draws within five standard deviations."""
    drawn = np.sort(few_of_many(12_000, 4, 2, np.random.default_rng(0)), axis=1)
    sets, count = np.unique(drawn, axis=0, return_counts=True)
    assert sets.tolist() == [[a, b] for a in range(4) for b in range(a + 1, 4)]
    assert np.abs(count - 2000).max() < 5 * np.sqrt(12_000 / 6 * 5 / 6)


def test_meetings_on_an_item_of_very_many_labels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(met, "WIDEST", 20)
    item, one, other, _, _ = met.meetings(popular(), np.random.default_rng(0))
    assert (item == 0).sum() == 20 * 19 / 2
    assert (one < other).all()


def test_items_encoded_in_parts_are_those_of_one(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = load(str(tiny))
    sets = [("w1", "w2"), ("w3", "w4", "w5")]
    items = replace(word_items(9), choice_sets=sets, choice_set=np.arange(9) // 5, gold=np.zeros(9, dtype=np.int64))
    for style in ("letters", "texts"):
        found = []
        for part in (1024, 2):
            monkeypatch.setattr(encoding, "PART", part)
            found.append(encode(items, lm, PromptFormat(style, "{prompt} Answer :", beta=0.5), 3))
        one, other = found
        assert [row.tolist() for row in one.rows] == [row.tolist() for row in other.rows]
        assert (one.texts, one.names, one.truncated) == (other.texts, other.names, other.truncated)
        for name in ("answers", "offset", "divisor"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_parts_of_a_table_and_mapped_texts_are_read_as_one_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"item": ["a", "a", "b", "c"], "text": ["one", "one", "two", ""], "who": list("xyxy"), "label": list("0110")}
    table = pa.table({"annotator": rows.pop("who")} | rows)
    pq.write_table(table, tmp_path / "whole.parquet")
    (tmp_path / "parts").mkdir()
    for n in range(2):
        pq.write_table(table.slice(2 * n, 2), tmp_path / "parts" / f"part-{n}.parquet")
    whole, _ = read(tmp_path / "whole.parquet")
    monkeypatch.setattr(ragged, "SPILL", 1)
    parts, _ = read(tmp_path / "parts")
    write_folder(parts, tmp_path / "folder", {})
    again, _ = read(tmp_path / "folder")
    assert isinstance(parts.items.prompts, Texts)
    for made in (parts, again):
        assert list(made.items.prompts) == list(whole.items.prompts) == ["one", "two", ""]
        assert (made.items.ids, made.annotators) == (whole.items.ids, whole.annotators)
        assert (made.item.tolist(), made.label.tolist()) == (whole.item.tolist(), whole.label.tolist())
    (tmp_path / "parts" / "notes.md").write_text("")
    with pytest.raises(InputError, match="holds Parquet files of one table alone"):
        read(tmp_path / "parts")


def test_the_crowd_layer_says_what_it_would_need() -> None:
    items = make_items([0, 1], [f"c{k}" for k in range(200)])
    made = crowd(items, [(0, 0, 0), (1, 2999, 1)], 3000)
    with pytest.raises(InputError, match=r"200 x 200 matrix for each of 3000 annotators .* 2 GiB .* joint or realm"):
        CrowdLayer().plan(made, Anchor(np.zeros((2, 200)), np.zeros((2, 0), np.float32)))


def test_reading_holds_no_texts(tmp_path: Path) -> None:
    """A process of its own reads 32 MB of texts, keeps 32 MB of tokens, and holds less than half of both (21 MB)."""
    text = "word " * (TEXT // 5)
    columns = {
        "item": [f"i{i}" for i in range(ROWS)],
        "text": [f"{i} {text}" for i in range(ROWS)],
        "annotator": ["a"] * ROWS,
        "label": ["yes", "no"] * (ROWS // 2),
    }
    pq.write_table(pa.table(columns), tmp_path / "big.parquet", row_group_size=2000)
    pq.write_table(pa.table(columns).slice(0, 2000), tmp_path / "small.parquet")
    script = f"""
from pathlib import Path
from crowdtune import ragged
from crowdtune.read import read, tables
import pyarrow.parquet
def held():
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) * 1024
ragged.SPILL = tables.LARGE = 1 << 20
read({str(tmp_path / "small.parquet")!r})
before = held()
made, _ = read({str(tmp_path / "big.parquet")!r})
tokens = ragged.Growing("i4")
for text in made.items.prompts:
    tokens.add(list(text.encode())[:{TEXT // 4}])
rows = tokens.done()
assert len(rows) == len(made.items) == {ROWS}
print(held() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    assert int(done.stdout) < TEXT * ROWS
