"""The embedded model, for real. Oracle: human ratings of words."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.bundled import words
from crowdtune.lm.encode import encode
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import score

pytestmark = pytest.mark.slow


def test_the_embedded_model_knows_good_words_from_bad_ones() -> None:
    """400 words: chance has s.d. .025, so .63 is five of them; it was .82 when measured on 1,500."""
    lm, items = load(), words(400, np.random.default_rng(0))
    encoded = encode(items, lm, PromptFormat("auto", "Sentiment of {prompt}:"), 64)
    assert encoded.format.style == "words"
    table = score(lm, encoded)
    assert (table.argmax(axis=1) == items.gold).mean() > 0.63


def test_its_chat_template_leaves_answers_one_token() -> None:
    lm, items = load(), words(4, np.random.default_rng(0))
    encoded = encode(items, lm, PromptFormat("words", "Is {prompt} positive or negative?", chat=True), 128)
    assert [lm.tokenizer.decode([t]) for t in encoded.answers[0]] == ["positive", "negative"]
    assert lm.tokenizer.decode(encoded.prompts[0]).endswith("<|im_start|>assistant\n")


def test_grades_are_single_tokens_as_words_and_fail_as_sentences() -> None:
    from dataclasses import replace

    from crowdtune.lm.encode import ChoiceError

    lm, items = load(), words(2, np.random.default_rng(0))
    grades = replace(items, choice_sets=[("terrible", "bad", "okay", "good", "wonderful")])
    assert encode(grades, lm, PromptFormat("auto"), 64).format.style == "words"
    sentences = replace(items, choice_sets=[("it is good", "it is bad")])
    with pytest.raises(ChoiceError, match="choice 'it is good' is 3 tokens"):
        encode(sentences, lm, PromptFormat("words"), 64)
