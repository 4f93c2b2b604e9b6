"""The endpoint client against a server on loopback: throughput, and a run with faults that is killed and goes on.

    python benchmarks/endpoint.py

Server and client are a process each. (1) 2,000 requests, 32 in flight, to a server that answers after 50 ms: 640 a
second at most. Beside it a bare socket client that writes prepared bytes and reads to the last brace: what server and
machine allow at that moment. Five rounds, in turn. (2) 1,000 requests, one call in ten of which goes wrong (429, 500,
no answer, a cut-off answer, an empty one, a dropped connection); the client is killed (SIGKILL) when 400 replies are
stored, and started again. The server's log counts. On a machine that is busy `nice -n -15` before the command (as
root) shows what the two cost rather than how long they wait for a core.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from crowdtune.backends import Request
from crowdtune.backends.ask import ask
from crowdtune.backends.endpoint import Endpoint
from crowdtune.backends.store import Store, key

ROOT = Path(__file__).parents[1]
LATENCY, IN_FLIGHT, MANY, ROUNDS = 0.05, 32, 2000, 5
ITEMS, FAULTS, KILLED_AT = 1000, 0.1, 400
LIMIT = IN_FLIGHT / LATENCY


def requests(n: int) -> list[Request]:
    """Of about 70 tokens each."""
    return [Request((("user", f"item {i}: " + "some words of a text to label " * 10),)) for i in range(n)]


def endpoint(url: str) -> Endpoint:
    """As a user would set it for a server nearby."""
    return Endpoint(url, "mock", in_flight=IN_FLIGHT, timeout=1.0, wait=0.1)


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A server's address, and after the block its log."""
    command = [sys.executable, "-m", "tests.backends.server", "--latency", str(LATENCY), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        log: dict[str, Any] = {}
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1", log
        process.stdin.close()
        log.update(json.loads(process.stdout.read()))


class Bare(asyncio.Protocol):
    """A connection that asks the same again and again."""

    def __init__(self, data: bytes, count: list[int], over: asyncio.Event) -> None:
        self.data, self.count, self.over = data, count, over

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport, self.buffer = transport, b""
        transport.write(self.data)

    def data_received(self, data: bytes) -> None:
        """Count a whole answer, ask again."""
        self.buffer += data
        if self.buffer.endswith(b"}}"):
            self.buffer, self.count[0] = b"", self.count[0] + 1
            if self.count[0] == MANY:
                self.over.set()
            if self.count[0] <= MANY - IN_FLIGHT:
                self.transport.write(self.data)


async def bare(port: int) -> float:
    """Calls a second of a client that does nothing else."""
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": requests(1)[0].messages[0][1]}]})
    data = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    count, over, began = [0], asyncio.Event(), time.perf_counter()
    made = [
        await asyncio.get_running_loop().create_connection(lambda: Bare(data, count, over), "127.0.0.1", port)
        for _ in range(IN_FLIGHT)
    ]
    await over.wait()
    for transport, _ in made:
        transport.close()
    return MANY / (time.perf_counter() - began)


def throughput() -> None:
    """Print part (1)."""
    print(f"{MANY} requests, {IN_FLIGHT} in flight, {LATENCY * 1000:.0f} ms: {LIMIT:.0f} a second at most")
    rates, floors, seconds = [], [], []
    with serving() as (url, _), tempfile.TemporaryDirectory() as folder:
        ask(endpoint(url), requests(50))  # imports
        for n in range(ROUNDS):
            floors.append(asyncio.run(bare(int(url.split(":")[2].removesuffix("/v1")))))
            with Store(Path(folder) / f"{n}.db") as store:
                began, used = time.perf_counter(), time.process_time()
                ask(endpoint(url), requests(MANY), store)
                rates.append(MANY / (time.perf_counter() - began))
                seconds.append(time.process_time() - used)
            print(f"  {rates[-1]:.0f} a second; bare sockets {floors[-1]:.0f}")
    share = median(rate / floor for rate, floor in zip(rates, floors, strict=True))
    print(
        f"median: {median(rates):.0f} a second, {median(rates) / LIMIT:.1%} of {LIMIT:.0f}; {share:.1%} of what bare "
        f"sockets get; {1000 * median(seconds) / MANY:.2f} ms of CPU a request, store included"
    )


CLIENT = """
import sys
sys.path.insert(0, sys.argv[3])
from benchmarks.endpoint import ITEMS, endpoint, requests
from crowdtune.backends.ask import ask
from crowdtune.backends.store import Store
with Store(sys.argv[2]) as store:
    replies = ask(endpoint(sys.argv[1]), requests(ITEMS), store, say=print)
print("whole" if all(reply.text for reply in replies) else "not whole")
"""


def survival() -> None:
    """Print part (2)."""
    with serving("--faults", str(FAULTS)) as (url, log), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replies.db"
        command = [sys.executable, "-c", CLIENT, url, str(path), str(ROOT)]
        with Store(path) as store:
            first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while len(store) < KILLED_AT:
                time.sleep(0.005)
            first.kill()
            first.wait()
            kept = {
                request.messages[0][1]
                for request in requests(ITEMS)
                if store.get(key(endpoint(url).name, request)) is not None
            }
            began = time.perf_counter()
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[-2]
            print(f"{ITEMS} requests, {FAULTS:.0%} of calls go wrong, killed with {len(kept)} replies in the store")
            print(f"went on for {time.perf_counter() - began:.1f} s; {said}: {len(store)} replies in the store")
    came = Counter(what for _, _, what in log["calls"])
    answered = Counter(text for _, text, what in log["calls"] if what == "answered")
    print(f"calls: {dict(came)}; at once at most {log['most']}")
    print(f"calls repeated whose reply was in the store: {sum(answered[text] - 1 for text in kept)}")
    print(f"answered calls that were in flight at the kill, and asked again: {sum(answered.values()) - len(answered)}")


if __name__ == "__main__":
    throughput()
    survival()
