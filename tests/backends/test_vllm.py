"""vLLM's objects, as its source at 0.33 has them, to replies and back. vLLM itself is not run."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from crowdtune.backends import Reply, Request, vllm
from crowdtune.backends.ask import ask
from crowdtune.backends.vllm import Vllm
from crowdtune.errors import InputError


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


def output(text: str, tokens: list[tuple[str, dict[str, float]]], finish: str = "stop") -> Any:
    """A RequestOutput; a token's id is its place in the alphabet of all."""
    ids = {token: n for n, token in enumerate(sorted({t for _, top in tokens for t in top}))}
    logprobs = [{ids[t]: Logprob(math.log(p), None, t) for t, p in top.items()} for _, top in tokens]
    made = SimpleNamespace(
        text=text, token_ids=tuple(ids[t] for t, _ in tokens), logprobs=logprobs, finish_reason=finish
    )
    return SimpleNamespace(prompt_token_ids=[1, 2, 3], outputs=[made])


def test_shares_are_of_the_first_place_that_is_no_blank() -> None:
    """By hand: 0.6 and 0.2 of what is left for the choices."""
    request = Request((("user", "A or B?"),), choices=("A", "B"))
    told = output("\n B", [("\n", {"\n": 0.9, "A": 0.1}), (" B", {" A": 0.6, " B": 0.2, "x": 0.2})])
    made = vllm.reply(request, told)
    assert (made.text, made.prompt_tokens, made.tokens, made.cut) == ("A", 3, 2, False)
    assert made.shares == pytest.approx((0.75, 0.25))
    assert made.log_probs == pytest.approx((math.log(0.9), math.log(0.2)))
    assert made.entropies == pytest.approx((-0.9 * math.log(0.9) - 0.1 * math.log(0.1), made.entropies[1]))


def test_a_choice_begun_by_its_first_token_is_not_lost_to_the_others() -> None:
    """45 % for the choice that is written; the 55 % of two others, whole tokens, are no shares of all three."""
    request = Request((("user", "Which?"),), choices=("negative", "neutral", "positive"))
    first = {"neut": 0.45, "negative": 0.35, "positive": 0.2}
    made = vllm.reply(request, output("neutral", [("neut", first), ("ral", {"ral": 1.0})]))
    assert (made.text, made.shares) == ("neutral", ())
    rare = {"negative": 0.6, "positive": 0.39, "neut": 0.01}
    assert vllm.reply(request, output("negative", [("negative", rare)])).shares == pytest.approx((60 / 99, 0, 39 / 99))


def test_entropies_only_of_whole_distributions() -> None:
    request = Request((("user", "Write."),))
    assert vllm.reply(request, output("a b", [("a", {"a": 0.5, "b": 0.3})], "length")) == Reply(
        "a b", log_probs=(math.log(0.5),), prompt_tokens=3, tokens=1, cut=True
    )


def test_requests_become_vllms_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches, choices, and answers that go on are handed over as LLM.chat takes them."""
    calls: list[dict[str, Any]] = []

    class LLM:
        def __init__(self, **given: Any) -> None:
            calls.append(given)

        def chat(self, messages: list[Any], sampling_params: list[Any], **given: Any) -> list[Any]:
            calls.append(given | {"n": len(messages), "sampling": sampling_params})
            return [output(said[-1]["content"], []) for said in messages]

    params = SimpleNamespace(StructuredOutputsParams=lambda choice: {"choice": choice})
    fake = SimpleNamespace(LLM=LLM, SamplingParams=dict, sampling_params=params)
    monkeypatch.setitem(sys.modules, "vllm", fake)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", params)
    requests = [Request((("user", f"{i}"),), choices=("A", "B"), sample=i) for i in range(3)]
    requests.insert(1, Request((("user", "q"), ("assistant", "So")), temperature=0.7))
    backend = Vllm("m", batch=2)
    texts = [reply.text for reply in ask(backend, requests)]
    assert texts == ["", "So", "", ""], "what is none of the choices is none"
    ask(backend, requests)
    assert [call.get("n") for call in calls] == [None, 2, 1, 1, 2, 1, 1], "loaded once"
    assert calls[0] == dict(model="m", tensor_parallel_size=1, gpu_memory_utilization=0.9, max_model_len=None)
    assert calls[1]["sampling"][1]["structured_outputs"] == {"choice": ["A", "B"]}
    assert calls[1]["sampling"][1]["seed"] == 1
    assert "structured_outputs" not in calls[3]["sampling"][0]
    goes_on = [(call["continue_final_message"], call["add_generation_prompt"]) for call in calls[1:4]]
    assert goes_on == [(False, True), (False, True), (True, False)]
    vllm._loaded.cache_clear()


def test_without_vllm_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(InputError, match=r"vLLM is not installed\. Run: pip install vllm"):
        ask(Vllm("m"), [Request((("user", "q"),))])
    with pytest.raises(InputError, match="batch=0"):
        Vllm("m", batch=0)
