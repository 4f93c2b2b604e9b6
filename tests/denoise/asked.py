"""A backend that says what a function says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crowdtune.backends import Reply, Request


@dataclass
class Scripted:
    """An `Ask`.

    Args:
        say: what is replied to a request: a text, or a reply.
        calls: the requests of each call.
    """

    say: Callable[[Request], str | Reply]
    calls: list[list[Request]] = field(default_factory=list)

    def __call__(self, requests: Sequence[Request]) -> list[Reply]:
        self.calls.append(list(requests))
        said = [self.say(request) for request in requests]
        return [one if isinstance(one, Reply) else Reply(one) for one in said]

    @property
    def last(self) -> Request:
        return self.calls[-1][-1]


def in_turn(*texts: str | Reply) -> Scripted:
    """Says these one after another."""
    left = iter(texts)
    return Scripted(lambda request: next(left))
