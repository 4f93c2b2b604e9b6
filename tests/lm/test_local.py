"""Oracles: a plain forward pass over prompt and answer, each request alone, draws counted against their shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers.processors import TemplateProcessing

from crowdtune.backends import Reply, Request
from crowdtune.errors import InputError
from crowdtune.lm.conversation import TURN, conversation
from crowdtune.lm.load import LanguageModel, _embedded, load, paired
from crowdtune.lm.local import Local
from crowdtune.lm.writing import Draw, Written, write

CHAT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "task {{ m.content }} . {% endfor %}{% if add_generation_prompt %}Answer :{% endif %}"
)
ASKED = [f"task w{i}" + " w3 w4" * (i % 4) for i in range(8)]


@pytest.fixture(params=["llama", "t5", "gpt2"])
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    made = load(str(request.getfixturevalue(f"tiny_{request.param}")))
    made.model.eval()
    return made


def user(text: str, *begun: str) -> tuple[tuple[str, str], ...]:
    return (("user", text), *(("assistant", said) for said in begun))


def local(lm: LanguageModel, **options: Any) -> Local:
    return Local(lm, **{"max_length": 44, "bf16": False, **options})


def replies(backend: Local, requests: Sequence[Request]) -> list[Reply]:
    found = dict(backend.answer(requests))
    return [found[i] for i in range(len(requests))]


def plain(lm: LanguageModel, text: str, tokens: Sequence[int] = (), special: bool = True) -> torch.Tensor:
    """(T + 1, V) log-probabilities after a text and after each token that follows, alone and unpadded."""
    ids = lm.tokenizer(text, return_tensors="pt", add_special_tokens=special).input_ids
    after = torch.tensor([list(tokens)], dtype=torch.long)
    with torch.no_grad():
        if lm.is_encoder_decoder:
            start = torch.tensor([[lm.model.config.decoder_start_token_id]])
            out = lm.model(input_ids=ids, decoder_input_ids=torch.cat([start, after], dim=1)).logits[0]
        else:
            out = lm.model(input_ids=torch.cat([ids, after], dim=1)).logits[0, ids.shape[1] - 1 :]
    return torch.log_softmax(out, -1)


def said(lm: LanguageModel, request: Request) -> str:
    return conversation(request.messages, lm.tokenizer)[0]


def test_shares_are_a_softmax_over_the_choices_tokens_of_each_alone(lm: LanguageModel) -> None:
    """Prompts of all lengths in a batch, so left padding does not matter; answers begun or not."""
    sets = ("yes", "no"), ("yes", "no", "maybe")
    requests = [Request(user(text, *["w1"] * (i % 3 == 0)), sets[i % 2]) for i, text in enumerate(ASKED)]
    for request, reply in zip(requests, replies(local(lm), requests), strict=True):
        tokens = [lm.tokenizer.convert_tokens_to_ids(choice) for choice in request.choices]
        wanted = plain(lm, said(lm, request))[0][tokens].softmax(0).numpy()
        np.testing.assert_allclose(reply.shares, wanted, atol=1e-6)
        assert sum(reply.shares) == pytest.approx(1, abs=1e-12)
        assert reply.text == request.choices[int(wanted.argmax())]
        assert (reply.tokens, reply.log_probs, reply.cut) == (0, (), False)


def test_choices_of_several_tokens_are_read_as_whole_texts(lm: LanguageModel) -> None:
    """Mean log-likelihood per token; beside requests of single tokens, and alone."""
    texts = ("w1 w2", "w5", "yes no w3")
    requests = [Request(user(text), texts if i % 2 else ("A", "B")) for i, text in enumerate(ASKED)]
    together = replies(local(lm), requests)
    for request, reply in list(zip(requests, together, strict=True))[1::2]:
        tokens = [lm.tokenizer.convert_tokens_to_ids(choice.split()) for choice in texts]
        means = [plain(lm, said(lm, request), t[:-1])[range(len(t)), t].mean() for t in tokens]
        np.testing.assert_allclose(reply.shares, torch.stack(means).softmax(0).numpy(), atol=1e-6)
    for request, reply in zip(requests, together, strict=True):
        np.testing.assert_allclose(replies(local(lm), [request])[0].shares, reply.shares, atol=1e-6)


def wrote(lm: LanguageModel, draws: Sequence[Draw], max_tokens: int = 12, stop: str = "") -> list[Written]:
    return write(lm, [lm.tokenizer(text).input_ids for text in ASKED], draws, max_tokens, stop=stop, bf16=False)


def test_what_is_written_has_the_log_probs_and_entropies_of_a_plain_pass(lm: LanguageModel) -> None:
    """Of the model itself whatever the temperature, and whatever its files ask for beside it."""
    lm.model.generation_config.repetition_penalty = 3.0
    draws = [Draw(0.7 * (i % 2), seed=i) for i in range(8)]
    for text, draw, one in zip(ASKED, draws, wrote(lm, draws), strict=True):
        log_p = plain(lm, text, one.tokens[:-1])
        np.testing.assert_allclose(one.log_probs, log_p[range(len(one.tokens)), one.tokens], atol=1e-5)
        np.testing.assert_allclose(one.entropies, -(log_p.exp() * log_p).sum(-1), atol=1e-5)
        assert draw.temperature or one.tokens == log_p.argmax(-1).tolist()
        assert one.cut == (lm.end not in one.tokens)


def test_an_answer_is_the_same_alone_and_beside_others(lm: LanguageModel) -> None:
    requests = [Request(user(text), (), 10, 0.9 * (i % 2), sample=i // 4) for i, text in enumerate(ASKED)]
    together = replies(local(lm), requests)
    for backend in (local(lm, rows=1), local(lm, rows=3)):
        for one, other in zip(together, replies(backend, requests[::-1])[::-1], strict=True):
            assert (one.text, one.tokens, one.cut) == (other.text, other.tokens, other.cut)
            np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-5)
    shorter = replies(local(lm), [replace(request, max_tokens=4) for request in requests])
    for one, cut in zip(together, shorter, strict=True):
        np.testing.assert_allclose(one.log_probs[:4], cut.log_probs, atol=1e-5)


def test_samples_of_a_request_are_drawn_from_its_distribution(tiny_llama: Path) -> None:
    """400 draws at temperature 2 against the softmax of half the logits, made uneven: every count within five s.d."""
    lm = load(str(tiny_llama))
    with torch.no_grad():
        lm.model.lm_head.weight.mul_(8)
    requests = [Request(user("w1"), (), 1, 2.0, sample) for sample in range(400)]
    found = replies(local(lm, rows=100), requests)
    assert [reply.tokens for reply in found] == [1] * 400
    log_p = plain(lm, said(lm, requests[0]))[0]
    wanted = (log_p / 2).softmax(0).numpy()
    assert wanted.max() > 0.1
    drawn = [int((log_p - reply.log_probs[0]).abs().argmin()) for reply in found]
    counts = np.bincount(drawn, minlength=len(wanted))
    assert (np.abs(counts - 400 * wanted) < 5 * np.sqrt(400 * wanted * (1 - wanted)) + 1).all()


def test_an_answer_ends_with_any_token_the_models_files_name_and_with_the_next_turn(lm: LanguageModel) -> None:
    whole = wrote(lm, [Draw()] * 8)
    end = whole[0].tokens[2]
    lm.model.generation_config.eos_token_id = [lm.end, end]
    for one, full in zip(wrote(lm, [Draw()] * 8), whole, strict=True):
        size = next((t + 1 for t, token in enumerate(full.tokens) if token in (end, lm.end)), 12)
        assert (one.tokens, one.cut) == (full.tokens[:size], full.cut and size == 12)
    lm.model.generation_config.eos_token_id = lm.end
    word = lm.tokenizer.decode([end])
    stopped = wrote(lm, [Draw()] * 8, stop=word)[0]
    assert (stopped.tokens, stopped.cut) == (whole[0].tokens[: whole[0].tokens.index(end) + 1], False)


def test_without_a_chat_template_an_answer_ends_where_the_next_question_begins(tiny_llama: Path) -> None:
    backend = local(load(str(tiny_llama)))
    backend.lm.tokenizer.decode = lambda *args, **kwargs: f" Paris.{TURN} Another question? Answer: Rome"
    assert backend._reply(Written([5], [0.0], [0.0], False), 1).text == "Paris."


def test_a_chat_template_wraps_all_but_what_the_assistant_has_begun(lm: LanguageModel) -> None:
    """The template writes all special tokens there are, so the tokenizer, which begins texts with one, adds none."""
    begin = TemplateProcessing(single="</s> $A", special_tokens=[("</s>", lm.end)])
    lm.tokenizer.backend_tokenizer.post_processor = begin
    lm.tokenizer.chat_template = CHAT
    assert conversation(user("w1"), lm.tokenizer) == ("task w1 . Answer :", "")
    talk = (*user("w1", "w2"), *user("w3", "w4"))
    assert conversation(talk, lm.tokenizer) == ("task w1 . task w2 . task w3 . Answer :w4", " ")
    requests = [
        Request(user("w1"), ("yes", "no")),
        Request(user("w1", " w4"), ("yes", "no")),
        Request(user("w2"), (), 3),
    ]
    *read, free = replies(local(lm), requests)
    yes, no = (lm.tokenizer.convert_tokens_to_ids(c) for c in ("yes", "no"))
    for text, reply in zip(("task w1 . Answer :", "task w1 . Answer : w4"), read, strict=True):
        log_p = plain(lm, text, special=False)[0]
        np.testing.assert_allclose(reply.shares, log_p[[yes, no]].softmax(0), atol=1e-6)
    assert free.log_probs[0] == pytest.approx(float(plain(lm, "task w2 . Answer :", special=False)[0].max()), abs=1e-5)


def test_a_choice_goes_on_as_running_text() -> None:
    """With a tokenizer that keeps blanks: none after the template's line break, one after a word."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(_embedded())
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=1)  # fmt: skip
    lm = paired("tiny", LlamaForCausalLM(config).eval(), tokenizer)
    requests = [Request(user("Is it?", *begun), ("A", "B")) for begun in ([], ["Answer:"], ["Answer: "], ["Answer:\n"])]
    found = replies(local(lm, max_length=400), requests)
    for request, reply, tokens in zip(
        requests, found, (("A", "B"), (" A", " B"), (" A", " B"), ("A", "B")), strict=True
    ):
        ids = [tokenizer(token).input_ids[0] for token in tokens]
        np.testing.assert_allclose(reply.shares, plain(lm, said(lm, request))[0][ids].softmax(0), atol=1e-6)
    tokenizer.chat_template = CHAT.replace("Answer :", "Answer: ")
    read = replies(local(lm), [Request(user("w"), ("A", "B")), Request(user("w"), ("A B", "B"))])
    wanted = plain(lm, "task w . Answer:")[0]
    a, b = (tokenizer(token).input_ids for token in (" A", " B"))
    np.testing.assert_allclose(read[0].shares, wanted[[a[0], b[0]]].softmax(0), atol=1e-6)
    both = plain(lm, "task w . Answer: A")[0][b[0]]
    means = torch.stack([(wanted[a[0]] + both) / 2, wanted[b[0]]])
    np.testing.assert_allclose(read[1].shares, means.softmax(0), atol=1e-6)


