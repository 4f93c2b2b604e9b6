"""SHALA by reinforcement learning: a small model writes the distribution of ten ratings of a word, on two CPU cores.

Words with ten human ratings in three grades, split into training and held-out items. One stage a call, each kept in
the folder OUT, so that they may run beside each other:

    python benchmarks/shala_rl.py OUT form                   the format stage, on distributions dealt out among items
    python benchmarks/shala_rl.py OUT rl --weight 1          from there: GRPO, lambda 1 (and 0)
    python benchmarks/shala_rl.py OUT sft --batch 12         from there: fine-tuning on true distributions as texts
    python benchmarks/shala_rl.py OUT table                  what came out

Each stage writes NAME.json: the held-out js_distance (base 2) of every item, with how many texts could be read and
summed to 0.95 to 1.05: of the likeliest text at points of training, and in the end also of the mean of 8 texts drawn.
A stage that was broken off goes on. The table has paired bootstrap intervals over items.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations, Floats
from crowdtune.bundled import rated_words
from crowdtune.examples import from_targets
from crowdtune.lm.load import LanguageModel, load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.verbalise import verbalised
from crowdtune.metrics.distances import ambiguity, js_distance
from crowdtune.runs import Run
from crowdtune.training.finetune import Watch
from crowdtune.training.form_stage import learn_form, learn_to_write
from crowdtune.training.options import Training
from crowdtune.training.reinforce import Reinforcement, Stage, reinforce

TRAIN, HELD_OUT = 1200, 300
FORM = PromptFormat("verbal", template="Sentiment of {prompt}:")  # short: the format stage says what is asked
FORM_STEPS, RATES = 50, {"form": 1e-3, "rl": 5e-4, "sft": 1e-3}
SAMPLES, DRAWS = 8, 2000


def words(seed: int) -> tuple[Annotations, Annotations]:
    """Training and held-out words."""
    drawn = rated_words(TRAIN + HELD_OUT, np.random.default_rng(seed))
    return drawn.take_items(np.arange(TRAIN)), drawn.take_items(np.arange(TRAIN, TRAIN + HELD_OUT))


def measure(lm: LanguageModel, held_out: Annotations, **how: Any) -> dict[str, Any]:
    """Distances of the written distributions to people's, item by item."""
    shares, told = verbalised(lm, held_out.items, FORM, **how)
    distance = js_distance(label_distribution(held_out), shares)
    return {
        "js_distance": float(distance.mean()),
        "parsed": told.parsed,
        "sums_to_one": told.sums_to_one,
        "distances": distance.round(5).tolist(),
        "shares": shares.round(4).tolist(),
    }


def run(out: Path, what: str, options: argparse.Namespace) -> None:
    """One stage."""
    train, held_out = words(options.seed)
    name = {"form": "form", "rl": f"rl-{options.weight:g}{options.tag}", "sft": f"sft-{options.batch}{options.tag}"}[
        what
    ]
    home, clock = Run(out / name), time.monotonic()
    home.folder.mkdir(parents=True, exist_ok=True)
    targets = label_distribution(train)
    examples = from_targets(train.items, targets, np.ones(len(targets)))
    training = Training(
        learning_rate=options.rate or RATES[what], lora_rank=options.rank, seed=options.seed, save_steps=15
    )
    stage = Stage(
        examples, FORM, training, home, resume=bool(list(home.folder.glob("checkpoints/checkpoint-*/complete")))
    )
    told: dict[str, Any] = {"name": name} | vars(options) | {"out": ""}
    points = json.loads((out / f"{name}.json").read_text())["points"][:-1] if stage.resume else []

    def keep(**more: Any) -> None:
        (out / f"{name}.json").write_text(json.dumps(told | {"points": points} | more))

    def look(lm: LanguageModel) -> dict[str, float]:
        points.append(measure(lm, held_out) | {"seconds": round(time.monotonic() - clock)})
        keep()
        print(name, {k: v for k, v in points[-1].items() if k not in ("distances", "shares")}, flush=True)
        return {"held_out_js_distance": points[-1]["js_distance"]}

    if what == "form":
        lm = learn_form(load(), stage, FORM_STEPS, RATES["form"])
        look(lm)
    else:
        stage = replace(stage, watch=Watch(options.points, look))
        lm = learn(load(str(out / "form" / "model")), stage, what, options)
    lm.model.save_pretrained(home.model)
    lm.tokenizer.save_pretrained(home.model)
    keep(drawn=measure(lm, held_out, samples=SAMPLES, temperature=1.0))


