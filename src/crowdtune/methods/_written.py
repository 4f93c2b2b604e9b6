"""What a training leaves in its folder: tables, perspectives and the model."""

from __future__ import annotations

from typing import Any

from crowdtune.annotations import Annotations, Floats
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.reading import Reading
from crowdtune.methods._card import model_card
from crowdtune.methods._plan import Conclusion
from crowdtune.perspectives import FILE, perspectives
from crowdtune.runs import GOES_ON, Run, annotator_table
from crowdtune.write.room import replacing, writing
from crowdtune.write.tables import write_bytes


def write_tables(
    run: Run, data: tuple[Annotations, Annotations], found: Conclusion, method: str, after: Floats | None
) -> None:
    """Annotators, measured on what may be judged, items and, where they are free, responses; else perspectives.

    Perspectives name annotators, so they lie beside their table and never with the model.
    """
    annotations, judged = data
    with writing(run.folder, then=GOES_ON):
        run.write_annotators(annotator_table(judged, found.posterior, found.columns))
        run.write_items(annotations, found.posterior, method)
        if found.knew is not None:
            run.write_responses(annotations, found.knew)
        if after is not None and len(annotations):
            perspectives(after, annotations).save(run.folder / FILE)


def save_model(
    run: Run,
    lm: LanguageModel,
    reading: Reading,
    story: str,
    results: dict[str, Any],
    weights: dict[str, Any] | None = None,
) -> None:
    """The model with its tokenizer, how it reads, and a card that says how its labels were made, and used: `story`.

    Of a model that several processes hold in parts the whole `weights` are given.
    """
    with writing(run.model, then=GOES_ON), replacing(run.model) as folder:
        lm.model.save_pretrained(folder, state_dict=weights)
        lm.tokenizer.save_pretrained(folder)
        reading.save(folder)
        write_bytes(folder / "README.md", model_card(reading, story, results).encode())
