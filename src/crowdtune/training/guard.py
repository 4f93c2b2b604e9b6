"""Training stops at the first loss, gradient or weight that is no finite number, and says what it came from.

transformers hides such a loss from its log and trains on. On the CPU the step is not taken. On a GPU the answer is
read one step later, so that the device never waits for it, and in any case before a checkpoint, or the run, is written:
neither ever holds a number that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from crowdtune.errors import InputError
from crowdtune.training.dataset import CrowdDataset

SHOWN = 5  # items


@dataclass(frozen=True, eq=False)
class _Heard:
    """An optimiser step: for each batch its loss, (B, K) log-probabilities and (B,) items; and what was looked at."""

    step: int
    batches: list[tuple[Tensor, Tensor, Tensor]]
    looked: dict[str, Tensor]  # name -> scalar, True where finite
    copied: Any = None  # event: the answers have arrived from the GPU

    def bad(self) -> str:
        """What was not finite; "" where all was."""
        if self.copied is not None:
            self.copied.synchronize()
        return next((name for name, fine in self.looked.items() if not bool(fine)), "")


class Guard(TrainerCallback):
    """Looks at each optimiser step just before it is taken.

    Args:
        dataset: what is trained on, or None.
        annotators: parameters that are trained beside the model; other kinds are not looked at.
    """

    def __init__(self, dataset: CrowdDataset | None, annotators: Any) -> None:
        self.dataset = dataset
        self.annotators = annotators if isinstance(annotators, nn.Module) else None
        self.norm: Any = None  # of the step's gradient, over all ranks
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []
        self._before: _Heard | None = None  # a step whose answer may be on its way
        self._args: Any = None

    def hear(self, loss: Tensor, log_p: Tensor, batch: Mapping[str, Tensor]) -> None:
        """Note a batch of the step."""
        self._batches.append((loss.detach(), log_p.detach(), batch["index"]))

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look at the step that would be taken, on a GPU at the one before."""
        self._args = args
        self._read()
        looked = {"loss": _finite([loss for loss, _, _ in self._batches])}
        if self.norm is not None:
            looked["gradient"] = _finite([torch.as_tensor(self.norm)])
        if self.annotators is not None:
            gradients = [p.grad for p in self.annotators.parameters() if p.grad is not None]
            looked["annotators' gradient"] = _finite(gradients)
        self._before = _sent(_Heard(state.global_step + 1, self._batches, looked))
        self._batches, self.norm = [], None
        if self._before.copied is None:
            self._read()

    def settle(self, model: nn.Module) -> None:
        """Look at everything now, weights included."""
        self._read()
        parts = [*model.parameters(), *(self.annotators.parameters() if self.annotators is not None else ())]
        if not bool(_finite(parts)):
            raise InputError(
                f"training stopped: weights are not finite any more. {_advice(self._args)}Nothing was written."
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look at what training made of the model."""
        self.settle(kwargs["model"])

    def _read(self) -> None:
        heard, self._before = self._before, None
        if heard is None or not (what := heard.bad()):
            return
        raise InputError(
            f"training stopped at step {heard.step}: the {what} is not a finite number. {self._who(heard)}"
            f"{_advice(self._args)}No checkpoint holds any of it; --resume would meet it again."
        )

    def _who(self, heard: _Heard) -> str:
        """Items the model has no number for; else those of batches without a loss, or of all."""
        every = [index for _, _, index in heard.batches]
        rows = [index[~log_p.isfinite().all(dim=-1)] for _, log_p, index in heard.batches]
        lost = [index for loss, _, index in heard.batches if not loss.isfinite()]
        few = 0 < 2 * sum(map(len, rows)) <= sum(map(len, every))  # else the model as a whole has lost its way
        told = rows if few else next((found for found in (lost, every) if sum(map(len, found))), [])
        if self.dataset is None or not told:
            return ""
        count, whole = sum(map(len, told)), sum(map(len, every))
        examples = self.dataset.examples
        named = dict(zip(examples.index.tolist(), examples.items.ids, strict=True))
        ids = [named[i] for i in torch.cat(told).tolist()[:SHOWN]]
        more = f" and {count - len(ids)} more" if count > len(ids) else ""
        if few:
            return f"It comes from {count} of its {whole} items: {', '.join(ids)}{more}. Look at their texts. "
        return f"Its batch holds items {', '.join(ids)}{more}. "


class Logged(TrainerCallback):
    """The guard of trainings whose loss is not ours: looks at every line of the log, before a checkpoint is written."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Stop at a loss or gradient that is not finite."""
        for name, what in (("loss", "loss"), ("grad_norm", "gradient")):
            if not math.isfinite((logs or {}).get(name, 0.0)):
                raise InputError(
                    f"training stopped at step {state.global_step}: the {what} is not a finite number. "
                    f"{_advice(args)}No checkpoint holds any of it; --resume would meet it again."
                )


def _finite(values: Iterable[Tensor]) -> Tensor:
    """Scalar: whether all numbers are finite; of what is sharded, all that this rank has."""
    own = [v.to_local() if hasattr(v, "to_local") else v for v in values]
    found = [v.detach().isfinite().all() for v in own]
    return torch.stack([f.to(found[0].device) for f in found]).all() if found else torch.tensor(True)


def _sent(heard: _Heard) -> _Heard:
    """The same with its answers on their way from the GPU, without waiting for them."""
    if not any(fine.is_cuda for fine in heard.looked.values()):
        return heard
    looked = {name: _pinned(fine) for name, fine in heard.looked.items()}
    copied = torch.cuda.Event()
    copied.record()
    return _Heard(heard.step, heard.batches, looked, copied)


def _pinned(fine: Tensor) -> Tensor:
    return torch.empty((), dtype=torch.bool, pin_memory=True).copy_(fine, non_blocking=True)


def _advice(args: Any) -> str:
    """The usual reasons, and what to do about them."""
    rate = "" if args is None else f"={args.learning_rate:g}"
    said = f"Most often learning_rate{rate} is too high: start anew with a tenth of it"
    return f"{said}, or with bf16=false to see whether rounding is the reason. " if args and args.bf16 else f"{said}. "
