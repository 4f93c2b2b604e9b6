"""Who is asked: experts by name, each with a backend and a store of replies in front of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crowdtune.annotations import Items
from crowdtune.backends import Backend, Reply, Request
from crowdtune.backends.ask import Spent, ask
from crowdtune.backends.endpoint import Endpoint
from crowdtune.backends.store import Store, key
from crowdtune.backends.vllm import Vllm
from crowdtune.denoise.experts import Direct, Reasoning, SelfCritical, paper_pool
from crowdtune.denoise.question import Ask, Expert, Opinion, Question
from crowdtune.errors import InputError, unknown_name
from crowdtune.lm.load import EMBEDDED, load
from crowdtune.lm.local import Local

KINDS = ("direct", "reasoning", "self-critical", "paper")
TOKEN = 4  # characters of a token, about
SCHEMES = ("http://", "https://")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Asking:
    """Who is asked and how."""

    model: str = EMBEDDED  # embedded, a folder, an id on the hub, vllm:ID, or an address like http://host/v1#MODEL
    experts: str = "direct"  # direct, reasoning, self-critical, paper (direct, 3 reasons), with commas; EXPERT@MODEL
    style: Literal["auto", "letters", "words", "texts"] = "auto"  # of options; auto: texts here, letters elsewhere
    template: str = ""  # text with {prompt} around each item's own
    max_tokens: int = 512  # of a reason, and of an answer written freely
    max_length: int = 2048  # most tokens of a prompt, on this machine
    dialect: Literal["openai", "vllm"] = "openai"  # of an address; vllm servers can be held to the choices
    key_variable: str = "OPENAI_API_KEY"  # environment variable with the key of an address
    in_flight: int = 32  # calls at once
    requests_per_minute: int = 0  # 0 = no limit
    tokens_per_minute: int = 0  # 0 = no limit
    timeout: float = 120.0  # seconds for one call
    attempts: int = 8  # for one request
    prompt_price: float = 0.0  # of a million tokens read
    answer_price: float = 0.0  # of a million tokens written

    def __post_init__(self) -> None:
        if self.template and "{prompt}" not in self.template:
            raise InputError(f"template {self.template!r} has no {{prompt}}: every item would read the same. Add it.")
        for name in ("max_tokens", "max_length"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} is too low. It is at least 1.")

    def question(self, items: Items, i: int) -> Question:
        """Item `i` as experts read it."""
        text = (self.template or "{prompt}").replace("{prompt}", items.prompts[i])
        return Question(text, () if items.kinds[int(items.task[i])] == "text" else items.choices(i))


class NotAsked(Exception):
    """What would have been asked, where nobody is."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.calls = len(requests)
        self.tokens = sum(len(text) for r in requests for _, text in r.messages) // TOKEN
        super().__init__(f"{self.calls:,} call{'s' * (self.calls != 1)}, about {self.tokens:,} tokens to read")


@dataclass(frozen=True, eq=False)
class Panelist:
    """An expert and whom it asks.

    Args:
        name: as an annotator's.
        expert: asks in its own way.
        ask: its backend, with the store in front.
        style: how options are shown to it.
        max_tokens: of its answers.
    """

    name: str
    expert: Expert
    ask: Ask
    style: str
    max_tokens: int

    def answer(self, questions: Sequence[Question]) -> list[Opinion]:
        """An opinion on each question."""
        return self.expert.answer(questions, self.ask)


def panelists(asking: Asking, store: Store, spent: Spent, *, dry: bool, say: Say) -> list[Panelist]:
    """The experts that were asked for, in order; those of one model share it."""
    backends: dict[str, Backend] = {}
    found: list[Panelist] = []
    for word in [part.strip() for part in asking.experts.split(",") if part.strip()]:
        kind, at, model = word.partition("@")
        if kind not in KINDS:
            raise unknown_name("expert", kind, KINDS)
        model = model or asking.model
        if model not in backends:
            backends[model] = _backend(model, asking)
        style = asking.style if asking.style != "auto" else _style(backends[model])
        who = _asks(backends[model], store, spent, dry=dry, say=say)
        for expert in _experts(kind, style, asking):
            name = expert.name + at + (model if at else "")
            found.append(Panelist(name, expert, who, style, asking.max_tokens))
    if not found:
        raise InputError(f"experts='{asking.experts}' names nobody. Name one or more of {', '.join(KINDS)}.")
    names = [p.name for p in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"expert '{twice[0]}' is named twice in experts={asking.experts}. Name it once.")
    return found


def _experts(kind: str, style: str, asking: Asking) -> Sequence[Expert]:
    if kind == "direct":
        return (Direct(style, max_tokens=asking.max_tokens),)
    if kind == "reasoning":
        return (Reasoning(style, max_tokens=asking.max_tokens),)
    if kind == "self-critical":
        return (SelfCritical(style, max_tokens=asking.max_tokens),)
    return paper_pool(style)


def _style(backend: Backend) -> str:
    return "texts" if isinstance(backend, Local) else "letters"


def _backend(model: str, asking: Asking) -> Backend:
    """By what the name looks like."""
    if model.startswith(SCHEMES):
        url, _, served = model.partition("#")
        if not served:
            raise InputError(f"model '{model}' does not say which model is served. Write {url}#MODEL.")
        return Endpoint(
            url,
            served,
            key_variable=asking.key_variable,
            dialect=asking.dialect,
            in_flight=asking.in_flight,
            requests_per_minute=asking.requests_per_minute,
            tokens_per_minute=asking.tokens_per_minute,
            timeout=asking.timeout,
            attempts=asking.attempts,
        )
    if model.startswith("vllm:"):
        return Vllm(model.removeprefix("vllm:"))
    return Local(load(model), max_length=asking.max_length)


def _asks(backend: Backend, store: Store, spent: Spent, *, dry: bool, say: Say) -> Ask:
    """The backend with the store in front; dry, the store alone, and what would be read is counted as spent."""

    def stored(requests: Sequence[Request]) -> list[Reply]:
        name = backend.name
        found = {request: store.get(key(name, request)) for request in requests}
        missing = [request for request, reply in found.items() if reply is None]
        if missing:
            needed = NotAsked(missing)
            spent.calls, spent.prompt_tokens = spent.calls + needed.calls, spent.prompt_tokens + needed.tokens
            raise needed
        return [reply for request in requests if (reply := found[request]) is not None]

    def asked(requests: Sequence[Request]) -> list[Reply]:
        return ask(backend, requests, store, say=say, spent=spent)

    return stored if dry else asked
