"""Calls in flight: a bounded number at once, each asked again after a fault, none given up that is on its way."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from crowdtune.backends._http import Fault, Http
from crowdtune.backends._pace import Pace
from crowdtune.backends._wire import Asked
from crowdtune.backends.request import Reply, Request
from crowdtune.errors import InputError

logger = logging.getLogger(__name__)
LONGEST = 60.0  # seconds of back-off at most
BELIEVED = 3  # times an answer is empty until that is the answer


class Calls:
    """Requests on their way to replies, all in one event loop.

    Args:
        requests: what is asked.
        asked: what is sent for a request.
        http: who sends it.
        pace: when.
        in_flight: calls at once.
        attempts: calls for one request.
        wait: seconds before the second one, doubled for each after that.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        asked: Asked,
        http: Http,
        pace: Pace,
        *,
        in_flight: int,
        attempts: int,
        wait: float,
    ) -> None:
        self.requests, self.asked, self.http, self.pace = requests, asked, http, pace
        self.in_flight, self.attempts, self.wait = in_flight, attempts, wait
        self.failed: BaseException | None = None
        self._stopped = False
        self._waiting = iter(range(len(requests)))
        self._flying: dict[asyncio.Task[Reply], int] = {}  # those over, too, until they are handed on
        self._over: deque[asyncio.Task[Reply]] = deque()
        self._news = asyncio.Event()
        self._told: set[str] = set()

    async def next(self) -> tuple[int, Reply] | None:
        """A reply and its place; None when all is over. Until it is called again the reply's slot stays taken.

        One at a time: replies that arrive together would else be asked after together, and wait for each other anew
        each time. After a failure no call begins, and those in flight end; after Ctrl-C it is over at once.
        """
        while not self._stopped:
            self._begin()
            if self._over:
                task = self._over.popleft()
                place = self._flying.pop(task)
                try:
                    return place, task.result()
                except InputError as e:
                    self.failed = self.failed or e
            elif not self._flying:
                return None
            else:
                self._news.clear()
                await self._news.wait()
        return None

    def begin(self) -> None:
        """Take Ctrl-C as news: an exception in the midst of whatever runs would leave the loop half stopped."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
                asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        self.failed, self._stopped = KeyboardInterrupt(), True
        self._news.set()

    def _begin(self) -> None:
        """Fill the free slots."""
        while not self.failed and len(self._flying) < self.in_flight:
            place = next(self._waiting, None)
            if place is None:
                return
            task = asyncio.create_task(self._reply(self.requests[place]))
            task.add_done_callback(self._end_of)
            self._flying[task] = place

    def _end_of(self, task: asyncio.Task[Reply]) -> None:
        self._over.append(task)
        self._news.set()

    async def end(self) -> None:
        """Cancel what is in flight, close connections, give Ctrl-C back."""
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        await self.http.close()

    async def _reply(self, request: Request) -> Reply:
        """Ask until there is a reply, asking is of no use, or attempts are used up."""
        attempt = 0
        while True:
            sent = self.asked.body(request)
            got = await self._call(request, msgspec.json.encode(sent))
            if isinstance(got, Reply):
                return got
            if got.final and self.asked.give_way(sent, got.words):
                continue
            attempt += 1
            if got.reply is not None and (attempt >= min(BELIEVED, self.attempts) or self.failed):
                return got.reply
            if got.final or attempt >= self.attempts or self.failed:
                raise InputError(self._last_words(got, attempt))
            self._tell(got.words)
            back_off = min(LONGEST, self.wait * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.5)
            await asyncio.sleep(got.after + back_off)

    async def _call(self, request: Request, data: bytes) -> Reply | Fault:
        """One call, when it is its turn."""
        thought = len(data) / 4 + request.max_tokens
        await self.pace.turn(thought)
        got = await self.http.post(request, data)
        reply = got if isinstance(got, Reply) else got.reply
        self.pace.settle(thought, reply.prompt_tokens + reply.tokens if reply else 0)
        if isinstance(got, Fault) and got.after:
            self.pace.hold(got.after)
        return got

    def _last_words(self, got: Fault, attempt: int) -> str:
        tried = "" if got.final else f" in {attempt} attempts"
        return f"{self.http.address} gave no reply{tried}: {got.words.rstrip('.')}."

    def _tell(self, words: str) -> None:
        """Warn of each kind of fault once."""
        if words not in self._told:
            self._told.add(words)
            logger.warning("%s: %s; asked again", self.http.address, words)
