"""What a method may be asked: its options, and the data it can train on."""

from __future__ import annotations

from dataclasses import replace

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Method
from crowdtune.names import find
from crowdtune.settings import apply
from crowdtune.training.options import Training
from crowdtune.wording import only_written

FREE = ("joint", "realm", "noisy", "oracle")  # methods that free responses have
TRUSTING = ("soft", "noisy", "majority")  # methods that take labels as they are, whoever gave them
WRITING = {"shala-rl": 5e-4, "shala-verbal": 1e-3}  # methods whose models write distributions: their learning rates
SPREAD = ("shala", "sampled", *WRITING)  # methods that look for no single truth
UNNAMED = (*TRUSTING, *SPREAD)  # methods that also take distributions, and labels nobody is named for


def options(method: str, settings: dict[str, str]) -> tuple[Method, Training]:
    """Options of a method and of training with `settings` on top of their defaults."""
    chosen, training = apply(settings, find("crowdtune.methods", method, "method")(), Training())
    return chosen, _writing(method, training) if method in WRITING else training


def _writing(method: str, training: Training) -> Training:
    """Options of training a model that writes: adapters are merged, so the model is saved as a whole."""
    if training.style not in ("auto", "verbal"):
        raise InputError(
            f"method '{method}' writes distributions and has style=verbal. Leave out style={training.style}."
        )
    rate = WRITING[method] if training.learning_rate is None else training.learning_rate
    return replace(training, style="verbal", lora=False, learning_rate=rate)


def check_kind(annotations: Annotations, method: str, training: Training) -> None:
    """Refuse free responses for a method that needs choices; a head chooses among the answers an item was given."""
    natural = training.style == "auto" and training.head == "lm"
    if training.style == "verbal" and method not in WRITING:
        raise InputError(f"style=verbal is for methods whose models write: {', '.join(WRITING)}. Leave it out.")
    free = training.style == "responses" or (natural and only_written(annotations.items))
    if free and method not in FREE:
        raise InputError(
            f"method '{method}' needs choices, and the answers are free responses. Use {', '.join(FREE)}; or "
            "style=texts to choose among the answers each item was given."
        )


def check(annotations: Annotations, method: str, training: Training) -> None:
    """Refuse data a method cannot train on, and weights of few digits where they are trained themselves."""
    require_labels(annotations, method)
    check_kind(annotations, method, training)
    if training.dtype != "float32" and not training.lora:
        raise InputError(
            f"dtype={training.dtype} is for weights that LoRA leaves as they are; of others updates would be lost. "
            "Add lora=true, or leave it at float32."
        )


def require_labels(annotations: Annotations, method: str) -> None:
    """Refuse data that say nothing a method could train on."""
    if method == "oracle" or (method in UNNAMED and annotations.answered.any()):
        return
    if annotations.answered.any() and not len(annotations):
        raise InputError(
            f"method '{method}' needs to know who gave which label, and no annotator is named. "
            f"Use {', '.join(UNNAMED)}, which take label distributions."
        )
    annotations.require_labels()
