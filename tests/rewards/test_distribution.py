"""Rewards. Oracles: scipy's Jensen-Shannon distance, the definition of the weight, and TRL's normalisation by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from crowdtune.errors import InputError
from crowdtune.rewards import distribution_reward, weighted
from crowdtune.verbal import written

WORDS = ["negative", "neutral", "positive"]
TARGETS = [[0.6, 0.3, 0.1], [0.0, 0.1, 0.9]]
SAID = [[0.5, 0.2, 0.3], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.0, 0.9]]


def batch(rollouts=SAID, each=2):
    """Texts of the items' rollouts, one item after another, with the columns TRL hands over."""
    items = np.repeat(np.arange(len(rollouts) // each), each)
    return {
        "prompts": [f"item {i}" for i in items],
        "completions": [written(q, WORDS) for q in rollouts],
        "target": [TARGETS[i] for i in items],
        "choices": [WORDS] * len(items),
        "index": items.tolist(),
        "trainer_state": None,
    }


def standardised(rewards, each=2):
    """Advantages as TRL has them under scale_rewards="group"."""
    rows = np.array(rewards).reshape(-1, each)
    return ((rows - rows.mean(1, keepdims=True)) / (rows.std(1, ddof=1, keepdims=True) + 1e-4)).ravel()


def test_reward_is_scipys_distance_from_one():
    columns = batch()
    expected = [1 - jensenshannon(p, q, base=2) for p, q in zip(columns["target"], SAID, strict=True)]
    assert distribution_reward(**columns) == pytest.approx(expected)


def test_the_truth_is_worth_one_and_nonsense_nothing():
    texts = [*(written(p, WORDS) for p in TARGETS), "no idea", "negative -1, neutral 1, positive 1"]
    columns = {"target": [*TARGETS, *TARGETS], "choices": [WORDS] * 4}
    assert distribution_reward(texts, **columns) == pytest.approx([1, 1, 0, 0])


@pytest.mark.parametrize("reward", [distribution_reward, weighted(1.0, dynamic=True), weighted(1.0, scale="group")])
def test_messages_are_read_as_texts_are(reward):
    columns = batch()
    chat = columns | {"completions": [[{"role": "assistant", "content": text}] for text in columns["completions"]]}
    assert reward(**chat) == reward(**columns)


def test_weight_is_one_and_lambda_times_normalised_ambiguity():
    entropy = [-sum(p * np.log(p) for p in target if p) / np.log(3) for target in TARGETS]
    plain, found = np.array(distribution_reward(**batch())), np.array(weighted(2.0)(**batch()))
    assert found == pytest.approx(plain * np.repeat([1 + 2 * h for h in entropy], 2))
    assert weighted(0.0)(**batch()) == pytest.approx(plain)


def test_dynamic_weight_follows_the_mean_of_an_items_rollouts():
    entropy = [-sum(p * np.log(p) for p in target if p) / np.log(3) for target in TARGETS]
    means = np.array(SAID).reshape(2, 2, 3).mean(axis=1)
    gap = [jensenshannon(p, q, base=2) for p, q in zip(TARGETS, means, strict=True)]
    weight = np.repeat([1 + h * g for h, g in zip(entropy, gap, strict=True)], 2)
    expected = pytest.approx(np.array(distribution_reward(**batch())) * weight)
    assert np.array(weighted(1.0, dynamic=True)(**batch())) == expected
    without = {name: column for name, column in batch().items() if name != "index"}
    assert np.array(weighted(1.0, dynamic=True)(**without)) == expected  # then rollouts share their prompt


def test_rollouts_are_found_wherever_they_stand():
    order = [2, 0, 3, 1]
    columns = batch()
    mixed = {name: [column[b] for b in order] if column else None for name, column in columns.items()}
    reward = weighted(1.0, dynamic=True, scale="group")
    assert np.array(reward(**mixed)) == pytest.approx(np.array(reward(**columns))[order])


def test_trap_standardising_in_groups_cancels_a_weight_and_ours_does_not():
    alike, more = standardised(weighted(0.0)(**batch())), standardised(weighted(5.0)(**batch()))
    assert np.allclose(alike, more, atol=5e-3)
    alike, more = (np.array(weighted(lam, scale="group")(**batch())) for lam in (0.0, 5.0))
    assert np.allclose(alike, standardised(distribution_reward(**batch())))
    entropy = [-sum(p * np.log(p) for p in target if p) / np.log(3) for target in TARGETS]
    assert more == pytest.approx(alike * np.repeat([1 + 5 * h for h in entropy], 2))


def test_rates_are_told():
    columns = batch()
    columns["completions"][:2] = ["nothing", "negative 60%, neutral 30%, positive 30%"]
    for reward in (distribution_reward, weighted()):
        told = {}
        reward(**columns, log_metric=told.__setitem__)
        assert told["parsed"] == 0.75
        assert told["sums_to_one"] == pytest.approx(2 / 3)


def test_options_are_checked():
    with pytest.raises(InputError, match="ambiguity_weight=-1"):
        weighted(-1)
    with pytest.raises(InputError, match="scale 'batch'"):
        weighted(1, scale="batch")
