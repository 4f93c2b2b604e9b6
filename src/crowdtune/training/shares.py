"""What a rank reads of the batches of all, and a model that several ranks train."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Sampler

from crowdtune.lm.read_out import ReadOut


class Dealt(Sampler[int]):
    """An order of items in which each rank's batch is its share of a batch of all ranks together.

    accelerate gives ranks whole batches in turn, and where the last ones are short it repeats items, which would count
    twice. Here the items of a batch of one process are dealt out one by one, so that ranks read about equally much,
    and the last batch is filled up with a blank.

    Args:
        order: of the items, for batches of `batch` x `ranks`.
        batch: items of a rank's batch.
        ranks: how many.
        blank: place of an item that does not count.
    """

    def __init__(self, order: Sampler[int], batch: int, ranks: int, blank: int) -> None:
        self.order, self.batch, self.ranks, self.blank = order, batch, ranks, blank

    def __len__(self) -> int:
        every = self.batch * self.ranks
        return -(-len(self.order) // every) * every  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        order, every = list(self.order), self.batch * self.ranks
        for begin in range(0, len(order), every):
            for rank in range(self.ranks):
                own = order[begin + rank : begin + every : self.ranks]
                yield from own + [self.blank] * (self.batch - len(own))


def one_pass(read_out: ReadOut, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """A read-out as one forward pass of DDP, however often it asks the model: gradients are awaited once for each."""
    if not isinstance(model, DistributedDataParallel):
        return read_out(model, batch)
    bare = model.module
    own = bare.__dict__.pop("forward", None)  # accelerate's, which casts

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        del bare.forward
        if own is not None:
            bare.forward = own
        return read_out(bare, inputs)

    bare.forward = forward
    return model(batch)  # type: ignore[no-any-return]


def ready_to_shard(model: Any) -> None:
    """Put a model's embeddings as FSDP2 wants them, each weight in one place.

    Those with one weight become one module (T5 has three), and none lies within a part that is kept whole: accelerate
    would cut it out once more (BERT).
    """
    embeddings = model.get_input_embeddings()
    around = {type(m).__name__ for m in model.modules() if m is not embeddings and embeddings in list(m.modules())}
    model._no_split_modules = [name for name in model._no_split_modules or () if name not in around]
    first: dict[int, nn.Module] = {}
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Embedding):
                setattr(parent, name, first.setdefault(id(child.weight), child))


def fsdp_wanted(args: Any) -> bool:
    """Whether the weights are to be shared out between ranks, by the options or by accelerate's launcher."""
    return bool(args.fsdp) or os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
