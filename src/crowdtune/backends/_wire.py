"""What is sent to a chat endpoint for a request, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from crowdtune.backends._reading import reply_of
from crowdtune.backends.request import Reply, Request

Dialect = Literal["openai", "vllm"]
WORDING = 2  # raise it when other words are sent for a request, or answers are read otherwise: stored replies differ
GO_ON = "Go on exactly where your answer ends. Repeat nothing."
ONE_OF = "Answer with one of these and nothing else:"
SPARE = 8  # tokens beside a choice: blanks, marks around it
TOPS = (20, 5, 0)  # likeliest tokens asked for, until a server doesn't refuse as many


@dataclass
class Taken:
    """What a server takes, as far as it has said; found out once, then kept to.

    Args:
        top: place in TOPS; beyond its end no log-probabilities are asked for at all.
        limit: what it calls the most tokens to write.
        seed: whether it takes one.
    """

    top: int = 0
    limit: str = "max_tokens"
    seed: bool = True


@dataclass(frozen=True)
class Asked:
    """What is sent for a request.

    Args:
        model: the name the server knows it by.
        dialect: "vllm" servers go on where an assistant's message ends and write a choice and nothing else; "openai"
            ones are asked to in words.
        top: likeliest tokens to ask for at each place of a free answer; of choices as many as there are to be had.
        taken: what the server takes.
    """

    model: str
    dialect: Dialect
    top: int
    taken: Taken

    def body(self, request: Request) -> dict[str, Any]:
        """What is sent, as the server takes it."""
        told: dict[str, Any] = {
            "model": self.model,
            "messages": conversation(self.dialect, request),
            self.taken.limit: _most(request),
            "temperature": request.temperature,
        }
        if self.taken.seed:
            told["seed"] = request.sample
        if self.taken.top < len(TOPS):
            told["logprobs"] = True
            if top := min(TOPS[0] if request.choices else self.top, TOPS[self.taken.top]):
                told["top_logprobs"] = top
        if self.dialect == "vllm":
            if _unfinished(request):
                told |= {"continue_final_message": True, "add_generation_prompt": False}
            if request.choices:
                told["structured_outputs"] = {"choice": list(request.choices)}
        return told

    def give_way(self, sent: dict[str, Any], words: str) -> bool:
        """Drop what was sent and is refused in these words; False where it is nothing that can be dropped."""
        taken = self.taken
        if "logprobs" in words and "logprobs" in sent:
            if sent.get("top_logprobs", 0) <= TOPS[min(taken.top, len(TOPS) - 1)]:  # else another call has given way
                taken.top = taken.top + 1 if "top_logprobs" in sent else len(TOPS)
        elif "max_completion_tokens" in words and "max_tokens" in sent:
            taken.limit = "max_completion_tokens"
        elif "seed" in words and "seed" in sent:
            taken.seed = False
        else:
            return False
        return True


def conversation(dialect: Dialect, request: Request) -> list[dict[str, str]]:
    """The messages, with what an "openai" server must be told in words added to the last of the user's."""
    said = [{"role": role, "content": text} for role, text in request.messages]
    if dialect == "openai":
        words = [GO_ON] if _unfinished(request) else []
        if request.choices:
            words.append("\n".join([ONE_OF, *request.choices]))
        if words and said and said[-1]["role"] == "user":
            said[-1]["content"] += "\n\n" + "\n".join(words)
        elif words:
            said.append({"role": "user", "content": "\n".join(words)})
    return said


def _unfinished(request: Request) -> bool:
    return bool(request.messages) and request.messages[-1][0] == "assistant"


def _most(request: Request) -> int:
    """Tokens to allow: a choice has no more of them than bytes."""
    longest = max((len(choice.encode()) for choice in request.choices), default=request.max_tokens)
    return min(request.max_tokens, longest + SPARE) if request.choices else request.max_tokens


class _Top(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Top):
    top_logprobs: list[_Top] | None = None


class _LogProbs(msgspec.Struct):
    content: list[_Token] | None = None


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: _LogProbs | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = field(default_factory=list)
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read(request: Request, answer: bytes) -> tuple[Reply | None, str]:
    """The reply in a server's answer, and what is wrong with it; both where it is empty, which may be meant."""
    try:
        told = _decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "an answer that is cut off or not of the form"
    if not told.choices:
        return None, f"no answer: {words(answer)}"
    made = told.choices[0]
    text, cut = (made.message.content or "").strip(), made.finish_reason == "length"
    tokens = (made.logprobs.content if made.logprobs else None) or []
    usage = told.usage or _Usage()
    count = usage.completion_tokens or len(tokens)
    reply = reply_of(
        request,
        Reply(text, prompt_tokens=usage.prompt_tokens or 0, tokens=count, cut=cut),
        [(token.token, token.logprob) for token in tokens],
        [[(top.token, top.logprob) for top in token.top_logprobs or ()] for token in tokens],
    )
    return reply, "" if text or cut else "an empty answer"


def words(answer: bytes) -> str:
    """What a server says went wrong, in its own words."""
    try:
        told = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = answer.decode(errors="replace")
    while isinstance(told, dict):
        told = next((told[name] for name in ("error", "message", "detail") if told.get(name)), str(told))
    return " ".join(str(told).split())