def test_a_name_says_which_weights_answer_and_how(lm: LanguageModel) -> None:
    name = local(lm).name
    assert name.startswith(f"{lm.name}-")
    assert local(replace(lm, model=lm.copy().model)).name == name
    changed = lm.copy()
    with torch.no_grad():
        next(changed.model.parameters())[0, 0] += 1e-3
    others = [local(lm, max_length=43).name, local(lm, bf16=True).name, local(changed).name]
    lm.tokenizer.chat_template = CHAT
    assert len({name, *others, local(lm).name}) == 5


def test_long_conversations_lose_their_middle_and_say_so(tiny_gpt2: Path, caplog: pytest.LogCaptureFixture) -> None:
    """GPT-2 has a table of 64 positions: prompt and answer fit into it, or it fails."""
    backend = local(load(str(tiny_gpt2)), max_length=60)
    asked = [
        Request(user("w1 " * 90), (), 20),
        *(Request(user("w1 " * 90), c) for c in (("yes", "no"), ("w1 w2", "w5"))),
    ]
    assert [reply.prompt_tokens for reply in replies(local(backend.lm, max_length=99), asked)] == [44, 63, 62]
    caplog.clear()
    free, read = replies(backend, asked[:2])
    assert (free.prompt_tokens, read.prompt_tokens) == (44, 60)
    ours = [record.message.split(" are ")[0] for record in caplog.records if record.name.startswith("crowdtune")]
    assert ours == ["1 prompts or answers", "1 conversations"]
    with pytest.raises(InputError, match=r"max_tokens=64 leaves no room for a question: model .* reads 64 tokens"):
        replies(backend, [Request(user("w1"), (), 64)])


