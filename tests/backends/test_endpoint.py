"""The endpoint client against a real server on loopback; the server's log is the judge."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crowdtune.backends import Reply, Request
from crowdtune.backends._http import Key
from crowdtune.backends._wire import Asked, Taken
from crowdtune.backends.ask import ask
from crowdtune.backends.endpoint import Endpoint
from crowdtune.backends.store import Store, key
from crowdtune.errors import InputError
from tests.backends.server import FAULTS, Answer, Server, completion, echo, token

SECRET = "sk-of-the-tests-0123456789"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def requests(n: int, **kw: Any) -> list[Request]:
    return [Request((("user", f"item {i}"),), **kw) for i in range(n)]


def quick(server: Server, **kw: Any) -> Endpoint:
    return Endpoint(server.url, "m", **{"wait": 0.002, "timeout": 10.0, "in_flight": 8} | kw)


def test_every_request_is_answered_once_and_never_more_at_once_than_allowed() -> None:
    with Server(latency=0.005) as server:
        replies = ask(quick(server, in_flight=7), requests(100))
        assert [reply.text for reply in replies] == [f"you said item {i}" for i in range(100)]
        assert sorted(server.log.answered()) == sorted(f"item {i}" for i in range(100))
        assert len(server.log.calls) == 100
        assert server.log.most == 7
        assert set(server.log.keys) == {f"Bearer {SECRET}"}
    assert replies[5] == Reply("you said item 5", prompt_tokens=7, tokens=4)


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_asked_again_until_there_is_a_reply(kind: str) -> None:
    with Server(faults=0.2, kinds=(kind,), latency=0.001) as server:
        replies = ask(quick(server, timeout=0.3 if kind == "hang" else 10.0), requests(30))
        assert [reply.text for reply in replies] == [f"you said item {i}" for i in range(30)]
        came = Counter(what for _, _, what in server.log.calls)
        assert came["answered"] == 30
        assert came[kind] == len(server.log.calls) - 30 > 0
        assert server.log.most <= 8


def test_a_server_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    """By every call, not only by the one it told."""
    told: list[str] = []

    def busy_once(asked: Answer) -> Any:
        told.append("")
        return echo(asked) if len(told) > 1 else (429, {"Retry-After": "0.3"}, {})

    with Server(busy_once, latency=0.005) as server:
        ask(quick(server, in_flight=3), requests(9))
        since = [when - server.log.calls[0][0] for when, _, _ in server.log.calls[1:]]
        assert sum(after < 0.3 for after in since) <= 2, "the two in flight"
        assert len(since) == 9


def test_each_attempt_waits_twice_as_long() -> None:
    """Bounds of the jitter: 0.5 to 1.5 of 0.04, 0.08, 0.16 seconds."""
    with Server(lambda asked: (500, {}, {})) as server:
        with pytest.raises(InputError, match="in 4 attempts: it says 500"):
            ask(quick(server, wait=0.04, attempts=4), requests(1))
        when = [call[0] for call in server.log.calls]
    for n, (before, after) in enumerate(pairwise(when)):
        assert 0.5 * 0.04 * 2**n <= after - before < 1.5 * 0.04 * 2**n + 1


def test_after_the_last_attempt_it_says_what_is_safe(tmp_path: Path) -> None:
    def one_is_broken(asked: Answer) -> Any:
        broken = asked["messages"][-1]["content"] == "item 9"
        return (503, {}, {"error": {"message": "out of order"}}) if broken else echo(asked)

    with Server(one_is_broken, latency=0.01) as server, Store(tmp_path / "s") as store:
        with pytest.raises(InputError) as failure:
            ask(quick(server, attempts=3, in_flight=4), requests(200), store)
        assert "gave no reply in 3 attempts: it says 503: out of order. " in str(failure.value)
        assert f"{len(store)} of 200 replies are safe in {tmp_path / 's'}: the same command goes on" in str(
            failure.value
        )
        assert len(store) == len(server.log.answered()), "those in flight at the failure are kept, too"
        assert len(server.log.calls) < 100, "and no more begun"
        server.answer, server.latency = echo, 0.0
        ask(quick(server), requests(200), store)
        assert sorted(server.log.answered()) == sorted(f"item {i}" for i in range(200))


def test_no_part_of_the_key_is_shown_where_a_message_is_shortened() -> None:
    refused = (400, {}, {"detail": "x" * 290 + SECRET})
    with Server(lambda asked: refused) as server, pytest.raises(InputError) as failure:
        ask(quick(server), requests(1))
    assert SECRET[:5] not in str(failure.value)


def test_nobody_there() -> None:
    with pytest.raises(InputError, match=r"gave no reply in 2 attempts: the connection failed \(Cannot connect"):
        ask(Endpoint("http://127.0.0.1:9", "m", attempts=2, wait=0), requests(1))


def test_what_is_wrong_with_a_request_is_said_at_once() -> None:
    def refuse(asked: Answer) -> Any:
        return 400, {}, {"error": {"message": f"the prompt is too long for {SECRET}"}}

    with Server(refuse) as server:
        with pytest.raises(InputError, match=r"no reply: it says 400: the prompt is too long for \[key\]\."):
            ask(quick(server), requests(1))
        server.answer = lambda asked: (429, {"Retry-After": "86400"}, {"error": {"message": "no credit"}})
        with pytest.raises(InputError, match=r"it says 429: no credit \(and to wait 86400 s\)"):
            ask(quick(server), requests(1))
        server.answer = lambda asked: (307, {"Location": "http://elsewhere"}, {})
        with pytest.raises(InputError, match="it says 307"):
            ask(quick(server), requests(1))
        assert len(server.log.calls) == 3


def test_a_refused_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda asked: (401, {}, {"error": {"message": f"bad key {SECRET[:8]}..."}})) as server:
        with pytest.raises(InputError, match=r"it refuses the key in OPENAI_API_KEY \(401\)\."):
            ask(quick(server), requests(1))
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(InputError, match="a call without a key; OPENAI_API_KEY is not set"):
            ask(quick(server), requests(1))
        assert server.log.keys == [f"Bearer {SECRET}", ""]


def test_the_key_is_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in logs of any library at the lowest level, in messages, exceptions with all their causes, or the store."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with Server(faults=0.3, latency=0.001) as server, Store(tmp_path / "s") as store:
        endpoint = quick(server, timeout=0.1)
        ask(endpoint, requests(20), store, say=said.append)
        server.answer, server.faults = lambda asked: (403, {}, {"detail": f"no access with {SECRET}"}), 0.0
        with pytest.raises(InputError) as failure:
            ask(endpoint, requests(30), store)
    error: BaseException | None = failure.value
    while error is not None:
        said += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    said += [repr(endpoint), endpoint.name, repr(Key("OPENAI_API_KEY")), caplog.text]
    assert not [text for text in said if SECRET in text]
    assert "asked again" in caplog.text
    assert not [path for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()]


def test_an_answer_that_stays_empty_is_believed_the_third_time() -> None:
    def cut(asked: Answer) -> Answer:
        return completion("", finish="length")

    with Server(lambda asked: completion("")) as server:
        assert ask(quick(server), requests(1))[0].text == ""
        assert len(server.log.calls) == 3
        server.answer = cut
        assert ask(quick(server), requests(1))[0].cut
        assert len(server.log.calls) == 4, "one that ended before it said anything is asked once"
    with Server(lambda asked: completion("")) as server:
        assert ask(quick(server, attempts=2), requests(1))[0].text == "", "or the last time"
        assert len(server.log.calls) == 2


def test_calls_keep_to_limits_per_minute() -> None:
    """In any s seconds at most limit (s + slack) / 60 + 1 calls; tokens likewise, by what calls took."""
    with Server() as server:
        ask(quick(server, requests_per_minute=2400), requests(12))  # 40 a second
        when = [t for t, _, _ in server.log.calls]
        assert all(when[j] - when[i] >= (j - i) / 40 - 0.05 - 0.03 for i in range(12) for j in range(i, 12))
        server.log.calls.clear()
        began = time.monotonic()
        ask(quick(server, tokens_per_minute=11 * 60 * 30), requests(20, max_tokens=4))  # 11 tokens a call: 30 a second
        took = time.monotonic() - began
        assert 0.5 * 19 / 30 < took < 3 * 19 / 30


def test_a_refused_option_is_not_sent_again() -> None:
    """As servers refuse them: no log-probabilities, fewer of the likeliest, another name for the limit, no seed."""
    sent: list[Answer] = []

    def fussy(asked: Answer) -> Any:
        sent.append(asked)
        for name, words in {
            "max_tokens": "Use 'max_completion_tokens' instead.",
            "seed": "Extra inputs are not permitted: seed",
            "logprobs": "logprobs is not supported with this model",
        }.items():
            if name in asked:
                return 400, {}, {"error": {"message": words}}
        return completion("b")

    with Server(fussy) as server:
        endpoint = quick(server, in_flight=4)
        assert {reply.text for reply in ask(endpoint, requests(20, choices=("A", "B")))} == {"B"}
        refused = len(sent) - 20
        assert refused <= 4 * 6
        ask(endpoint, requests(20, choices=("A", "B", "C")))
        assert len(sent) == 40 + refused, "what is found out is kept to"
        assert sorted(sent[-1]) == ["max_completion_tokens", "messages", "model", "temperature"]


def test_fewer_of_the_likeliest_tokens_are_taken_where_no_more_are_given() -> None:
    def at_most_five(asked: Answer) -> Any:
        if asked["top_logprobs"] > 5:
            return 400, {}, {"error": {"message": "Requested logprobs of 20, greater than max allowed: 5"}}
        return completion("A", [token("A", math.log(0.6), {"A": math.log(0.6), "B": math.log(0.2)})])

    with Server(at_most_five) as server:
        (reply,) = ask(quick(server), requests(1, choices=("A", "B")))
        assert reply.shares == pytest.approx((0.75, 0.25))
        assert reply.log_probs == pytest.approx((math.log(0.6),))
        assert reply.entropies == (), "0.2 of the probability is unknown"


def test_what_a_server_is_asked() -> None:
    """By hand, in each dialect: choices, and an answer that goes on."""
    choose = Request((("system", "s"), ("user", "A or B?")), ("A", "B"), temperature=0.5, sample=3)
    go_on = Request((("user", "Why?"), ("assistant", "Because")), max_tokens=9)
    plain, vllm = (Asked("m", dialect, 0, Taken()) for dialect in ("openai", "vllm"))
    assert plain.body(choose) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "A or B?\n\nAnswer with one of these and nothing else:\nA\nB"},
        ],
        "max_tokens": 1 + 8,
        "temperature": 0.5,
        "seed": 3,
        "logprobs": True,
        "top_logprobs": 20,
    }
    said = plain.body(go_on)["messages"]
    assert said[:2] == [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because"}]
    assert said[2:] == [{"role": "user", "content": "Go on exactly where your answer ends. Repeat nothing."}]
    assert vllm.body(choose)["messages"][1]["content"] == "A or B?"
    assert vllm.body(choose)["structured_outputs"] == {"choice": ["A", "B"]}
    told = vllm.body(go_on)
    assert (told["continue_final_message"], told["add_generation_prompt"], told["max_tokens"]) == (True, False, 9)
    assert told["messages"][-1] == {"role": "assistant", "content": "Because"}
    assert "top_logprobs" not in told


KILLED = """
import sys
from crowdtune.backends.ask import ask
from crowdtune.backends.endpoint import Endpoint
from crowdtune.backends.store import Store
from tests.backends.test_endpoint import requests
with Store(sys.argv[2]) as store:
    ask(Endpoint(sys.argv[1], "m", in_flight=8), requests(10_000), store)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_and_repeats_no_call(how: signal.Signals, tmp_path: Path) -> None:
    """No reply the store had is asked for again; what a kill can cost is the calls in flight, at most 8."""
    with Server(latency=0.01) as server:
        command = [sys.executable, "-c", KILLED, server.url, tmp_path / "s"]
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while len(server.log.calls) < 100:
            assert running.poll() is None
            time.sleep(0.005)
        running.send_signal(how)
        words = running.communicate()[1]
        assert SECRET not in words
        assert ("KeyboardInterrupt" in words) == (how == signal.SIGINT), words
        time.sleep(0.05)
        wanted = requests(len(server.log.calls) + 50)
        endpoint = Endpoint(server.url, "m", in_flight=8)
        with Store(tmp_path / "s") as store:
            kept = {r.messages[0][1] for r in wanted if store.get(key(endpoint.name, r)) is not None}
            before = Counter(server.log.answered())
            replies = ask(endpoint, wanted, store)
        after = Counter(server.log.answered())
    assert len(kept) >= 100 - 8
    assert all(after[text] == before[text] == 1 for text in kept), "what was kept was asked once"
    assert [reply.text for reply in replies] == [f"you said {r.messages[0][1]}" for r in wanted]
    repeated = sum(after.values()) - len(after)
    assert repeated == len(before) - len(kept) <= 8


