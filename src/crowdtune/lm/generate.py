"""Generate: what a language model writes when it is asked an item."""

from __future__ import annotations

from dataclasses import replace

from crowdtune.annotations import Items
from crowdtune.lm.batch import asking, pad
from crowdtune.lm.encode import asked, shorten
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat

PROMPTS = 16  # in a forward pass


def generate(lm: LanguageModel, items: Items, form: PromptFormat, max_length: int, *, bf16: bool = True) -> list[str]:
    """Write a response to each item, greedily: the same each time.

    Args:
        lm: a model with a language-model head.
        items: I items with texts.
        form: template, chat.
        max_length: most tokens of a prompt, and of a response.
        bf16: autocast to bfloat16.
    """
    prompts = [shorten(ids, max_length) for ids in asked(items, lm, replace(form, style="responses"))[2]]
    written = [""] * len(items)
    order = sorted(range(len(items)), key=lambda i: len(prompts[i]))
    with asking(lm, bf16):
        for begin in range(0, len(order), PROMPTS):
            index = order[begin : begin + PROMPTS]
            ids, mask = (t.to(lm.device) for t in pad([prompts[i] for i in index], lm))
            out = lm.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_length,
                do_sample=False,
                pad_token_id=lm.tokenizer.pad_token_id,
                eos_token_id=lm.end,
            )
            new = out if lm.is_encoder_decoder else out[:, ids.shape[1] :]
            for i, text in zip(index, lm.tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
                written[i] = text.strip()
    return written