def test_bfloat16_is_near(tiny_llama: Path) -> None:
    lm = load(str(tiny_llama))
    requests = [Request(user(text), ("yes", "no")) for text in ASKED]
    near = [reply.shares for reply in replies(local(lm, bf16=True), requests)]
    np.testing.assert_allclose(near, [reply.shares for reply in replies(local(lm), requests)], atol=0.02)


def test_what_cannot_be_asked_is_told(tiny_llama: Path, tiny_bert: Path) -> None:
    backend = local(load(str(tiny_llama)))
    with pytest.raises(
        InputError, match=r"a request has the role 'human'\. Give it messages of the roles system, user"
    ):
        replies(backend, [Request((("human", "w1"),))])
    with pytest.raises(InputError, match="a request has no message"):
        replies(backend, [Request(())])
    with pytest.raises(InputError, match=r"a request has an empty choice among \['A', ' '\]"):
        replies(backend, [Request(user("w1"), ("A", " "))])
    backend.lm.tokenizer.chat_template = CHAT
    with pytest.raises(InputError, match=r"chat template refuses a conversation of system, user: no system Put what"):
        replies(backend, [Request((("system", "w1"), ("user", "w2")))])
    with pytest.raises(InputError, match="has head=head and cannot write"):
        local(load(str(tiny_bert), head="head", outputs=("a", "b")))
