"""The grids of `bench shala`. Oracle: planted temperatures and shares, hand arithmetic, the error of a mean."""

from __future__ import annotations

import inspect
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Floats
from crowdtune.bench import shala_table
from crowdtune.bench.distribution import majority
from crowdtune.bench.emotions import EMOTIONS, LABELS, emotions
from crowdtune.bench.grid import HEAD, PEOPLE, Cell, Outcome, Store
from crowdtune.bench.head import HeadTraining, head_start
from crowdtune.bench.people import load_people
from crowdtune.bench.presets import cells
from crowdtune.bench.readings import READINGS, readings, scaled
from crowdtune.bench.resampling import resampled
from crowdtune.bench.run import Keeping
from crowdtune.bench.shala_presets import LOSSES, OURS, presets
from crowdtune.bench.shala_table import summary
from crowdtune.bench.untrained import UNTRAINED
from crowdtune.bench.work import work
from crowdtune.bundled import rated_words
from crowdtune.cli.bench import shala
from crowdtune.engines import do
from crowdtune.errors import InputError
from crowdtune.methods._options import WRITING
from crowdtune.metrics.distances import js_distance
from tests.bench.stub import made
from tests.cli.test_cli import run
from tests.tiny import word_items

FILES = ("chaosnli_snli", "chaosnli_mnli_m", "md_agreement", "hs_brexit", "convabuse")


def grid(name: str, *named: str) -> list[Cell]:
    return cells(name, {n: Path(__file__) for n in named}, presets=presets(named), untrained=UNTRAINED)


def test_bundled_needs_no_file_and_tries_every_loss() -> None:
    found = [c for c in grid("bundled") if c.data == "words"]
    assert {c.method for c in found} == {"zero-shot", "majority", "soft", "sampled", OURS}
    assert {dict(c.options).get("loss") for c in found if c.method == OURS} == {None, *LOSSES}
    assert {dict(c.options).get("ambiguity_weight") for c in found if c.method == OURS} == {None, "0", "1"}
    assert ({c.seed for c in found}, {c.distribution for c in found}) == ({0, 1, 2}, {PEOPLE})
    assert {c.data for c in grid("bundled")} == {"words", "emotions"}


def test_the_other_presets() -> None:
    assert {c.data for c in grid("cpu", *FILES)} == {"words", "emotions", *FILES}
    assert {c.model for c in grid("cpu-lm")} == {"embedded"}
    writing = [c for c in grid("rl") if c.method in WRITING]
    assert [c.variant for c in writing] == ["shala-verbal", "shala-rl", "shala-rl (ambiguity_weight=0)"]
    assert {c.method for c in grid("rl")} - set(WRITING) == {"zero-shot", "majority", "soft", OURS}
    assert {(c.data, c.seed) for c in grid("named", "goemotions")} == {("goemotions", s) for s in range(3)}
    with pytest.raises(InputError, match=r"^preset 'named' runs on files you name\. .*: --data goemotions=FILE\.$"):
        grid("named")
    with pytest.raises(InputError, match=r"^data sets chaosnli_mnli_m, chaosnli_snli, .* Name their files: --data "):
        grid("cpu")
    assert all(name in str(inspect.signature(shala).parameters["preset"]) for name in presets())


def test_a_split_by_item_for_each_seed_of_the_same_items() -> None:
    cell = Cell("words", HEAD, distribution=PEOPLE, trained=60, held_out=20)
    several = [load_people(replace(cell, seed=seed), {}) for seed in (0, 1)]
    parts = [[set(part.items.ids) for part in (p.train, p.validation, p.test)] for p in several]
    assert [len(ids) for ids in parts[0]] == [60, 20, 20]
    assert len(set.union(*parts[0])) == 100
    assert set.union(*parts[0]) == set.union(*parts[1])
    assert parts[0][2] != parts[1][2]
    assert several[0].held.ids == [*several[0].validation.items.ids, *several[0].test.items.ids]
    assert (several[0].shares[1] * 10 == several[0].test.counts).all()
    assert load_people(cell, {}) is several[0]


