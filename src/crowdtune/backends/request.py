"""Request, Reply, and the protocol of what turns one into the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """A question to a language model.

    Args:
        messages: the conversation so far, pairs of role ("system", "user", "assistant") and text. If the last is the
            assistant's, the answer goes on where it ends.
        choices: where given, the answer is one of them and nothing else, e.g. ("A", "B", "C"); a backend that can
            reads off how likely each is.
        max_tokens: most tokens of the answer.
        temperature: 0 is greedy: the same each time.
        sample: which of several answers at one temperature, so that each is asked for and kept by itself.
    """

    messages: tuple[tuple[str, str], ...]
    choices: tuple[str, ...] = ()
    max_tokens: int = 512
    temperature: float = 0.0
    sample: int = 0


@dataclass(frozen=True)
class Reply:
    """What came back.

    Args:
        text: as written, without surrounding blanks; of a request with choices the likeliest of them, "" if what was
            written is none.
        shares: (K,) probability of each choice of the request, sums to 1; () where the backend cannot tell.
        log_probs: (T,) log-probability in nats of each token written; () where the backend does not tell.
        entropies: (T,) entropy in nats of the distribution each token was drawn from; () where the backend gives no
            whole distributions.
        prompt_tokens: tokens read.
        tokens: tokens written.
        cut: whether it ended because of `max_tokens`.
    """

    text: str
    shares: tuple[float, ...] = ()
    log_probs: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()
    prompt_tokens: int = 0
    tokens: int = 0
    cut: bool = False


class Backend(Protocol):
    """A language model that can be asked."""

    @property
    def name(self) -> str:
        """Which model, and everything beside a request that changes what it answers; part of a stored reply's key."""
        ...

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Place of a request and its reply, for each request, in any order, as they are ready."""
        ...
