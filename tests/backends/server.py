"""A small server of OpenAI's chat protocol on loopback, with faults on demand and a log of every call.

In a thread of its own (`with Server() as server`), or as a process that prints its port and, when its input ends, its
log as JSON:

    python -m tests.backends.server --latency 0.05 --faults 0.1
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

FAULTS = ("429", "500", "hang", "cut off", "empty", "dropped")
Answer = dict[str, Any]


def completion(text: str, logprobs: list[Answer] | None = None, finish: str = "stop", prompt: int = 7) -> Answer:
    """A body of the protocol."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    if logprobs is not None:
        choice["logprobs"] = {"content": logprobs}
    usage = {"prompt_tokens": prompt, "completion_tokens": len(logprobs or text.split())}
    return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}


def token(text: str, logprob: float, top: dict[str, float] | None = None) -> Answer:
    """A token of the protocol's log-probabilities."""
    return {
        "token": text,
        "logprob": logprob,
        "top_logprobs": [dict(token=t, logprob=p) for t, p in (top or {}).items()],
    }


def echo(asked: Answer) -> Answer:
    """Says what it was asked."""
    return completion("you said " + asked["messages"][-1]["content"])


@dataclass
class Log:
    """What the server saw.

    Args:
        calls: when, what was asked (the messages' last text), what came of it: "answered", a fault, or a status.
        most: calls at once at most.
        keys: Authorization headers seen.
    """

    calls: list[tuple[float, str, str]] = field(default_factory=list)
    most: int = 0
    keys: list[str] = field(default_factory=list)

    def answered(self) -> list[str]:
        """Texts whose whole answer was sent, as often as it was."""
        return [text for _, text, came in self.calls if came == "answered"]


@dataclass
class Server:
    """A server and what it does.

    Args:
        answer: body asked -> body answered, or (status, headers, body) of a refusal.
        latency: seconds before it answers.
        faults: share of calls that go wrong.
        kinds: how.
        retry_after: seconds it asks to wait with a 429.
        seed: of which calls go wrong: alike for the same text asked the same number of times, in whatever order.
    """

    answer: Callable[[Answer], Any] = echo
    latency: float = 0.0
    faults: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    retry_after: float = 0.05
    seed: int = 0
    log: Log = field(default_factory=Log)
    port: int = 0

    def __post_init__(self) -> None:
        self.here, self.times = 0, Counter[str]()
        self.loop = asyncio.new_event_loop()
        self.open: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Any:
        made = self.loop.run_until_complete(self.loop.create_server(lambda: _Line(self), "127.0.0.1", self.port))
        self.port = made.sockets[0].getsockname()[1]
        return made

    def __enter__(self) -> Server:
        made = self.start()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.made = made
        return self

    def __exit__(self, *_: object) -> None:
        def stop() -> None:
            self.made.close()
            for transport in list(self.open):
                transport.abort()
            self.loop.call_soon(self.loop.stop)

        self.loop.call_soon_threadsafe(stop)
        self.thread.join()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def fault(self, text: str) -> str:
        """Whether this call goes wrong, and how."""
        self.times[text] += 1
        rng = random.Random(f"{self.seed} {text} {self.times[text]}")
        return rng.choice(self.kinds) if rng.random() < self.faults else ""


class _Line(asyncio.Protocol):
    """A connection: one call after another."""

    def __init__(self, server: Server) -> None:
        self.server, self.buffer, self.busy = server, b"", False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.open.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.open.discard(self.transport)
        self.leave()

    def leave(self) -> None:
        self.server.here -= self.busy
        self.busy = False

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        names = {name.lower(): value for name, value in headers.items()}
        length = int(names.get(b"content-length", 0))
        if not blank or len(rest) < length:
            return
        self.buffer = rest[length:]
        server, self.busy = self.server, True
        server.here += 1
        server.log.most = max(server.log.most, server.here)
        server.log.keys.append(names.get(b"authorization", b"").decode())
        asked = json.loads(rest[:length])
        fault = server.fault(asked["messages"][-1]["content"])
        server.loop.call_later(server.latency, self.come, asked, fault)

    def come(self, asked: Answer, fault: str) -> None:
        if self.transport.is_closing():
            return
        server, text = self.server, asked["messages"][-1]["content"]
        what = fault or "answered"
        told = completion("") if fault == "empty" else server.answer(asked) if fault in ("", "cut off") else {}
        status, headers = 200, {}
        if isinstance(told, tuple):
            status, headers, told = told
            what = str(status)
        elif fault in ("429", "500"):
            status, told = int(fault), {"error": {"message": "an injected fault"}}
            headers = {"Retry-After": str(server.retry_after)} if fault == "429" else {}
        server.log.calls.append((time.monotonic(), text, what))
        if fault == "hang":
            return  # until the client has had enough
        self.leave()
        if fault == "dropped":
            self.transport.abort()
            return
        body = json.dumps(told).encode()
        body = body[: len(body) // 2] if fault == "cut off" else body
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser()
    for name in ("latency", "faults"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    given = parser.parse_args()
    server = Server(latency=given.latency, faults=given.faults)
    server.start()
    print(server.port, flush=True)
    threading.Thread(
        target=lambda: (sys.stdin.read(), server.loop.call_soon_threadsafe(server.loop.stop)), daemon=True
    ).start()
    server.loop.run_forever()
    print(json.dumps(asdict(server.log)))


if __name__ == "__main__":
    main()
