"""One call over HTTP: a reply, or a fault that says whether to ask again."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from crowdtune.backends._wire import read, words
from crowdtune.backends.request import Reply, Request
from crowdtune.errors import InputError

AGAIN = {408, 409, 425, 429}  # asked again, as all of 5xx; any other 4xx says that the request is wrong
MOST = 300  # characters of what a server says went wrong
PATIENCE = 600.0  # seconds a server may ask to wait; more is a quota that's used up, not a busy server


@dataclass(frozen=True)
class Fault:
    """Why there is no reply.

    Args:
        words: what happened.
        after: seconds the server asks to wait.
        final: asking again is of no use.
        reply: an empty one, to be believed if it stays like this.
    """

    words: str
    after: float = 0.0
    final: bool = False
    reply: Reply | None = None


class Key:
    """A key, where no message, log or traceback shows it."""

    def __init__(self, variable: str) -> None:
        self._secret = os.environ.get(variable, "").strip()
        self.told = f"the key in {variable}" if self._secret else f"a call without a key; {variable} is not set"
        if not (self._secret.isascii() and (self._secret.isprintable() or not self._secret)):
            raise InputError(f"the key in {variable} has characters that no key has. Set it again.")

    def headers(self) -> dict[str, str]:
        """What a call is sent with."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def hide(self, text: str) -> str:
        """What a server says, without the key and then shortened: a part of the key would be shown else."""
        return (text.replace(self._secret, "[key]") if self._secret else text)[:MOST]


class Http:
    """Connections to one address; made and used within an event loop.

    Args:
        address: where calls go.
        key: sent with each.
        connections: at once.
        timeout: seconds for a call.
    """

    def __init__(self, address: str, key: Key, connections: int, timeout: float) -> None:
        self._aiohttp = _library()
        self.address, self.key, self.timeout = address, key, timeout
        parts = urlsplit(address)
        direct = proxy_bypass(parts.hostname or "")
        self._session = self._aiohttp.ClientSession(
            connector=self._aiohttp.TCPConnector(limit=connections),
            timeout=self._aiohttp.ClientTimeout(total=timeout),
            headers={"Content-Type": "application/json"} | key.headers(),
            proxy=None if direct else getproxies().get(parts.scheme),
        )

    async def post(self, request: Request, data: bytes) -> Reply | Fault:
        """Send, and make of whatever comes back a reply or a fault."""
        try:
            async with self._session.post(self.address, data=data, allow_redirects=False) as response:
                answer = await response.read()
        except TimeoutError:
            return Fault(f"no answer within {self.timeout:g} s")
        except (self._aiohttp.ClientError, OSError) as e:
            return Fault(f"the connection failed ({self.key.hide(str(e)) or type(e).__name__})")
        if response.status == 200:
            reply, wrong = read(request, answer)
            return reply if reply is not None and not wrong else Fault(self.key.hide(wrong), reply=reply)
        return self._refused(response.status, response.headers, answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _refused(self, status: int, headers: Mapping[str, str], answer: bytes) -> Fault:
        """What a status other than 200 means."""
        if status == 401:  # without the server's words: some repeat a part of the key
            return Fault(f"it refuses {self.key.told} (401)", final=True)
        fault = f"it says {status}: {self.key.hide(words(answer))}"
        if status < 500 and status not in AGAIN:
            return Fault(fault, final=True)
        after = seconds(headers.get("Retry-After", ""))
        if after > PATIENCE:
            return Fault(f"{fault} (and to wait {after:.0f} s)", final=True)
        return Fault(fault, after)


def _library() -> Any:
    try:
        import aiohttp
    except ImportError as e:
        raise InputError("asking an endpoint needs aiohttp: pip install 'crowdtune[endpoint]' brings it.") from e
    return aiohttp


def seconds(after: str) -> float:
    """Of a Retry-After header: a number of seconds, or a date; 0 where it is neither.

    Example:
        >>> seconds("1.5"), seconds("Wed, 21 Oct 2015 07:28:00 GMT"), seconds("soon")
        (1.5, 0.0, 0.0)
    """
    try:
        return max(0.0, float(after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except ValueError:
        return 0.0