def put(path: Path, splits: list[str], prompt: str = "word {}") -> Path:
    """A file of two annotators; the second always says no."""
    rows = [
        {
            "id": str(i),
            "prompt": prompt.format(i),
            "choices": ["yes", "no"],
            "annotator": who,
            "label": label,
            "split": s,
        }
        for i, s in enumerate(splits)
        for who, label in (("a", "A"), ("b", "B"))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_with_parts_of_its_own_keeps_them(tmp_path: Path) -> None:
    names = ["train"] * 30 + ["dev"] * 10 + ["test"] * 12
    cell = Cell("own", HEAD, distribution=PEOPLE, seed=5)
    found = load_people(cell, {"own": put(tmp_path / "own.jsonl", names)})
    assert [len(part.items) for part in (found.train, found.validation, found.test)] == [30, 10, 12]
    assert set(found.test.items.splits) == {"test"}
    drawn = load_people(cell, {"own": put(tmp_path / "two.jsonl", ["train"] * 40 + ["dev"] * 10)})
    assert [len(part.items) for part in (drawn.train, drawn.validation, drawn.test)] == [30, 10, 10]


def test_what_cannot_be_split_is_said(tmp_path: Path) -> None:
    cell = Cell("own", HEAD, distribution=PEOPLE)
    with pytest.raises(InputError, match=r"^data set 'own' has 12, 4, 4 labelled items to train on, .* needs 10\.$"):
        load_people(cell, {"own": put(tmp_path / "a.jsonl", [""] * 20)})
    with pytest.raises(InputError, match="has 20 labelled items, 50 were asked for"):
        load_people(replace(cell, trained=30, held_out=10), {"own": put(tmp_path / "b.jsonl", [""] * 20)})
    rows = [{"id": i, "prompt": "x", "choices": [f"a{i}", "b"], "annotator": "a", "label": "A"} for i in range(60)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="the items have different choices"):
        load_people(cell, {"own": tmp_path / "c.jsonl"})
    with pytest.raises(InputError, match=r"^data set 'other' is not bundled\. Name its file: --data other=FILE\.$"):
        load_people(replace(cell, data="other"), {})


def test_planted_emotions_are_what_their_texts_say() -> None:
    """Oracle: amounts 6, 2 and 1 beside 0.5 of neutral; the mean of many labels is what was planted."""
    found = emotions(3000, np.random.default_rng(0))
    assert found.items.common_choices == EMOTIONS
    assert len(EMOTIONS) == 28
    assert set(found.all_votes.sum(axis=1).tolist()) == set(LABELS)
    only = [i for i, text in enumerate(found.items.prompts) if text.startswith("a lot of") and "," not in text]
    votes = found.all_votes[only]
    neutral, n = votes[:, -1].sum(), votes.sum()
    assert abs(neutral - n * 0.5 / 6.5) < 5 * np.sqrt(n * 0.5 / 6.5 * 6 / 6.5)
    named = [EMOTIONS.index(found.items.prompts[i].removeprefix("a lot of ")) for i in only]
    assert votes[np.arange(len(only)), named].sum() + neutral == n
    assert emotions(5, np.random.default_rng(1)).items.prompts == emotions(5, np.random.default_rng(1)).items.prompts


def planted(rng: np.random.Generator, n: int = 400) -> Floats:
    return rng.dirichlet([1.0, 1.0, 1.0], size=n)


def test_a_planted_temperature_is_found() -> None:
    """The model says p to the power 3, renormalised: at temperature 3 it says p, and js_distance is 0."""
    p = planted(np.random.default_rng(0))
    items = rated_words(200, np.random.default_rng(0)).items
    path = [(0, np.full_like(p, np.log(1 / 3))), (7, scaled(np.log(p), 1 / 3))]
    found = readings(path, p[:200], majority(p[:200], items))
    assert tuple(found) == READINGS
    assert (found["people-scaled"].step, found["people-scaled"].temperature) == (7, pytest.approx(3, rel=1e-3))
    assert found["people-scaled"].q == pytest.approx(p[200:], abs=1e-3)
    assert found["people-scaled"].validation == pytest.approx(0, abs=1e-3)
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert found["last"].q == pytest.approx(sharp[200:])
    assert found["last"].validation == pytest.approx(js_distance(p[:200], sharp[:200]).mean())
    assert found["early-scaled"].temperature < 1 < found["people-scaled"].temperature  # one label asks for certainty


def test_steps_are_chosen_by_what_each_reading_sees() -> None:
    """Step 1 says p, step 2 is sure of the majority, step 3 is sure of something else."""
    p = planted(np.random.default_rng(1))
    items = rated_words(200, np.random.default_rng(0)).items
    sure = np.where(np.arange(3) == p.argmax(axis=1)[:, None], 0.98, 0.01)
    path = [(step, np.log(table)) for step, table in ((1, p), (2, sure), (3, np.roll(sure, 1, axis=1)))]
    found = readings(path, p[:200], majority(p[:200], items))
    assert {name: reading.step for name, reading in found.items()} == {
        "last": 3, "early": 2, "early-scaled": 2, "people": 1, "people-scaled": 1,
    }  # fmt: skip


def test_only_validation_items_choose() -> None:
    rng = np.random.default_rng(2)
    p, other = planted(rng), planted(rng)
    items = rated_words(200, np.random.default_rng(0)).items
    path = [(1, np.log(p)), (2, np.log(other))]
    swapped = [(step, np.concatenate([table[:200], rng.permutation(table[200:])])) for step, table in path]
    one, two = (readings(way, p[:200], majority(p[:200], items)) for way in (path, swapped))
    assert {n: (r.step, r.temperature) for n, r in one.items()} == {n: (r.step, r.temperature) for n, r in two.items()}


def test_draws_of_splits_and_items() -> None:
    """A mean over two splits of the same items has the error of one mean, and of different ones that of both."""
    values = np.random.default_rng(0).normal(size=1000)
    names = [f"i{i}" for i in range(1000)]
    draws = resampled([names, names], 2000)
    assert draws.weights(0).sum(axis=1).tolist() == [1000] * 2000
    means = draws.mean([draws.weights(s) @ values / 1000 for s in (0, 1)])
    assert means.std() == pytest.approx(values.std() / np.sqrt(1000), rel=0.08)
    apart = draws.mean([np.zeros(2000), np.ones(2000)])
    assert {round(v, 9) for v in apart.tolist()} == {0.0, 0.5, 1.0}


def told(cell: Cell, q: Floats, p: Floats, counts: Floats) -> Outcome:
    read = {"step": 3, "temperature": 1.0, "validation": float(js_distance(p, q).mean()), "q": q.tolist()}
    own = {
        "items": [f"i{i}" for i in range(len(p))],
        "choices": ["negative", "neutral", "positive"],
        "p": p.tolist(),
        "counts": counts.tolist(),
        "trained": 600,
        "readings": dict.fromkeys(READINGS, read),
    }
    return made(cell, details=own)


def test_numbers_of_a_grid() -> None:
    rng = np.random.default_rng(3)
    counts = rng.multinomial(10, planted(rng, 300))
    p = counts / 10
    near, far = (p + 0.1) / 1.3, np.full_like(p, 1 / 3)
    cell = Cell("words", HEAD, distribution=PEOPLE)
    rows = {(OURS, ()): near, (OURS, (("loss", "kl"),)): p, ("soft", ()): far, ("majority", ()): near}
    found = {replace(cell, method=m, options=o): told(cell, q, p, counts) for (m, o), q in rows.items()}
    row = summary(found)["conditions"][0]
    assert (row["place"], row["seeds"], row["held_out"], row["labels"]) == ("minilm-head words", 1, 300, 10.0)
    soft = row["rows"]["soft, people"]["measures"]
    each = js_distance(p, far)
    assert soft["js_distance"]["value"] == pytest.approx(each.mean())
    assert soft["js_distance"]["high"] - each.mean() == pytest.approx(1.96 * each.std() / np.sqrt(300), rel=0.15)
    assert soft["js_distance:low"]["value"] > soft["js_distance"]["value"] > soft["js_distance:high"]["value"]
    assert 0.1 < row["floor"]["js_distance"] < 0.25
    firsts = list(dict.fromkeys(d["first"] for d in row["differences"]))
    assert firsts == ["shala, people", "shala, people-scaled", "shala (loss=kl), people"]
    assert [name for name in row["rows"] if "loss" in name or "majority" in name] == [
        "shala (loss=kl), people",
        *(f"majority, {reading}" for reading in READINGS),
    ]
    less = {(d["first"], d["second"]): d for d in row["differences"]}
    same = less["shala, people", "majority, early-scaled"]
    assert same["measures"]["js_distance"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    better = less["shala, people", "soft, people"]
    assert better["measures"]["js_distance"]["value"] == pytest.approx((js_distance(p, near) - each).mean())
    assert better["share"] == pytest.approx(js_distance(p, near).mean() / each.mean() - 1)
    assert less["shala (loss=kl), people", "soft, people"]["share"] == pytest.approx(-1)


def test_pairs_are_read_side_by_side() -> None:
    items = word_items(6)
    lines = replace(items, prompts=[f"Premise: happy\nHypothesis: {word}\nSo?" for word in items.prompts])
    start = head_start(lines, lines.take(np.arange(2)), HeadTraining(pairs=True), tuple(reversed(lines.prompts)))
    u, v, apart, product = np.split(start.train.numpy(), 4, axis=1)
    assert u == pytest.approx(np.tile(u[0], (6, 1)))
    assert apart == pytest.approx(np.abs(u - v))
    assert product == pytest.approx(u * v * np.sqrt(384), abs=1e-6)
    assert np.exp(start.test_log_p) == pytest.approx(1 / len(items.common_choices))
    assert start.test.numpy() == pytest.approx(start.train[:2].numpy())
    with pytest.raises(InputError, match="pairs=true needs prompts of two lines or more"):
        head_start(items, items, HeadTraining(pairs=True))


@pytest.mark.slow
def test_a_language_model_is_asked_along_the_way(tiny: Path, tmp_path: Path) -> None:
    """Oracle: every item is half yes, half no, and that is learned; 36 items in batches of 32 are 8 steps."""
    training = {"template": "{prompt} Answer :", "epochs": "4", "bf16": "false", "points": "3", "learning_rate": "1e-2"}
    cell = Cell("own", str(tiny), "soft", PEOPLE, training=tuple(training.items()))
    outcome = work(cell, tmp_path, {"own": put(tmp_path / "own.jsonl", [""] * 60, "item {}")})
    assert [step for step, _ in outcome.curve] == [0, 4, 8]
    assert np.array(outcome.details["p"]) == pytest.approx(0.5)
    assert not (tmp_path / "run" / "checkpoints").exists()
    untrained = work(replace(cell, method="zero-shot"), tmp_path, {"own": tmp_path / "own.jsonl"})
    assert untrained.curve == outcome.curve[:1]
    before, after = (np.array(found.details["readings"]["people"]["q"]) for found in (untrained, outcome))
    assert (np.abs(after - 0.5) < np.abs(before - 0.5)).all()


def test_a_model_that_writes_is_asked_along_the_way(tiny_teller: Path, tmp_path: Path) -> None:
    """Oracle: every item is half yes, half no; the tiny model has a token for each distribution in tenths."""
    training = {"template": "{prompt}", "bf16": "false", "points": "2", "learning_rate": "3e-2", "max_length": "60"}
    options = (("steps", "20"), ("format_steps", "0"))
    cell = Cell("own", str(tiny_teller), "shala-verbal", PEOPLE, options=options, training=tuple(training.items()))
    outcome = work(cell, tmp_path, {"own": put(tmp_path / "own.jsonl", [""] * 60, "w{}")})
    assert [step for step, _ in outcome.curve] == [0, 20]
    assert np.array(outcome.details["readings"]["last"]["q"]) == pytest.approx(0.5)


def test_a_tiny_grid_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells run here, in one process; the command finds them done and writes what they came to."""
    monkeypatch.setattr(shala_table, "DRAWS", 50)
    monkeypatch.setattr(shala_table, "FLOOR_DRAWS", 10)
    store, few = Store(tmp_path), [c for c in grid("tiny") if c.seed == 0]
    with store.claimed():
        for cell in few:
            do(Keeping(partial(work, paths={})), store.place(cell), cell)
    command = ["bench", "shala", "--preset", "tiny", "--seeds", "1", "-o", str(tmp_path)]
    assert run(monkeypatch, *command, "--json") == 0
    row = json.loads(capsys.readouterr().out)["conditions"][0]
    score = {name: told["measures"]["js_distance"]["value"] for name, told in row["rows"].items()}
    assert row["floor"]["js_distance"] < min(score.values())
    assert max(score["soft, people"], score["shala, people"]) < score["zero-shot"]
    page = (tmp_path / "results.md").read_text()
    assert "| floor | 0.1" in page
    assert f"| soft, people | {score['soft, people']:.4f} (" in page
    assert "### shala, people less" in page
    for name in ("js-distance-1", "terciles-1"):
        ET.parse(tmp_path / "charts" / f"{name}.svg")
    contested = (tmp_path / "contested.html").read_text()
    assert contested.count("<article>") == 12
    assert "<th>people<br><small>10 labels</small></th>" in contested
    assert run(monkeypatch, *command) == 0
    assert f"floor {row['floor']['js_distance']:.4f}" in " ".join(capsys.readouterr().out.split())
