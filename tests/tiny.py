"""Models of a few thousand parameters with random weights, and words they can read: real architectures, no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split, Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertModel,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
)

from crowdtune.annotations import Items
from crowdtune.verbal import written

WORDS = [f"w{i}" for i in range(40)]
SPECIAL = ["[PAD]", "</s>", "[UNK]"]
TEXT = ["Answer", "with", "one", "of", ":", ",", ".", "yes", "no", "maybe", "A", "B", "C", "D", "task"]


def tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word, split at blanks and punctuation."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *TEXT, *WORDS])}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", eos_token="</s>", unk_token="[UNK]", model_max_length=64
    )


def telling_tokenizer() -> PreTrainedTokenizerFast:
    """The same words, and one token for each distribution over yes and no in tenths."""
    told = [written([k / 10, 1 - k / 10], ("yes", "no")) for k in range(11)]
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *TEXT, *WORDS, *told])}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = Split(Regex(r"(?<!%,)\s+(?!\d)"), "removed")
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", eos_token="</s>", unk_token="[UNK]", model_max_length=64
    )


def pair_tokenizer() -> PreTrainedTokenizerFast:
    """The same words between [CLS] and [SEP], as encoders read one text or two, the second of another type."""
    special = ["[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *TEXT, *WORDS, *special])}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in special],
    )
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **names,
    )


def save_llama(folder: Path, reads: PreTrainedTokenizerFast | None = None, spread: float = 0.02) -> Path:
    """Two layers, 32 wide; weights drawn with a standard deviation of `spread`."""
    reads = reads or tokenizer()
    config = LlamaConfig(
        vocab_size=len(reads),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
        tie_word_embeddings=True,
        initializer_range=spread,
    )
    return _save(LlamaForCausalLM, config, folder, reads)


def save_t5(folder: Path) -> Path:
    """Two layers each side, 32 wide, with dropout, so that the state of the random generator matters."""
    config = T5Config(
        vocab_size=len(tokenizer()),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.1,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    return _save(T5ForConditionalGeneration, config, folder)


def save_gpt2(folder: Path) -> Path:
    """Two layers, 32 wide, with a table of positions."""
    config = GPT2Config(vocab_size=len(tokenizer()), n_embd=32, n_layer=2, n_head=4, n_positions=64, pad_token_id=0)
    return _save(GPT2LMHeadModel, config, folder)


def save_bert(folder: Path) -> Path:
    """An encoder of two layers, 32 wide, without a head."""
    config = BertConfig(
        vocab_size=len(pair_tokenizer()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    return _save(BertModel, config, folder, pair_tokenizer())


def save_encoder(kind: str, folder: Path) -> Path:
    """A DeBERTa-v2, ModernBERT or RoBERTa of two layers, 32 wide, without a head."""
    fixed = dict(
        vocab_size=len(tokenizer()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=80,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
        cls_token_id=1,
        sep_token_id=1,
    )
    deberta = dict(relative_attention=True, position_biased_input=False, pos_att_type=["p2c", "c2p"], type_vocab_size=0)
    config, model = {
        "deberta": (DebertaV2Config(**fixed, **deberta), DebertaV2Model),
        "modernbert": (ModernBertConfig(**fixed), ModernBertModel),
        "roberta": (RobertaConfig(**fixed), RobertaModel),
    }[kind]
    return _save(model, config, folder)


def _save(kind: type, config: PretrainedConfig, folder: Path, reads: PreTrainedTokenizerFast | None = None) -> Path:
    torch.manual_seed(0)
    kind(config).save_pretrained(folder)
    (reads or tokenizer()).save_pretrained(folder)
    return folder


def word_items(n: int, choices: tuple[str, ...] = ("yes", "no"), n_tasks: int = 1) -> Items:
    """Items of one word each; the answer is the word's number modulo K, so that the smallest model can learn it."""
    number = np.arange(n) % len(WORDS)
    task = (np.arange(n) // len(WORDS)) % n_tasks
    return Items(
        ids=[f"i{i}" for i in range(n)],
        prompts=[f"task {WORDS[w]}" for w in number],
        choice_sets=[choices],
        choice_set=np.zeros(n, dtype=np.int64),
        tasks=[f"t{m}" for m in range(n_tasks)],
        task=task.astype(np.int64),
        gold=(number % len(choices)).astype(np.int64),
        splits=[""] * n,
    )
