"""Oracles: planted annotators who answer other items, formulas by hand, generation of what was learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from crowdtune.annotations import Annotations, Items
from crowdtune.lm.contrast import contrast
from crowdtune.lm.encode import encode
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import score
from crowdtune.methods import evaluate, foretold, predict, train
from crowdtune.objectives.responses import Responses
from tests.tiny import WORDS, word_items

TEMPLATE = {"template": "{prompt} Answer :", "bf16": "false"}
QUICK = TEMPLATE | {"learning_rate": "0.01", "epochs": "12", "batch_size": "10", "accumulation": "1", "warmup": "0"}
FREE = PromptFormat("responses", "{prompt} Answer :")


def written(n: int, knew: np.ndarray | None = None) -> Items:
    """The answer to "task w7" is "w8 w7 w8"; who does not know answers another item, any."""
    made = word_items(n)
    right = [f"{WORDS[(w + 1) % 40]} {WORDS[w % 40]} {WORDS[(w + 1) % 40]}" for w in range(n)]
    other = np.random.default_rng(1).permutation(n)
    said = right if knew is None else [right[i] if knew[i] else right[other[i]] for i in range(n)]
    sets = [(one,) if one == gold else (one, gold) for one, gold in zip(said, right, strict=True)]
    gold = np.array([len(own) - 1 for own in sets])
    return replace(made, choice_sets=sets, choice_set=np.arange(n), gold=gold, kinds=("text",))


def crowd(n: int = 240) -> tuple[Annotations, np.ndarray]:
    """One response an item; the first of three annotators knows nine of ten, the others one."""
    rng = np.random.default_rng(0)
    who = np.arange(n) % 3
    knew = rng.random(n) < np.array([0.9, 0.1, 0.1])[who]
    return Annotations(written(n, knew), ["ann", "bob", "cy"], np.arange(n), who, np.zeros(n, dtype=np.int64)), knew


@pytest.fixture(scope="module")
def taught(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that knows something of the answers."""
    items = written(40)
    none = np.zeros(0, dtype=np.int64)
    run = train(
        Annotations(items, [], none, none, none),
        "oracle",
        QUICK | {"lm": str(tiny_llama), "epochs": "40"},
        out=tmp_path_factory.mktemp("taught") / "run",
        test=items,
    )
    assert run.results["test"]["loss"] < 0.6  # log 58 = 4 before
    return run.model


def test_who_answers_other_items_is_found_and_not_learned_from(taught: Path, tmp_path: Path) -> None:
    annotations, knew = crowd()
    test = written(40)
    losses = {}
    for method in ("noisy", "realm", "oracle"):
        run = train(annotations, method, QUICK | {"lm": str(taught), "epochs": "2"}, out=tmp_path / method, test=test)
        losses[method] = run.results["test"]["loss"]
        if method == "realm":
            trust = {row["annotator"]: row["reliability"] for row in run.annotators}
            for j, name in enumerate(annotations.annotators):
                assert abs(trust[name] - knew[annotations.annotator == j].mean()) < 0.15
            table = pq.read_table(run.folder / "responses.parquet").to_pydict()
            assert ((np.array(table["knew"]) > 0.5) == knew).mean() > 0.85
    assert losses["noisy"] - losses["realm"] > 0.2 * (losses["noisy"] - losses["oracle"])


def test_a_model_that_knows_nothing_says_so(tiny_llama: Path, tmp_path: Path) -> None:
    run = train(crowd()[0], "realm", TEMPLATE | {"lm": str(tiny_llama), "epochs": "1"}, out=tmp_path / "run")
    assert run.results["verdict"]["status"] == "unresolvable"
    assert "two responses to some items" in run.results["warnings"][0]


def test_what_was_learned_is_written(taught: Path) -> None:
    items = written(20)
    found = predict(taught.parent, items)
    assert np.mean([said == gold[0] for said, gold in zip(found["response"], items.choice_sets, strict=True)]) > 0.8
    assert set(evaluate(taught.parent, items)) == {"items", "loss", "tokens"}


