"""Endpoint: any server that speaks OpenAI's chat protocol, many calls at once, patient with its faults."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from crowdtune.backends._calls import Calls
from crowdtune.backends._http import Http, Key
from crowdtune.backends._pace import Pace
from crowdtune.backends._wire import WORDING, Asked, Dialect, Taken
from crowdtune.backends.request import Reply, Request
from crowdtune.errors import InputError, unknown_name

T = TypeVar("T")
PATH = "/chat/completions"


@dataclass(frozen=True)
class Endpoint:
    """A chat endpoint.

    Args:
        url: of the server, up to what comes before /chat/completions, e.g. http://localhost:8000/v1.
        model: the name it knows the model by.
        key_variable: environment variable that holds the key; none is sent where it's empty.
        dialect: "vllm" servers go on where an assistant's message ends and write one of the choices and nothing else;
            "openai" ones are asked to in words.
        in_flight: calls at once.
        requests_per_minute: calls, those asked again included; 0 is no limit.
        tokens_per_minute: tokens read and written; 0 is no limit.
        timeout: seconds for one call.
        attempts: calls for one request before its fault ends it all; an empty answer is believed the third time, or the
            last.
        wait: seconds before the second attempt, doubled for each one after, times 0.5 to 1.5 by chance.
        top: likeliest tokens to ask for at each place of a free answer, for entropies: ten times the traffic.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    dialect: Dialect = "openai"
    in_flight: int = 32
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    timeout: float = 120.0
    attempts: int = 8
    wait: float = 1.0
    top: int = 0
    _taken: Taken = field(default_factory=Taken, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise InputError(
                "the endpoint's address is not of the form http://host:port/v1 or https://host/v1, without a key or "
                "password in it; the key belongs in an environment variable (key_variable)."
            )
        if not re.fullmatch("[A-Z][A-Z0-9_]*", self.key_variable):
            raise InputError(  # without its value: it may be the key itself
                "key_variable is not the name of an environment variable (A-Z, 0-9, _), e.g. OPENAI_API_KEY."
            )
        if self.dialect not in get_args(Dialect):
            raise unknown_name("dialect", self.dialect, get_args(Dialect))
        least = {"in_flight": 1, "attempts": 1, "requests_per_minute": 0, "tokens_per_minute": 0, "wait": 0, "top": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError(f"{name}={getattr(self, name)} is too low. It is at least {bound}.")
        if self.timeout <= 0:
            raise InputError(f"timeout={self.timeout} is no time. It is above 0, in seconds.")

    @property
    def name(self) -> str:
        """Model, address and dialect."""
        return f"{self.model} at {self.address} ({self.dialect} {WORDING})"

    @property
    def address(self) -> str:
        """Where calls go."""
        return self.url.rstrip("/").removesuffix(PATH) + PATH

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Replies as they arrive; a slot is free for the next call once its reply has been dealt with."""
        key = Key(self.key_variable)
        with _loop() as run:
            calls = run(self._begin(requests, key))
            try:
                while (done := run(calls.next())) is not None:
                    yield done
            finally:
                run(calls.end())
            if calls.failed is not None:
                raise calls.failed

    async def _begin(self, requests: Sequence[Request], key: Key) -> Calls:
        calls = Calls(
            requests,
            Asked(self.model, self.dialect, self.top, self._taken),
            Http(self.address, key, self.in_flight, self.timeout),
            Pace(self.requests_per_minute, self.tokens_per_minute),
            in_flight=self.in_flight,
            attempts=self.attempts,
            wait=self.wait,
        )
        calls.begin()
        return calls


def _is_address(url: str) -> bool:
    """Whether a URL has a server and nothing that could hold a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme in ("http", "https") and parts.hostname) and not re.search("[@?#]", url)


@contextmanager
def _loop() -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    """What runs one coroutine after another in a loop of its own; within a running loop, as in notebooks, too."""
    if not _runs_already():
        with asyncio.Runner() as runner:
            yield runner.get_loop().run_until_complete
        return
    runner = asyncio.Runner()
    with ThreadPoolExecutor(1) as thread:
        try:
            yield lambda step: thread.submit(runner.run, step).result()
        finally:
            thread.submit(runner.close).result()


def _runs_already() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
