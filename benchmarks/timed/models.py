"""Models to time: loaded as crowdtune loads them, or of a known shape with random weights, which takes no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    T5Config,
)

from crowdtune.bundled import all_words
from crowdtune.lm import attention
from crowdtune.lm.load import EMBEDDED, LanguageModel, load, paired
from crowdtune.wording import question

from .crowd import ASKED, CHOICES

RANDOM = "random:"
ENDS = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}


def read(name: str, *, stock: bool = False) -> LanguageModel:
    """A model by name; `stock` with transformers' own attention.

    "random:smollm2", "random:t5-large", "random:tiny" and "random:FOLDER" have random weights.
    """
    lm = _random(name) if name.startswith(RANDOM) else load(name)
    attention.use(lm.model)
    if stock and lm.model.config._attn_implementation == attention.NAME:
        lm.model.set_attn_implementation("sdpa")
    return lm


def _random(name: str) -> LanguageModel:
    config, tokenizer = _config(name.removeprefix(RANDOM)), _tokenizer()
    config.vocab_size = max(config.vocab_size, len(tokenizer))
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = kind.from_config(config, dtype=torch.float32)
    return paired(name, model, tokenizer)


def without_dropout(lm: LanguageModel) -> LanguageModel:
    """The same model, whose gradients then are a function of the batch alone."""
    for module in lm.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return lm


def answers_in_decoder(name: str) -> bool:
    """Whether a model reads the prompt in an encoder, as T5 does; TRL trains no such model."""
    if name == EMBEDDED:
        return False
    random = name.startswith(RANDOM)
    config = _config(name.removeprefix(RANDOM)) if random else AutoConfig.from_pretrained(name)
    return bool(config.is_encoder_decoder)


def _config(name: str) -> PretrainedConfig:
    if Path(name).is_dir():
        return AutoConfig.from_pretrained(name)
    shapes: dict[str, Any] = {"smollm2": _smollm2, "t5-large": _t5_large, "tiny": _tiny}
    if name not in shapes:
        raise SystemExit(f"random:{name} is unknown. Known: {', '.join(shapes)}, or a folder with config.json.")
    return shapes[name]()


def _smollm2() -> PretrainedConfig:
    """SmolLM2-135M: 106 million parameters in the body."""
    return LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        **ENDS,
    )


def _t5_large() -> PretrainedConfig:
    """Flan-T5-large: 302 million parameters in the encoder, 403 in the decoder."""
    return T5Config(
        vocab_size=32128,
        d_model=1024,
        d_kv=64,
        d_ff=2816,
        num_layers=24,
        num_heads=16,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )


def _tiny() -> PretrainedConfig:
    """Two layers, 32 wide: to see that everything runs."""
    return LlamaConfig(
        vocab_size=8192,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        **ENDS,
    )


def _tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word of the prompts."""
    blank = Whitespace()
    parts = blank.pre_tokenize_str(" ".join([*all_words(), question(ASKED, CHOICES, "words")]))
    words = dict.fromkeys(["[PAD]", "</s>", "[UNK]", *(part for part, _ in parts)])
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = blank
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", eos_token="</s>", unk_token="[UNK]")
