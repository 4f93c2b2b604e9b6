"""Pace: when the next call may go, by limits per minute and by what the server asked for."""

from __future__ import annotations

import asyncio
import time

SLACK = 0.05  # seconds a call may come early to make up for one that came late
LOOK = 0.25  # seconds between two looks at whether it may go sooner


class Pace:
    """Spreads calls evenly: in any s seconds at most limit * (s + SLACK) / 60 + 1 of them go, never a minute's at once.

    Args:
        requests_per_minute: calls; 0 is no limit.
        tokens_per_minute: tokens read and written; 0 is no limit.
    """

    def __init__(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        self._step = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next = self._tokens_from = self._held = 0.0
        self._line = asyncio.Lock()  # first come, first served

    async def turn(self, tokens: float) -> None:
        """Wait until a call may go that is thought to take so many tokens."""
        async with self._line:
            while (wait := max(self._next, self._tokens_from, self._held) - time.monotonic()) > 0:
                await asyncio.sleep(min(wait, LOOK))
            now = time.monotonic() - SLACK
            self._next = max(self._next, now) + self._step
            self._tokens_from = max(self._tokens_from, now) + tokens * self._token

    def settle(self, thought: float, taken: float) -> None:
        """A call is over: what it was thought to take, and what it took."""
        self._tokens_from -= (thought - taken) * self._token

    def hold(self, seconds: float) -> None:
        """Nobody goes for so long: the server asked for it."""
        self._held = max(self._held, time.monotonic() + seconds)