def test_it_works_within_a_running_loop() -> None:
    async def notebook() -> list[Reply]:
        return ask(quick(server), requests(20))

    with Server() as server:
        assert len(asyncio.run(notebook())) == 20


def test_a_caller_that_has_enough_ends_what_is_in_flight() -> None:
    with Server(latency=0.05) as server:
        with contextlib.closing(quick(server, in_flight=4).answer(requests(50))) as replies:  # type: ignore[type-var]
            next(replies)
        time.sleep(0.1)
        assert len(server.log.calls) <= 8


def test_wrong_options_are_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    held = (f"me:{SECRET}@host/v1", f":{SECRET}@host/v1", f"host/v1?key={SECRET}", f"host/v1#{SECRET}")
    for url in ("localhost:8000/v1", "http://[host/v1", *(f"https://{rest}" for rest in held)):
        with pytest.raises(InputError, match="address is not of the form http://host:port/v1") as failure:
            Endpoint(url, "m")
        assert SECRET not in str(failure.value)
    with pytest.raises(InputError, match="key_variable is not the name of an environment variable") as failure:
        Endpoint("http://host/v1", "m", key_variable=SECRET)
    assert SECRET not in str(failure.value)
    with pytest.raises(InputError, match="Did you mean 'vllm'"):
        Endpoint("http://host/v1", "m", dialect="vlm")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"in_flight=0 is too low. It is at least 1"):
        Endpoint("http://host/v1", "m", in_flight=0)
    monkeypatch.setenv("OPENAI_API_KEY", "two\nlines")
    with pytest.raises(InputError, match="the key in OPENAI_API_KEY has characters that no key has"):
        ask(Endpoint("http://host/v1", "m"), requests(1))


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(InputError, match=r"needs aiohttp: pip install 'crowdtune\[endpoint\]' brings it"):
        ask(Endpoint("http://host/v1", "m"), requests(1))


def test_the_address_may_be_given_whole() -> None:
    assert Endpoint("http://h/v1/", "m").name == Endpoint("http://h/v1/chat/completions", "m").name
    assert Endpoint("http://h/v1", "m").name != Endpoint("http://h/v1", "m", dialect="vllm").name