def test_choices_are_asked_for_where_a_method_needs_them(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'majority' needs choices.*joint, realm, noisy, oracle"):
        train(crowd()[0], "majority", {"lm": str(tiny_llama)}, out=tmp_path / "run")


@pytest.mark.parametrize(("method", "option"), [("joint", "gold"), ("joint", "history"), ("noisy", "smoothing")])
def test_options_of_choices_are_refused(method: str, option: str, tiny_llama: Path, tmp_path: Path) -> None:
    made = crowd(n=8)[0]
    with pytest.raises(ValueError, match=rf"{option}.*free responses.*Leave"):
        train(made, method, TEMPLATE | {"lm": str(tiny_llama), option: "0.5" if option == "smoothing" else "5"},
              out=tmp_path / "run")  # fmt: skip


def test_one_item_tells_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    """Two responses to one item: there is no other item to measure them against."""
    items = replace(written(1), choice_sets=[("w1", "w2")], gold=np.zeros(1, dtype=np.int64))
    two = Annotations(items, ["ann", "bob"], np.zeros(2, np.int64), np.arange(2), np.arange(2))
    run = train(two, "joint", TEMPLATE | {"lm": str(tiny_llama), "epochs": "1"}, out=tmp_path / "run")
    assert run.results["verdict"]["status"] == "unresolvable"


def test_a_model_of_truth_is_of_choices(taught: Path) -> None:
    with pytest.raises(ValueError, match="writes free responses"):
        foretold(taught.parent, crowd(n=8)[0])


def test_a_contrast_is_own_less_other_prompts(tiny: Path) -> None:
    """Two items: each text is read after its own prompt and, both times, after the other's."""
    lm, items = load(str(tiny)), written(2)
    encoded = encode(items, lm, FREE, 64)
    own = score(lm, encoded, bf16=False)[:, 0]
    other = score(lm, replace(encoded, prompts=encoded.prompts[::-1]), bf16=False)[:, 0]
    found = contrast(lm, encoded, bf16=False)
    np.testing.assert_allclose(found.log_ratio[:, 0], own - other, atol=1e-4)
    np.testing.assert_allclose(found.unrelated, 0, atol=1e-4)
    bare = score(lm, replace(encoded, prompts=lm.tokenizer(["Answer :"] * 2).input_ids), bf16=False)[:, 0]
    found = contrast(lm, encoded, background="none", bf16=False)
    np.testing.assert_allclose(found.log_ratio[:, 0], own - bare, atol=1e-4)
    np.testing.assert_allclose(found.unrelated[:2], other - bare, atol=1e-4)


def test_texts_left_out_cost_nothing_and_change_nothing(tiny: Path) -> None:
    lm, items = load(str(tiny)), written(6, np.zeros(6, dtype=bool))
    encoded = encode(items, lm, FREE, 64)
    whole = score(lm, encoded, bf16=False)
    kept = np.zeros((6, 2), dtype=bool)
    kept[:, 1] = True
    part = score(lm, encoded.keep(kept), bf16=False)
    np.testing.assert_allclose(part[:, 1], whole[:, 1], atol=1e-5)
    assert not part[:, 0].any()


def test_the_loss_is_per_weighted_token_by_hand() -> None:
    batch = {
        "texts": torch.tensor([[[5, 6, -1], [7, -1, -1]], [[5, 6, 7], [-1, -1, -1]]]),
        "target": torch.tensor([[1.0, 0.5], [0.0, 0.0]]),
        "weight": torch.tensor([1.0, 1.0]),
    }
    log_lik = torch.tensor([[-2.0, -1.0], [-9.0, -1e9]])
    objective = Responses()
    assert objective.total(log_lik, batch) == 2.5
    assert objective.count(batch) == 2.5
