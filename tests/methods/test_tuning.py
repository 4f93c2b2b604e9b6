"""The trainer of Crowd-SFT and its aims, on tiny real models.

Oracle: numpy on the scores of the model itself, weights read from the files, and what must not matter.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.reading import Reading
from crowdtune.lm.score import score
from crowdtune.methods import Custom, Distance, Drawing, HeldOut, Reward, Tuning, aims, centroid_of, neighbours
from crowdtune.methods._tuning import _epochs, _per_epoch
from crowdtune.rounds.job import MODEL, Done, Job, load_done
from crowdtune.rounds.spread import spread
from crowdtune.rounds.target import mean
from crowdtune.simulate import reliability, simulate
from crowdtune.training.options import Training
from tests.tiny import word_items

TINY = {"template": "{prompt} Answer :", "style": "words", "epochs": "2", "learning_rate": "1e-2", "bf16": "false"}


def crowd() -> Annotations:
    return simulate(word_items(32), reliability("0.95,0.9,0.5"), rng=np.random.default_rng(0))


def tuning(model: Path, given: Annotations | None = None) -> Tuning:
    return Tuning(given or crowd(), "noisy", TINY | {"lm": str(model)}, (HeldOut(word_items(40), by="brier"),))


def done(trainer: Tuning, folder: Path, job: Job) -> Done:
    return spread(trainer, {folder: job}, workers=0)[folder]


def letters(texts: list[str] | tuple[str, ...]) -> np.ndarray:
    """(S, 2) an encoder of our own: length, and how often a 1 occurs."""
    return np.array([[len(text), text.count("1")] for text in texts], dtype=np.float64)


def test_a_base_goes_on_being_trained_and_is_measured_as_when_it_was_trained(tiny_llama: Path, tmp_path: Path) -> None:
    trainer = tuning(tiny_llama)
    who = tuple(trainer.annotations.annotators)
    first = done(trainer, tmp_path / "1", Job(members=who[:2]))
    again = done(trainer, tmp_path / "2", Job(base=str(first.model), keep=False))
    untrained = done(trainer, tmp_path / "3", Job(keep=False))
    still = replace(trainer, settings=trainer.settings | {"learning_rate": "1e-12"})
    second = done(still, tmp_path / "4", Job(base=str(first.model), members=who[:2]))
    assert not again.model.exists()
    assert not untrained.model.exists()
    assert np.abs(untrained.measured["brier"] - first.measured["brier"]).max() > 0.01
    for one in (again, second):  # at a rate of nothing a base stays what it is
        np.testing.assert_allclose(one.measured["brier"], first.measured["brier"], atol=1e-6)
    assert [one.steps for one in (first, second, untrained)] == [2, 2, 0]  # 32 items, 16 at a time, 2 before a step


def test_only_members_contributions_matter_and_a_job_is_the_same_each_time(tiny_llama: Path, tmp_path: Path) -> None:
    given = crowd()
    outside = given.annotator == 2
    other = replace(given, label=np.where(outside, 1 - given.label, given.label))
    job = Job(members=tuple(given.annotators[:2]), seed=3, keep=False)
    found = [done(tuning(tiny_llama, own), tmp_path / str(i), job) for i, own in enumerate((given, other, given))]
    for one in found[1:]:
        np.testing.assert_array_equal(one.measured["brier"], found[0].measured["brier"])
    moved = done(tuning(tiny_llama), tmp_path / "4", replace(job, members=(given.annotators[2],)))
    assert not np.array_equal(moved.measured["brier"], found[0].measured["brier"])


def test_an_average_is_that_of_weights(tiny_llama: Path, tmp_path: Path) -> None:
    trainer = tuning(tiny_llama)
    pair = [done(trainer, tmp_path / name, Job(members=(name,))) for name in trainer.annotations.annotators[:2]]
    average = done(trainer, tmp_path / "average", Job(parents=tuple(str(one.model) for one in pair)))
    tables = [load_file(one.folder / MODEL / "adapter_model.safetensors") for one in (*pair, average)]
    assert average.steps == 0
    for name, table in tables[2].items():
        np.testing.assert_allclose(table, (tables[0][name] + tables[1][name]) / 2, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5, 7, 40])
@pytest.mark.parametrize("items", [1, 31, 32, 33, 100])
def test_as_many_steps_as_asked_for(items: int, steps: int) -> None:
    """transformers rounds the number of steps up."""
    training = Training()
    assert np.ceil(_epochs(training, items, steps) * _per_epoch(training, items)) == steps


def test_steps_are_made_as_asked_for(tiny_llama: Path, tmp_path: Path) -> None:
    trainer = tuning(tiny_llama)
    who = tuple(trainer.annotations.annotators)
    one = done(trainer, tmp_path / "1", Job(members=who, steps=3))
    same = done(replace(trainer, settings=trainer.settings | {"epochs": "3"}), tmp_path / "2", Job(members=who))
    assert one.steps == same.steps == 3
    np.testing.assert_allclose(one.measured["brier"], same.measured["brier"], atol=1e-4)


def test_who_contributed_nothing_is_named(tiny_llama: Path, tmp_path: Path) -> None:
    given = crowd()
    quiet = given.take_labels(np.flatnonzero(given.annotator != 1))
    with pytest.raises(InputError, match=rf"{given.annotators[1]} contributed nothing"):
        done(tuning(tiny_llama, quiet), tmp_path / "1", Job(members=(given.annotators[1],)))


def test_held_out_measures_are_those_of_the_scores(tiny_llama: Path) -> None:
    start, items = tuning(tiny_llama).start(), word_items(30)
    table = score(start.lm, start.reading.encode(items, start.lm), bf16=False)
    p, at = np.exp(table), np.arange(30)
    expected = {
        "loss": np.log(p[at, items.gold]),
        "accuracy": (p.argmax(axis=1) == items.gold).astype(float),
        "brier": -((p - np.eye(2)[items.gold]) ** 2).sum(axis=1),
    }
    for aim in aims(list(expected), test=items):
        found = aim.measure(start.lm, start.reading, 0)
        np.testing.assert_allclose(found[:, 0], expected[aim.target.name], atol=1e-5)
        assert aim.target.score(found) == pytest.approx(expected[aim.target.name].mean(), abs=1e-5)


def test_fresh_seeds_ask_other_items(tiny_llama: Path) -> None:
    start, aim = tuning(tiny_llama).start(), HeldOut(word_items(40), samples=10)
    tables = [aim.measure(start.lm, start.reading, seed) for seed in (1, 1, 2)]
    assert tables[0].shape == (10, 1)
    np.testing.assert_array_equal(tables[0], tables[1])
    assert not np.array_equal(tables[0], tables[2])


def test_texts_are_drawn_by_their_seed(tiny_llama: Path) -> None:
    start, drawing = tuning(tiny_llama).start(), Drawing(("w1", "w2"), samples=70, max_tokens=3)
    first, same, other = (drawing(start.lm, start.reading, seed) for seed in (5, 5, 6))
    assert len(first) == 70
    assert [prompt for prompt, _ in first[:3]] == ["w1", "w2", "w1"]
    assert first == same != other
    aim = Distance(drawing, np.zeros(2), letters)
    table = aim.measure(start.lm, start.reading, 5)
    np.testing.assert_array_equal(table, letters([text for _, text in first]))
    assert aim.target.score(table) == pytest.approx(-np.linalg.norm(table.mean(axis=0)))


def test_rewards_and_measures_of_ones_own(tiny_llama: Path) -> None:
    start, drawing = tuning(tiny_llama).start(), Drawing(("w1",), samples=4, max_tokens=3)

    def longer(prompts: list[str], completions: list[str]) -> list[float]:
        assert prompts == ["w1"] * 4
        return [float(len(text)) for text in completions]

    found = Reward(drawing, longer).measure(start.lm, start.reading, 0)
    assert found[:, 0].tolist() == [len(text) for _, text in drawing(start.lm, start.reading, 0)]
    with pytest.raises(InputError, match="no 4 finite numbers"):
        Reward(drawing, lambda **kwargs: [float("nan")] * 4).measure(start.lm, start.reading, 0)

    def width(lm: LanguageModel, reading: Reading, seed: int) -> np.ndarray:
        return np.full((2, 1), float(lm.model.config.hidden_size + seed))

    own = Custom(width, mean("width"))
    assert own.target.score(own.measure(start.lm, start.reading, 1)) == start.lm.model.config.hidden_size + 1


def test_the_paper_s_way_to_a_target() -> None:
    """Neighbours by brute force in an encoder of our own, their mean."""
    texts = ["1", "111", "1111", "x", "11", "yyyyyyyyyyyyyyyyyyyy"]
    near = neighbours(texts, 4, 3, letters)
    assert near[0] == 4
    assert set(near[1:]) == {0, 1}
    np.testing.assert_allclose(centroid_of([texts[i] for i in near], letters), [2, 2])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("los", "Did you mean 'loss'"),
        ("loss", "--test"),
        ("distance", "nothing says what it is asked"),
        ("reward:nowhere:nothing", "cannot be found"),
        ("reward:math:nothing", "cannot be found"),
    ],
)
def test_a_wrong_target_is_answered_with_what_to_do(name: str, told: str) -> None:
    drawing = Drawing(("w1",)) if name.startswith("reward") else None
    with pytest.raises(InputError, match=told):
        aims([name], drawing=drawing)


def test_a_finished_job_can_be_read(tmp_path: Path, tiny_llama: Path) -> None:
    trainer = tuning(tiny_llama)
    one = done(trainer, tmp_path / "1", Job(draws=(0, 1, 2), keep=False))
    assert load_done(tmp_path / "1").measured["brier"].shape == one.measured["brier"].shape == (3, 40, 1)
