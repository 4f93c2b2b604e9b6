"""Memory that training takes at its peak, told before it starts.

One step is traced without numbers (torch's fake tensors): the same modules, read-out and autocast, of which every
storage that comes and goes is counted. So no family of models needs a formula of its own, and a model whose weights are
nowhere yet is traced alike. What is not traced is told by counting: weights, gradients, the optimiser's state.
"""

from __future__ import annotations

import copy
import sys
import weakref
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from accelerate.utils import convert_outputs_to_fp32
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from crowdtune.lm.encode import Encoded
from crowdtune.lm.load import LanguageModel, adapted
from crowdtune.lm.packed import pack
from crowdtune.lm.read_out import at_answer, packed_logits, text_logits
from crowdtune.training.finetune import adapter
from crowdtune.training.options import STATE, Training

GIB = 2**30
ADAFACTOR = 3  # copies of the largest matrix it makes while it steps
TOKEN = 4  # bytes of a token id


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of training.

    Args:
        weights: parameters, trained and frozen.
        gradients: of those that are trained.
        optimizer: what it keeps of each parameter that is trained.
        activations: what a forward pass leaves for the backward pass, weights cast to bfloat16, what comes and goes.
        data: the items and tables of them, in this machine's memory.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    data: int = 0

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(self.parts.values())

    def shared(self, ranks: int) -> Memory:
        """The same on each of several processes that hold a part of the weights (FSDP2)."""
        held = {name: -(-self.parts[name] // ranks) for name in ("weights", "gradients", "optimizer")}
        return replace(self, **held)

    @property
    def parts(self) -> dict[str, int]:
        """Bytes by what they are for."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def words(self) -> str:
        """The parts in GiB, those that count."""
        return ", ".join(f"{name} {size / GIB:.2f}" for name, size in self.parts.items() if size >= 0.005 * GIB)


@dataclass(frozen=True)
class Batch:
    """The largest batch of a training.

    Args:
        style: how it is read; see `lm.read_out`.
        items: B.
        prompt: tokens of the longest.
        texts: P, how many texts go on from the prompts; 0 where choices are tokens or outputs.
        longest: tokens of the longest text.
    """

    style: str
    items: int
    prompt: int
    texts: int = 0
    longest: int = 0

    def packed(self) -> dict[str, Any]:
        """Prompts that have nothing in common, and their texts, as one row."""
        prompts = [[i, *[0] * (self.prompt - 1)] for i in range(self.items)]
        each = -(-self.texts // self.items)
        return pack(prompts, [[[0] * self.longest] * each] * self.items if self.texts else ())


def heaviest(encoded: Encoded, training: Training) -> Batch:
    """The batch of the items that take most tokens; those of like length are trained on together."""
    prompt, texts, longest = encoded.sizes()[np.argsort(encoded.lengths())[-training.batch_size :]].T
    return Batch(encoded.format.style, len(prompt), int(prompt.max()), int(texts.sum()), int(longest.max()))


def of_items(encoded: Encoded, labels: int) -> int:
    """Bytes of encoded items, of tables of their choices while a method learns (eight), and of labels (six columns)."""
    tokens = int(encoded.rows.lengths().sum()) + sum(len(ids) for own in encoded.texts for ids in own)
    return tokens * TOKEN + 8 * encoded.answers.nbytes + 48 * labels


def estimate(lm: LanguageModel, batch: Batch, training: Training, data: int = 0) -> Memory:
    """Memory of fine-tuning a model, at its peak.

    Args:
        lm: the model; its weights are not read, and may be nowhere (on torch's meta device).
        batch: the largest.
        training: how.
        data: bytes of the items, see `of_items`.
    """
    with torch.device("meta"):
        lm = replace(lm, model=_hollow(lm.model, "meta").to(getattr(torch, training.dtype)))
        lm = adapted(lm, adapter(lm, training)) if training.lora else lm
    with FakeTensorMode(allow_non_fake_inputs=True):
        lm = replace(lm, model=_hollow(lm.model, "cpu"))
        trained = [p for p in lm.model.parameters() if p.requires_grad]
        largest = max((p.numel() for p in trained if p.dim() > 1), default=0)
        gradients = sum(p.numel() * p.element_size() for p in trained)
        peak = _peak(lm, batch, training)
    step = ADAFACTOR * 4 * largest if training.optimizer == "adafactor" else 0
    return Memory(
        weights=sum(p.numel() * p.element_size() for p in lm.model.parameters()),
        gradients=gradients,
        optimizer=int(STATE[training.optimizer] * sum(p.numel() for p in trained)),
        activations=max(peak - gradients, step),
        data=data,
    )


def cheaper(lm: LanguageModel, batch: Batch, training: Training, data: int = 0) -> dict[str, int]:
    """Other options, as they are typed -> bytes in all that training then takes; arguments as of `estimate`."""
    changes: list[dict[str, Any]] = [{"checkpointing": True}, {"optimizer": "adafactor"}]
    if training.batch_size > 1:
        half, twice = training.batch_size // 2, training.accumulation * 2
        changes.append({"batch_size": half, "accumulation": twice})
    changes += [{"lora": True, "dtype": "bfloat16"}, {"lora": True, "dtype": "bfloat16", "checkpointing": True}]
    found = {}
    for change in changes:
        other = replace(training, **change)
        part = {name: value for name, value in change.items() if getattr(training, name) != value}
        less = replace(batch, items=min(batch.items, other.batch_size))
        if part:
            told = estimate(lm, replace(less, texts=-(-batch.texts * less.items // batch.items)), other, data)
            found[" ".join(f"{name}={str(value).lower()}" for name, value in part.items())] = told.total
    return found


def free(device: torch.device) -> int:
    """Bytes that torch may take on a device beside what it has taken for weights: of the GPU, or of this machine."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return min(int(psutil.virtual_memory().available), _allowed())


def _allowed() -> int:
    """Bytes a container may still take; more than any machine has, where none is said."""
    try:
        limit, now = (Path(f"/sys/fs/cgroup/memory.{name}").read_text().strip() for name in ("max", "current"))
    except OSError:
        return sys.maxsize
    return sys.maxsize if limit == "max" else max(int(limit) - int(now), 0)


def _hollow(model: Any, device: str) -> Any:
    """A copy of the model with other weights: on the meta device, or in a mode of fake tensors, with shapes alone."""
    known: dict[int, Any] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        empty = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
        weight = isinstance(tensor, torch.nn.Parameter)
        known[id(tensor)] = torch.nn.Parameter(empty, tensor.requires_grad) if weight else empty
    return copy.deepcopy(model, known)


def _peak(lm: LanguageModel, batch: Batch, training: Training) -> int:
    """Bytes beside weights, at the peak of a forward and a backward pass; not the first of a step that has several."""
    model = lm.model
    model.train()
    if training.checkpointing:
        model.activation_checkpointing_enable()
    if training.bf16:  # as accelerate does
        model.forward = convert_outputs_to_fp32(torch.autocast("cpu", torch.bfloat16)(model.forward))
    with _Live(model) as live:
        if training.accumulation > 1:
            for parameter in model.parameters():
                parameter.grad = torch.empty_like(parameter) if parameter.requires_grad else None
        _loss(lm, batch).backward()
    return int(live.peak)


def _loss(lm: LanguageModel, batch: Batch) -> Any:
    """A loss of what is read off the model, in tensors of the right shapes."""
    ids = torch.ones(batch.items, batch.prompt, dtype=torch.long)
    read = batch.packed() if lm.packs else {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if batch.texts and batch.style in ("texts", "responses"):
        return _loss_of_texts(lm, batch, read)
    if lm.head == "lm":
        choices = torch.zeros(batch.items, 2, dtype=torch.long)
        return at_answer(lm.model, read | {"answers": choices, "offset": choices.float()}).sum()
    if batch.texts:
        ids = torch.ones(batch.texts, batch.prompt + batch.longest, dtype=torch.long)
        read = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return lm.model(**read).logits.float().log_softmax(-1).sum()


def _loss_of_texts(lm: LanguageModel, batch: Batch, read: dict[str, Any]) -> torch.Tensor:
    """The same of texts, whose logits are of the whole vocabulary at every token."""
    if lm.packs:
        return _of_said(packed_logits(lm.model, read, read["before"].flatten()))
    text = torch.ones(batch.texts, batch.longest, dtype=torch.long)
    logits = text_logits(lm.model, read, torch.zeros(batch.texts, dtype=torch.long), text).flatten(0, 1)
    return _of_said(logits[torch.zeros(text.numel(), dtype=torch.long)])


def _of_said(logits: torch.Tensor) -> torch.Tensor:
    said = torch.zeros(len(logits), dtype=torch.long)
    return torch.nn.functional.cross_entropy(logits.float(), said, reduction="none").sum()


class _Live(TorchDispatchMode):
    """Counts the bytes of storages that operations make, until they are gone; those of the model are there before."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.met = weakref.WeakSet(t.untyped_storage() for t in (*model.parameters(), *model.buffers()))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: Any) -> None:
        if storage in self.met:
            return
        self.met.add(storage)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, size)

    def _gone(self, size: int) -> None:
        self.now -= size
