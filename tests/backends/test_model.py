"""A real language model behind the server: what the client reads off is what the model itself says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crowdtune.backends import Request
from crowdtune.backends._wire import conversation
from crowdtune.backends.ask import ask
from crowdtune.backends.endpoint import Endpoint
from crowdtune.lm.load import load
from tests.backends.model import answering, prompt
from tests.backends.server import Server
from tests.tiny import WORDS


def distribution(lm, request: Request) -> torch.Tensor:  # type: ignore[no-untyped-def]
    """(V,) log-probabilities of the first token of an answer: one forward pass."""
    with torch.no_grad():
        return lm.model(prompt(lm, conversation("openai", request))).logits[0, -1].float().log_softmax(-1)


def test_shares_and_log_probs_are_the_models(tiny_llama: Path) -> None:
    """The oracle: a forward pass of our own, softmax over the choices among the 20 likeliest tokens."""
    lm = load(str(tiny_llama))
    with torch.no_grad():
        lm.model.lm_head.weight.mul_(40)  # random weights say nothing; sharper, they say something
    requests = [Request((("user", f"task {word}"),), choices=tuple(WORDS), max_tokens=2) for word in WORDS[:6]]
    with Server(answering(lm)) as server:
        replies = ask(Endpoint(server.url, "tiny", wait=0.01), requests)
    told = 0
    for request, reply in zip(requests, replies, strict=True):
        log_p = distribution(lm, request)
        best = set(log_p.topk(20).indices.tolist())
        ids = [lm.tokenizer.convert_tokens_to_ids(word) for word in WORDS]
        p = torch.tensor([float(log_p[i].exp()) if i in best else 0.0 for i in ids])
        assert reply.log_probs[0] == pytest.approx(float(log_p.max()), abs=1e-4)
        if p.sum() >= 0.5:
            told += 1
            clear = [sum(other.startswith(word) for other in WORDS) == 1 for word in WORDS]
            p = torch.where(torch.tensor(clear), p, 0.0)
            if p.sum() >= 0.5:
                assert reply.shares == pytest.approx((p / p.sum()).tolist(), abs=1e-4)
                assert reply.text == WORDS[int(p.argmax())]
            else:
                assert reply.shares == ()
    assert told > 0


@pytest.mark.slow
def test_the_embedded_model_answers_over_http_with_faults() -> None:
    """SmolLM2 tells praise from blame; shares are those of a forward pass, replies survive faults."""
    lm = load()
    texts = ("I love it, wonderful!", "Horrible. I want my money back.", "Best day of my life.")
    asked = [(("user", f"Is this positive or negative? {text}"),) for text in texts]
    requests = [Request(messages, choices=("positive", "negative"), max_tokens=2) for messages in asked]
    free = [Request((("user", "What is the capital of France?"),), max_tokens=8)]
    with Server(answering(lm), faults=0.5, kinds=("429", "500", "cut off", "empty", "dropped"), seed=1) as server:
        *replies, capital = ask(Endpoint(server.url, "smollm2", wait=0.01, in_flight=2), requests + free)
        assert len(server.log.calls) > 4
        assert len(server.log.answered()) == 4
    assert "Paris" in capital.text
    assert len(capital.log_probs) == capital.tokens
    for request, reply in zip(requests, replies, strict=True):
        p = distribution(lm, request).exp()
        tokens = {lm.tokenizer.decode([i]): float(p[i]) for i in p.topk(20).indices.tolist()}
        mass = [sum(q for t, q in tokens.items() if t.strip().casefold() == choice) for choice in request.choices]
        expected = [m / sum(mass) for m in mass] if sum(mass) >= 0.5 else []
        assert list(reply.shares) == pytest.approx(expected, abs=1e-4)
