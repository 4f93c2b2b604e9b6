"""Oracles: a softmax over hand-picked logits of a plain forward pass; padding as an axiom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdtune.annotations import Items
from crowdtune.lm.answers import ChoiceError
from crowdtune.lm.centre import fit_centre
from crowdtune.lm.encode import encode
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import score
from tests.tiny import word_items

WORDS = PromptFormat("words", "{prompt} Answer :")


def by_hand(lm: LanguageModel, text: str, answers: list[str]) -> np.ndarray:
    ids = lm.tokenizer(text, return_tensors="pt").input_ids
    tokens = [lm.tokenizer.convert_tokens_to_ids(a) for a in answers]
    with torch.no_grad():
        if lm.is_encoder_decoder:
            start = torch.tensor([[lm.model.config.decoder_start_token_id]])
            logits = lm.model.eval()(input_ids=ids, decoder_input_ids=start).logits[0, 0]
        else:
            logits = lm.model.eval()(input_ids=ids).logits[0, -1]
    return logits[tokens].log_softmax(-1).numpy()


def test_scores_equal_a_softmax_over_the_answer_logits_of_each_item_alone(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(9)
    items = replace(items, prompts=[p + " w3 w4" * (i % 3) for i, p in enumerate(items.prompts)])
    table = score(lm, encode(items, lm, WORDS, 64), bf16=False)
    for i, prompt in enumerate(items.prompts):
        np.testing.assert_allclose(table[i], by_hand(lm, f"{prompt} Answer :", ["yes", "no"]), atol=1e-5)


def test_items_with_different_numbers_of_choices_share_a_table(tiny: Path) -> None:
    lm = load(str(tiny))
    items = word_items(4)
    sets = [("w1", "w2"), ("w3", "w4", "w5")]
    items = replace(items, choice_sets=sets, choice_set=np.array([0, 1, 0, 1]), gold=np.zeros(4, dtype=np.int64))
    table = score(lm, encode(items, lm, PromptFormat("letters", "{prompt} Answer :"), 64), bf16=False)
    assert np.isneginf(table[0, 2])
    np.testing.assert_allclose(np.exp(table).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(table[1], by_hand(lm, "task w1 Answer :", ["A", "B", "C"]), atol=1e-5)


def test_scoring_leaves_the_training_mode_as_it_was(tiny_t5: Path) -> None:
    lm = load(str(tiny_t5))
    lm.model.train()
    score(lm, encode(word_items(2), lm, WORDS, 64))
    assert lm.model.training


def test_centring_makes_the_mean_probability_uniform_in_effect() -> None:
    """Closed form: with two items of p = (.9, .1) and (.7, .3) the mean is (.8, .2)."""
    from crowdtune.lm.encode import Encoded

    encoded = Encoded([[1], [2]], np.array([[7, 8], [7, 8]]), WORDS, 0, np.zeros((2, 2)))
    centre = fit_centre(encoded, np.log([[0.9, 0.1], [0.7, 0.3]]))
    np.testing.assert_allclose(np.exp(centre.offsets[7, 8]), [0.8, 0.2])
    np.testing.assert_allclose(np.exp(centre.apply(encoded).offset), [[0.8, 0.2], [0.8, 0.2]])


def test_an_item_that_shares_its_answers_with_no_other_keeps_what_is_known_of_it() -> None:
    """A centre fitted on one item alone would be its own answer, and make it uniform."""
    from crowdtune.lm.encode import Encoded

    encoded = Encoded([[1], [2], [3]], np.array([[7, 8], [7, 8], [8, 9]]), WORDS, 0, np.zeros((3, 2)))
    log_p = np.log([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
    shifted = fit_centre(encoded, log_p).shift(encoded, log_p)
    np.testing.assert_allclose(np.exp(shifted[2]), [0.6, 0.4])
    assert not np.allclose(shifted[:2], log_p[:2])


def test_texts_are_centred_with_the_same_texts_and_not_by_their_place(tiny_llama: Path) -> None:
    """Closed form: two items with other texts keep what is known of them; however unlikely, texts have a mean."""
    data = replace(word_items(4), choice_sets=[("w1 w2", "w3"), ("w4", "w5 w6"), ("w7", "w8")], kinds=("choice",))
    data = replace(data, choice_set=np.array([0, 0, 1, 2]))
    encoded = encode(data, load(str(tiny_llama)), PromptFormat("texts"), 64)
    log_p = np.log([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
    centre = fit_centre(encoded, log_p)
    np.testing.assert_allclose(np.exp(centre.apply(encoded).offset), [[0.8, 0.2], [0.8, 0.2], [1, 1], [1, 1]])
    far = fit_centre(encoded, np.tile([0.0, -2000.0], (4, 1)))
    np.testing.assert_allclose(far.apply(encoded).offset[:2], [[0, -2000], [0, -2000]])


def test_a_centred_model_is_the_softmax_of_its_scores_less_the_offset(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(6)
    encoded = encode(items, lm, WORDS, 64)
    plain = score(lm, encoded, bf16=False)
    centred = score(lm, fit_centre(encoded, plain).apply(encoded), bf16=False)
    odds = np.exp(plain) / np.exp(plain).mean(axis=0)
    np.testing.assert_allclose(np.exp(centred), odds / odds.sum(axis=1, keepdims=True), atol=1e-6)


def test_a_choice_of_two_tokens_is_named_with_what_to_do(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(2, ("yes", "yes no"))
    with pytest.raises(ChoiceError, match=r"choice 'yes no' is 2 tokens .* Use style=letters"):
        encode(items, lm, WORDS, 64)


def test_two_choices_of_the_same_token_are_named(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(2, ("unheard", "of"))
    items = replace(items, choice_sets=[("unheard", "unseen")])
    with pytest.raises(ChoiceError, match="'unheard' and 'unseen' are the same token"):
        encode(items, lm, WORDS, 64)


def test_auto_takes_words_where_it_can_and_letters_where_it_must(tiny: Path) -> None:
    lm, auto = load(str(tiny)), PromptFormat("auto", "{prompt} Answer :")
    assert encode(word_items(2), lm, auto, 64).format.style == "words"
    assert encode(word_items(2, ("yes", "yes no")), lm, auto, 64).format.style == "letters"


def test_long_prompts_lose_their_middle_and_are_counted(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(2)
    items = replace(items, prompts=["w1 " * 30, "w2"])
    encoded = encode(items, lm, WORDS, 10)
    assert encoded.truncated == 1
    assert [len(p) for p in encoded.prompts] == [10, 3]
    assert lm.tokenizer.decode(encoded.prompts[0]).endswith("Answer :")


def test_an_item_without_text_or_choices_is_refused_by_name(tiny: Path) -> None:
    lm, items = load(str(tiny)), word_items(2)
    with pytest.raises(ValueError, match="item 'i1' has no text"):
        encode(replace(items, prompts=["w1", ""]), lm, WORDS, 64)
    with pytest.raises(ValueError, match="item 'i0' has 1 choices, at least two are needed"):
        encode(Items(items.ids, items.prompts, [("yes",)], items.choice_set, items.tasks, items.task,
                     np.full(2, -1), items.splits), lm, WORDS, 64)  # fmt: skip


def test_a_template_without_the_prompt_is_refused(tiny: Path) -> None:
    with pytest.raises(ValueError, match=r"has no \{prompt\}"):
        encode(word_items(2), load(str(tiny)), PromptFormat("words", "Answer:"), 64)


def test_a_model_that_is_nowhere_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"model 'no/such' cannot be loaded: .* Name a local folder"):
        load("no/such")


def test_padding_does_not_move_a_model_with_absolute_positions(tmp_path: Path) -> None:
    """GPT-2 looks positions up in a table: a padded item must count its own tokens only."""
    from tests.tiny import save_gpt2

    lm, items = load(str(save_gpt2(tmp_path))), word_items(2)
    items = replace(items, prompts=["w1", "w1 w2 w3 w4 w5"])
    table = score(lm, encode(items, lm, WORDS, 64), bf16=False)
    np.testing.assert_allclose(table[0], by_hand(lm, "w1 Answer :", ["yes", "no"]), atol=1e-5)