def learn(lm: LanguageModel, stage: Stage, what: str, options: argparse.Namespace) -> LanguageModel:
    """From the format stage on."""
    if what == "sft":
        return learn_to_write(lm, stage, stage.examples.targets, steps=options.steps, batch=options.batch)
    how = Reinforcement(
        steps=options.steps,
        ambiguity_weight=options.weight,
        passes=options.passes,
        dynamic=options.dynamic,
        beta=options.beta,
    )
    return reinforce(lm, stage, how)


def interval(values: Floats, seed: int = 0) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1)
    return float(values.mean()), *map(float, np.quantile(means, (0.025, 0.975)))


def table(out: Path, seed: int) -> None:
    """What came out: each stage over all held-out items and by tercile of ambiguity; paired differences."""
    _, held_out = words(seed)
    found = {p.stem: json.loads(p.read_text()) for p in sorted(out.glob("*.json"))}
    unclear = np.argsort(np.argsort(ambiguity(label_distribution(held_out)), kind="stable"), kind="stable")
    thirds = {"all": unclear >= 0} | {
        name: unclear * 3 // len(unclear) == t for t, name in enumerate(("low", "middle", "high"))
    }
    for kind, how in (("points", "the likeliest text"), ("drawn", f"mean of {SAMPLES} texts drawn")):
        ends = {name: stage["points"][-1] if kind == "points" else stage.get("drawn") for name, stage in found.items()}
        show({name: end for name, end in ends.items() if end}, thirds, how)
    for name, stage in found.items():
        print(f"{name:7} over training {[round(p['js_distance'], 4) for p in stage['points']]}")


def show(ends: dict[str, dict[str, Any]], thirds: dict[str, Any], how: str) -> None:
    """Means by tercile, and paired differences."""
    print(f"js_distance, base 2, {how}: mean over held-out words, and by tercile of ambiguity")
    last = {name: np.array(end["distances"]) for name, end in ends.items()}
    for name, end in ends.items():
        means = " ".join(f"{third} {last[name][own].mean():.4f}" for third, own in thirds.items())
        print(f"{name:7} {means}  parsed {end['parsed']:.4f} sums to one {end['sums_to_one']:.4f}")
    for one, other in (("rl-1", "form"), ("rl-0", "form"), ("rl-1", "rl-0"), ("rl-1", "sft-12"), ("rl-1", "sft-96")):
        if {one, other} <= last.keys():
            for third, own in thirds.items():
                mean, low, high = interval((last[one] - last[other])[own])
                print(f"{one} - {other:7} {third:7} {mean:+.4f} ({low:+.4f} to {high:+.4f})")


def main() -> None:
    """Run a stage, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("what", choices=("form", "rl", "sft", "table"))
    parser.add_argument("--weight", type=float, default=1.0, help="lambda")
    parser.add_argument("--dynamic", action="store_true")
    parser.add_argument("--beta", type=float, default=Reinforcement.beta, help="weight of the divergence")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=12, help="of sft")
    parser.add_argument("--rate", type=float, default=0.0, help="learning rate; 0 for the method's own")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--points", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tag", default="")
    options = parser.parse_args()
    if options.what == "table":
        table(options.out, options.seed)
    else:
        run(options.out, options.what, options)


if __name__ == "__main__":
    main()
