"""Oracles: answers written here and counted by hand; scipy's Dirichlet."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import dirichlet

from crowdtune.backends import Reply, Request
from crowdtune.backends.ask import Spent, ask
from crowdtune.backends.store import Store
from crowdtune.denoise.sampled import sampled
from crowdtune.errors import InputError
from tests.crowds import make_items, with_choices


@dataclass
class Says:
    """Answers sample g of each question with text g of what is said of it."""

    texts: dict[str, Sequence[str]]
    name: str = "says"
    asked: list[Request] = field(default_factory=list)

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for place, request in enumerate(requests):
            self.asked.append(request)
            prompt = request.messages[0][1]
            said = next(texts for start, texts in self.texts.items() if prompt.startswith(start))
            yield place, Reply(said[request.sample], prompt_tokens=10, tokens=1)


CLEAR = ["A", "B", "B.", "(B)", "no", "Yes", "Answer: B", "**A**"]  # A is no, B is yes: 3 and 5
LOST = [
    "I cannot say whether this is a yes.",
    "I'm sorry, but no.",
    "A or B",
    "",
    "hm",
    "As an AI I have no opinion",
    "B",
    "A",
]


def test_answers_are_counted_and_refusals_are_no_choice(tmp_path: Path) -> None:
    items = make_items([-1, -1])
    says, spent = Says({"text 0": CLEAR, "text 1": LOST}), Spent()
    with Store(tmp_path / "store") as store:
        asking = functools.partial(ask, says, store=store, spent=spent)
        found = sampled(items, asking, samples=8)
        assert found.answers.tolist() == [[3, 5], [1, 1]]
        assert (found.refused.tolist(), found.unread.tolist()) == ([0, 3], [0, 3])
        assert str(found) == "10 of 16 answers read: 3 refused, 3 without one clear choice"
        assert found.shares[0] == pytest.approx([3.5 / 9, 5.5 / 9])
        assert found.error[0] == pytest.approx(np.sqrt(dirichlet([3.5, 5.5]).var()))
        assert spent.calls == 16
        assert {r.temperature for r in says.asked} == {1.0}
        sampled(items, asking, samples=8)
        assert spent.calls == 16, "what was asked once is in the store"


def test_an_item_without_an_answer_is_even_over_its_own_choices() -> None:
    items = with_choices([("no", "yes"), ("a cat", "a dog", "a fox")], [-1, -1])
    says = Says({"i0": ["Sorry."] * 2, "i1": ["a dog", "a dog or a fox"]})
    found = sampled(items, functools.partial(ask, says), samples=2, smoothing=0.0, style="words")
    assert found.shares.tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    assert (found.refused.tolist(), found.unread.tolist()) == ([2, 0], [0, 1])
    assert "1 items without any, taken for even" in str(found)
    assert found.shares[0].tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("options", [{"samples": 0}, {"smoothing": -1.0}, {"temperature": 0.0}])
def test_what_makes_no_sense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be"):
        sampled(make_items([-1]), functools.partial(ask, Says({})), **options)  # type: ignore[arg-type]
