"""Ask a backend, with a store in front of it: equal requests once, stored ones never."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crowdtune.backends.request import Backend, Reply, Request
from crowdtune.backends.store import Store, key
from crowdtune.errors import InputError

EVERY = 5.0  # seconds between two lines of progress


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in any currency; 0 where it is not known.

    Args:
        prompt_price: of a million tokens read.
        answer_price: of a million tokens written.
    """

    prompt_price: float = 0.0
    answer_price: float = 0.0


@dataclass
class Spent:
    """What replies cost so far; `ask` adds to it. Stored replies cost nothing, failed calls are not counted.

    Example:
        >>> spent = Spent(Prices(prompt_price=0.15, answer_price=0.6))
        >>> spent.add(Reply("yes", prompt_tokens=2_000_000, tokens=500_000))
        >>> print(spent)
        1 call, 2,000,000 tokens read, 500,000 written, cost 0.60
    """

    prices: Prices = field(default_factory=Prices)
    calls: int = 0
    prompt_tokens: int = 0
    tokens: int = 0

    def add(self, reply: Reply) -> None:
        """Count a reply."""
        self.calls += 1
        self.prompt_tokens += reply.prompt_tokens
        self.tokens += reply.tokens

    @property
    def cost(self) -> float:
        """In the currency of the prices."""
        return (self.prompt_tokens * self.prices.prompt_price + self.tokens * self.prices.answer_price) / 1e6

    def __str__(self) -> str:
        calls = f"{self.calls:,} call{'s' * (self.calls != 1)}"
        told = f"{calls}, {self.prompt_tokens:,} tokens read, {self.tokens:,} written"
        return told + (f", cost {self.cost:.2f}" if self.cost else "")


def ask(
    backend: Backend,
    requests: Sequence[Request],
    store: Store | None = None,
    *,
    say: Callable[[str], None] | None = None,
    spent: Spent | None = None,
) -> list[Reply]:
    """Replies in the order of the requests.

    Equal requests are asked once, requests whose reply is stored not at all. A reply is stored as it arrives, before
    the next one is looked at: what a kill or Ctrl-C loses is at most what was in flight.

    Args:
        backend: who is asked.
        requests: what.
        store: where replies are kept; None keeps none.
        say: gets a line of progress every few seconds.
        spent: is added to.
    """
    keys = {request: key(backend.name, request) for request in requests}  # equal requests once
    known: dict[Request, Reply] = {}
    if store is not None:
        known = {request: reply for request, k in keys.items() if (reply := store.get(k)) is not None}
    todo = [request for request in keys if request not in known]
    progress = _Progress(say, len(keys), len(known), Spent() if spent is None else spent)
    replies = backend.answer(todo)
    try:
        for place, reply in replies if todo else ():
            kept = reply if store is None else store.put(keys[todo[place]], reply)
            known[todo[place]] = kept
            progress.count(reply)
    except InputError as e:
        raise InputError(f"{e} {_kept(store, len(known), len(keys))}") from e
    finally:
        getattr(replies, "close", lambda: None)()  # ends calls in flight now, not when Python tidies up
    progress.end()
    return [known[request] for request in requests]


def _kept(store: Store | None, done: int, total: int) -> str:
    if store is None:
        return f"{done:,} of {total:,} replies had arrived and are lost: there was no store to keep them."
    return f"{done:,} of {total:,} replies are safe in {store.path}: the same command goes on from there."


class _Progress:
    """Lines on how far it is, seconds apart."""

    def __init__(self, say: Callable[[str], None] | None, total: int, stored: int, spent: Spent) -> None:
        self.say, self.total, self.stored, self.done, self.spent = say, total, stored, stored, spent
        self.told = time.monotonic()

    def count(self, reply: Reply) -> None:
        self.done += 1
        self.spent.add(reply)
        if time.monotonic() - self.told >= EVERY:
            self.tell()

    def end(self) -> None:
        if self.done > self.stored:
            self.tell()

    def tell(self) -> None:
        self.told = time.monotonic()
        if self.say is not None:
            stored = f", {self.stored:,} of them from the store" if self.stored else ""
            self.say(f"{self.done:,} of {self.total:,} answered{stored}; {self.spent}")
