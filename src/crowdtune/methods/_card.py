"""The model card: what was trained, and how its labels were made."""

from __future__ import annotations

from typing import Any

from crowdtune import __version__
from crowdtune.lm.load import EMBEDDED
from crowdtune.lm.reading import Reading

LANGUAGE, ENCODER = "HuggingFaceTB/SmolLM2-135M-Instruct", "sentence-transformers/all-MiniLM-L6-v2"
READS = {
    "texts": "It weighs texts by their likelihood after the prompt;",
    "responses": "It writes what follows the prompt;",
    "verbal": "It writes what share of people give each answer, as in 'yes 70%, no 30%';",
    "head": "It answers with a classification head, one output for each choice;",
    "reward": "It gives a number to a text after a prompt, and prefers the text with the higher one;",
}


def model_card(reading: Reading, story: str, results: dict[str, Any]) -> str:
    """README.md of a trained model, in the hub's form."""
    base = (ENCODER if reading.head == "head" else LANGUAGE) if reading.lm == EMBEDDED else reading.lm
    lines = [
        "---",
        f"base_model: {base}",
        f"library_name: {'peft' if reading.adapter else 'transformers'}",
        "tags: [crowdtune, crowdsourcing, noisy-labels]",
        "---",
        "",
        f"# {base}, fine-tuned on crowd labels",
        "",
        "## How the labels were made",
        "",
        f"{_labels(results)} on {results['items']} items; {story} "
        f"(crowdtune {__version__}, method `{results['method']}`). Nobody was left out by hand.",
        "",
    ]
    numbers = {
        "Cleaned labels right (against gold)": results.get("posterior_accuracy"),
        "Majority vote right (against gold)": results.get("majority_accuracy"),
        "Held-out items right": results.get("test", {}).get("accuracy"),
    }
    lines += [f"- {name}: {value:.1%}" for name, value in numbers.items() if value is not None]
    lines += [f"- Warning: {warning}" for warning in results["warnings"]]
    return "\n".join([*lines, *_how_to_read(reading), ""])


def _labels(results: dict[str, Any]) -> str:
    """Whose labels, and how many."""
    named = f"{results['labels']} labels by {results['annotators']} annotators"
    unnamed = f"{results.get('unnamed_labels', 0)} labels by annotators not named"
    if not results.get("unnamed_labels"):
        return named if results["labels"] else "Soft labels"
    return f"{named} and {unnamed}" if results["labels"] else unnamed


def _how_to_read(reading: Reading) -> list[str]:
    style = reading.format.style
    said = [
        "",
        "## How it reads an item",
        "",
        READS.get(style, f"It answers with {style} at the position after the prompt;"),
        "`crowdtune.json` holds the format, and `crowdtune predict RUN FILE` applies it.",
    ]
    if style == "reward":
        said.append("In Python `crowdtune.methods.rewards(RUN, prompts, texts)` gives the numbers.")
    if reading.centre.offsets:
        said.append(
            "Its prior is centred: subtract the offsets in `crowdtune.json` from the answers' log-probabilities."
        )
    return said
