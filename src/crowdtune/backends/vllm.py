"""vLLM in this process: batches of requests through LLM.chat. For many GPUs or machines serve vLLM and use Endpoint.

Written against vLLM 0.33 and its documentation; see docs/log.md for what was and was not run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crowdtune.backends._reading import reply_of
from crowdtune.backends.request import Reply, Request
from crowdtune.errors import InputError

TOP = 20  # likeliest tokens told at each place, vLLM's own limit


@dataclass(frozen=True)
class Vllm:
    """A model that vLLM runs here.

    Args:
        model: a folder, or an id on the Hugging Face hub.
        batch: requests handed over at once. Replies come a batch at a time: it is what a kill can cost.
        max_length: tokens of a conversation with its answer; 0 is what the model was made for.
        memory: share of the GPU's memory to use.
        gpus: the model is spread over.
    """

    model: str
    batch: int = 256
    max_length: int = 0
    memory: float = 0.9
    gpus: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1 or self.gpus < 1 or self.max_length < 0 or not 0 < self.memory <= 1:
            raise InputError(
                f"batch={self.batch}, gpus={self.gpus}, max_length={self.max_length} or memory={self.memory} is out of "
                "range. batch and gpus are at least 1, max_length at least 0, memory above 0 and at most 1."
            )

    @property
    def name(self) -> str:
        """The model, and who runs it."""
        return f"{self.model} by vllm"

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Replies, a batch at a time; those whose last message is the assistant's in batches of their own."""
        library = _library()
        model = _loaded(self)
        for unfinished, places in _alike(requests).items():
            for begin in range(0, len(places), self.batch):
                index = places[begin : begin + self.batch]
                made = model.chat(
                    [[{"role": role, "content": text} for role, text in requests[i].messages] for i in index],
                    [library.SamplingParams(**sampling(requests[i], library.sampling_params)) for i in index],
                    use_tqdm=False,
                    add_generation_prompt=not unfinished,
                    continue_final_message=unfinished,
                )
                yield from ((i, reply(requests[i], output)) for i, output in zip(index, made, strict=True))


@lru_cache(maxsize=1)  # loading takes minutes and most of a GPU's memory
def _loaded(of: Vllm) -> Any:
    return _library().LLM(
        model=of.model,
        tensor_parallel_size=of.gpus,
        gpu_memory_utilization=of.memory,
        max_model_len=of.max_length or None,
    )


def _alike(requests: Sequence[Request]) -> dict[bool, list[int]]:
    """Places of requests whose answer begins anew, and of those whose answer goes on."""
    found: dict[bool, list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        found[request.messages[-1][0] == "assistant"].append(place)
    return found


def sampling(request: Request, library: Any) -> dict[str, Any]:
    """Arguments of SamplingParams for a request; `library` is the module vllm.sampling_params."""
    told = dict(temperature=request.temperature, max_tokens=request.max_tokens, seed=request.sample, logprobs=TOP)
    if request.choices:
        told["structured_outputs"] = library.StructuredOutputsParams(choice=list(request.choices))
    return told


def reply(request: Request, output: Any) -> Reply:
    """What a RequestOutput of one answer says. Log-probabilities are the model's own, before choices are enforced."""
    made = output.outputs[0]
    places = [[(t.decoded_token or "", t.logprob) for t in place.values()] for place in made.logprobs or ()]
    written = [
        (place[token].decoded_token or "", place[token].logprob)
        for token, place in zip(made.token_ids, made.logprobs or (), strict=False)
    ]
    count, cut = len(made.token_ids), made.finish_reason == "length"
    plain = Reply(made.text.strip(), prompt_tokens=len(output.prompt_token_ids or ()), tokens=count, cut=cut)
    return reply_of(request, plain, written, places)


def _library() -> Any:
    try:
        import vllm
        import vllm.sampling_params
    except ImportError as e:
        raise InputError(
            "vLLM is not installed. Run: pip install vllm (Linux with a GPU, in an environment of its own: it brings a "
            "torch of its own), or serve it elsewhere and name the address."
        ) from e
    return vllm
