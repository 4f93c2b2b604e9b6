"""Ask: each question once, in order, every reply kept before the next is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from crowdtune.backends import Reply, Request
from crowdtune.backends import ask as asking
from crowdtune.backends.ask import Prices, Spent, ask
from crowdtune.backends.store import Store
from crowdtune.errors import InputError


def request(text: str) -> Request:
    return Request((("user", text),))


@dataclass
class Backwards:
    """Answers the last question first; fails after so many."""

    store: Store | None = None
    fails: int = 10**6
    error: BaseException = field(default_factory=lambda: InputError("The server is gone."))
    name: str = "backwards"
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        before = len(self.store) if self.store is not None else 0
        try:
            for n, place in enumerate(reversed(range(len(requests)))):
                if n == self.fails:
                    raise self.error
                text = requests[place].messages[-1][1]
                self.asked.append(text)
                yield place, Reply(text[::-1], prompt_tokens=100, tokens=10)
                assert self.store is None or len(self.store) == before + n + 1, "kept before the next"
        finally:
            self.closed = True


def test_equal_requests_are_asked_once_and_stored_ones_never(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        one = Backwards(store)
        texts = [reply.text for reply in ask(one, [request(t) for t in ("ab", "cd", "ab", "ef")], store)]
        assert (texts, one.asked) == (["ba", "dc", "ba", "fe"], ["ef", "cd", "ab"])
        two = Backwards(store)
        texts = [reply.text for reply in ask(two, [request(t) for t in ("gh", "ab", "cd")], store)]
        assert (texts, two.asked) == (["hg", "ba", "dc"], ["gh"])
        other = Backwards(store, name="another model")
        ask(other, [request("ab")], store)
        assert other.asked == ["ab"]
    assert ask(Backwards(), []) == []
    assert ask(Backwards(), [request("ab")])[0].text == "ba"


def test_of_two_processes_the_first_reply_is_everybodys(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, Store(tmp_path / "s") as theirs:

        class Late(Backwards):
            def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
                ask(Backwards(), requests, theirs)
                yield 0, Reply("late")

        assert ask(Late(), [request("ab")], store)[0].text == "ba"


def test_a_failure_says_what_is_safe(tmp_path: Path) -> None:
    requests = [request(f"{i}") for i in range(5)]
    with Store(tmp_path / "s") as store:
        failing = Backwards(fails=3)
        with pytest.raises(
            InputError, match=r"server is gone\. 3 of 5 replies are safe in .*s: the same command goes on"
        ):
            ask(failing, requests, store)
        assert failing.closed
        again = Backwards()
        ask(again, requests, store)
        assert again.asked == ["1", "0"]
    with pytest.raises(InputError, match="3 of 5 replies had arrived and are lost: there was no store"):
        ask(Backwards(fails=3), requests)


def test_ctrl_c_ends_calls_and_keeps_replies(tmp_path: Path) -> None:
    stopped = Backwards(fails=2, error=KeyboardInterrupt())
    with Store(tmp_path / "s") as store:
        with pytest.raises(KeyboardInterrupt):
            ask(stopped, [request(f"{i}") for i in range(5)], store)
        assert stopped.closed
        assert len(store) == 2


def test_whatever_goes_wrong_here_calls_end_now(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(line: str) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(asking, "EVERY", 0.0)
    backend = Backwards()
    with pytest.raises(OSError, match="no space") as held:  # the exception keeps the frame and all in it alive
        ask(backend, [request(f"{i}") for i in range(5)], say=full)
    assert backend.closed
    assert len(backend.asked) == 1
    del held


def test_progress_and_what_was_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 100 tokens read and 10 written a reply, at 2.50 and 10 for a million."""
    monkeypatch.setattr(asking, "EVERY", 0.0)
    spent, lines = Spent(Prices(2.5, 10.0)), []
    with Store(tmp_path / "s") as store:
        ask(Backwards(), [request("a")], store)
        ask(Backwards(), [request(t) for t in "abc"], store, say=lines.append, spent=spent)
        assert lines[-1] == (
            "3 of 3 answered, 1 of them from the store; 2 calls, 200 tokens read, 20 written, cost 0.00"
        )
        ask(Backwards(), [request(t) for t in "abc"], store, say=lines.append, spent=spent)
    assert (spent.calls, spent.prompt_tokens, spent.tokens) == (2, 200, 20)
    assert spent.cost == pytest.approx((200 * 2.5 + 20 * 10) / 1e6)
    assert len(lines) == 3, "two replies and the end; nothing where all was stored"
