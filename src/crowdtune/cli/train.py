"""crowdtune train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from crowdtune.annotations import Annotations, Items
from crowdtune.cli._flags import Json, Load
from crowdtune.cli._people import told
from crowdtune.cli._screen import annotator_table, in_grades, new_table, only_our_voice, say, share, show, show_json
from crowdtune.cli._source import reads
from crowdtune.cli._split import of_split
from crowdtune.errors import InputError
from crowdtune.ranks import is_main
from crowdtune.read import Policy, read
from crowdtune.runs import Run
from crowdtune.settings import from_pairs, from_toml


@reads
def train(
    load: Load,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write, new or empty.")] = None,
    method: Annotated[
        str,
        typer.Option(
            help="joint (default); realm, as in the paper; shala, where people may honestly disagree; or a baseline: "
            "dawid-skene, majority, soft, noisy, ..."
        ),
    ] = "",
    model: Annotated[str, typer.Option(help="embedded (default), a folder, or an id on the Hugging Face hub.")] = "",
    lora: Annotated[bool, typer.Option("--lora", help="Train a LoRA adapter and not the whole model.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE of the method or of training; may be repeated.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of such keys; --set wins.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Repeat the options of another run.")] = None,
    test: Annotated[
        Path | None, typer.Option(help="Items with gold, or several people's labels, to evaluate on.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Train on this split alone; by default train, where there is one; all for every item.")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in the folder.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Tell what memory it would take, and end.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of everything random, 0 by default.")] = None,
    json: Json = False,
) -> None:
    """Fine-tune a language model on annotations and learn whom to trust."""
    only_our_voice()  # before torch is there
    from crowdtune.lm.together import part
    from crowdtune.methods import options
    from crowdtune.methods import train as run

    if out is None and not estimate:
        raise InputError("a training writes a folder: -o DIR. Or be told what memory it would take: --estimate.")
    before = Run(from_).config if from_ else {"method": "joint"}
    method = method or before["method"]
    settings = _repeated(before, method) | (from_toml(config) if config else {}) | from_pairs(set_ or [])
    flags = {"lm": model, "lora": "true" if lora else "", "seed": "" if seed is None else str(seed)}
    settings |= {name: value for name, value in flags.items() if value}
    options(method, settings)  # a wrong name is said before anything is read
    whole = load()
    annotations = of_split(whole, "training on", split, ("train",))
    if out is None or estimate:
        show_memory(annotations, method, settings, json)
        return
    held_out = read(test, policy=_as(annotations.items))[0] if test else None
    made = run(annotations, method, settings, out=out, test=held_out, resume=resume, origin=load.flags)
    part()
    if not is_main():
        return
    if json:
        show_json(made.results)
        return
    if made.annotators:
        show(annotator_table(made.annotators))
    show(_summary(made.results))
    then = f"crowdtune predict {out} NEW.jsonl" if test else _next(whole, annotations, load, out)
    say(f"labels, annotators and model are in {out}; next: {then}")


def show_memory(annotations: Annotations, method: str, settings: dict[str, str], json: bool) -> None:
    """What memory a training would take, in bytes as JSON, else in GiB."""
    from crowdtune.methods import foresee

    told = foresee(annotations, method, settings)
    sizes = {**told.parts, "total": told.total}
    if json:
        show_json(sizes)
        return
    table = new_table("memory at the peak of training", "for", "GiB")
    for name, size in sizes.items():
        table.add_row(name, f"{size / 2**30:.2f}")
    show(table)


def _as(items: Items) -> Policy:
    """How to read test items that do not say it themselves: the choices all training items share, grades, texts."""
    kind = items.kinds[0] if len(set(items.kinds)) == 1 else ""
    choices = () if kind == "text" else items.common_choices
    return Policy(choices=choices, kind=kind if kind in ("grade", "text") else "")


def _repeated(config: dict[str, Any], method: str) -> dict[str, str]:
    """Settings of another run: of its training, and of its method where that is the same."""
    parts = ("options", "training") if config["method"] == method else ("training",)
    return {key: str(value) for part in parts for key, value in config.get(part, {}).items()}


def _next(whole: Annotations, trained: Annotations, load: Load, out: Path) -> str:
    """What to do with the run: measure it on a split "test" that was left out, else label new items."""
    from crowdtune.metrics.people import several

    index = [i for i, name in enumerate(whole.items.splits) if name == "test"]
    test = whole.take_items(np.array(index, dtype=np.int64))
    known = bool((test.items.gold >= 0).any() or several(test).any())
    if not known or "test" in trained.items.splits:
        return f"crowdtune predict {out} NEW.jsonl"
    return f"crowdtune evaluate {out} {load.typed()} measures it on the {len(index)} items of split 'test'"


def _summary(results: dict[str, Any]) -> str:
    lines = [f"{results['method']}: {_labels(results)} on {results['items']} items, {results['seconds']:.0f} s"]
    if "posterior_accuracy" in results:
        before = results["zero_shot_accuracy"]
        lines.append(
            f"against gold: cleaned labels {share(results['posterior_accuracy'])} right, majority vote "
            f"{share(results['majority_accuracy'])}, model {share(results['model_accuracy'])} "
            f"({'a new head' if before is None else f'before training {share(before)}'})"
        )
        if grades := in_grades(results, "posterior_"):
            others = {"majority vote": "majority_", "model": "model_"}
            lines.append(
                f"cleaned labels {grades}; " + "; ".join(f"{n} {in_grades(results, w)}" for n, w in others.items())
            )
    said = results["verdict"]
    lines += _disagreement(results)
    why = {"resolved": f" by the {said['by']}", "not sought": ", as people may honestly disagree"}
    lines.append(f"verdict: {said['status']}{why.get(said['status'], '')}")
    if "test" in results:
        if results["test"]["items"]:
            lines.append(f"held-out items: {_quality(results['test'])}")
        if grades := in_grades(results["test"]):
            lines.append(f"held-out items: {grades}")
        if apart := results["test"].get("disagreement"):
            lines.append(f"held-out items: {told(apart)}")
    return "\n".join(lines)


def _labels(results: dict[str, Any]) -> str:
    """How many labels, and whose."""
    named = f"{results['labels']} labels of {results['annotators']} annotators"
    unnamed = results.get("unnamed_labels")
    return f"{named}, {unnamed} of nobody named" if unnamed else named


def _disagreement(results: dict[str, Any]) -> list[str]:
    """What became of the disagreement, where a method keeps it."""
    if "ambiguity_of_targets" not in results:
        return []
    before, after = results["ambiguity"], results["ambiguity_of_targets"]
    told = f"ambiguity, 0 to 1, of the labels: {before:.3f}, of what was trained on: {after:.3f}"
    if not results["guesses"]:
        return [told]
    return [f"{told}; {results['left_out']} annotators seem to guess ({share(results['guesses'])} of the labels)"]


def _quality(test: dict[str, Any]) -> str:
    """How well held-out items are answered."""
    if "loss" in test:
        return f"{test['loss']:.3f} nats per token of {test['items']} gold responses"
    return f"{share(test['accuracy'])} right of {test['items']}"
