"""The flags of every verb that reads data, in one place, and the reading itself."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np
import typer

from crowdtune.annotations import Annotations
from crowdtune.cli._screen import say
from crowdtune.read import Policy, ReadReport, names, read
from crowdtune.read.hub import ADDRESS
from crowdtune.settings import from_pairs

PANEL = "Reading the file"
_PARSED: dict[str, Callable[[str], Any]] = {  # flags that a run keeps as text and that are none
    "source": lambda text: [Path(text)],
    "items": Path,
    "with": lambda text: [Path(part) for part in shlex.split(text)],
    "question": shlex.split,
    "rename": shlex.split,
    "labels_per_item": int,
}


def _option(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=PANEL)


def load(
    source: Annotated[
        list[Path],
        typer.Argument(help="Any export, table or folder, or hub:owner/name of a data set on the Hugging Face hub."),
    ],
    item: Annotated[str, _option("Column of the item, where its name does not tell.")] = "",
    annotator: Annotated[str, _option("Column of the annotator.")] = "",
    label: Annotated[str, _option("Column of the label.")] = "",
    prompt: Annotated[str, _option("Column of the item's text.")] = "",
    gold: Annotated[str, _option("Column of the trusted answer.")] = "",
    wide: Annotated[str, _option("Columns that are annotators, with commas between.")] = "",
    with_: Annotated[
        list[Path] | None,
        typer.Option("--with", help="A further file to read with it; may be repeated.", rich_help_panel=PANEL),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help=f"auto, table, or {', '.join(names())}.", rich_help_panel=PANEL)
    ] = "auto",
    question: Annotated[list[str] | None, _option("Read this question alone; may be repeated.")] = None,
    kind: Annotated[str, _option("What answers are: choice, grade, pair or text, where the file does not say.")] = "",
    join: Annotated[str, _option("Items of several files are one by id or by content; auto tells.")] = "auto",
    items: Annotated[Path | None, _option("A second file with the items' texts, choices or gold.")] = None,
    choices: Annotated[str, _option("Allowed answers with commas between, where the file names none.")] = "",
    labels: Annotated[str, _option("Read labels as text, letter or code, where the data cannot decide.")] = "",
    repeats: Annotated[str, _option("Of repeated answers keep the last, first or majority, or error.")] = "last",
    several: Annotated[
        str, _option("Of a question with several answers at once: tasks, each option one; or counts of all.")
    ] = "tasks",
    abstain: Annotated[str, _option("Answers that mean no answer, with commas between.")] = "",
    rename: Annotated[list[str] | None, _option("SPELLING=CHOICE; may be repeated.")] = None,
    labels_per_item: Annotated[
        int,
        typer.Option(min=0, help="Keep at most so many labels of an item, at random; 0 = all.", rich_help_panel=PANEL),
    ] = 0,
) -> tuple[Annotations, ReadReport]:
    """Read a file, or several that belong together, by these flags."""
    named = {"item": item, "annotator": annotator, "label": label, "prompt": prompt, "gold": gold}
    policy = Policy(
        choices=_several(choices),
        labels=labels or None,
        repeats=repeats,
        several=several,
        abstain=_several(abstain),
        rename=from_pairs(rename or [], plain=True),
        questions=tuple(question or ()),
        kind=kind,
        join=join,
    )
    columns = {role: column for role, column in named.items() if column}
    files = [*source, *(with_ or [])]
    annotations, report = read(
        files, columns=columns, wide=_several(wide), items=items, policy=policy, form=format_.replace("_", "-")
    )
    if labels_per_item > 0:
        annotations = annotations.thin(labels_per_item, np.random.default_rng(0))
    return annotations, report


def _typed(value: Any) -> str:
    """A flag as it was typed; of one that was repeated, all that it said."""
    return shlex.join(map(str, value)) if isinstance(value, list) else str(value)


def _several(text: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(text, tuple):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class _Load:
    """`load` with what the user typed; see `_flags.Load`."""

    flags: dict[str, str]
    given: dict[str, Any]

    def __call__(self, choices: tuple[str, ...] = (), without: str = "") -> Annotations:
        annotations, report = self.silently(choices)
        for line in report.lines(annotations):
            if line != without:
                say(line)
        if limit := self.given["labels_per_item"]:
            say(f"kept {len(annotations)} labels, at most {limit} of an item, the same ones each time")
        return annotations

    def silently(self, choices: tuple[str, ...] = ()) -> tuple[Annotations, ReadReport]:
        """The same without a word, with what is to be said."""
        source = self.given["source"]
        files = source if isinstance(source, list) else [source]
        return load(**self.given | {"source": files, "choices": self.given["choices"] or choices})

    def typed(self) -> str:
        """The source and the reading flags that were given, to be typed again."""
        usual, source = inspect.signature(load).parameters, self.given["source"]
        words = [str(part) for part in (source if isinstance(source, list) else [source])]
        for name, value in self.given.items():
            if name != "source" and value != usual[name].default:
                for one in value if isinstance(value, list) else [value]:
                    words += [f"--{name.strip('_').replace('_', '-')}", str(one)]
        return shlex.join(words)

    def again(self, flags: dict[str, str]) -> Annotations:
        """Annotations as an earlier command read them, by the `flags` it kept; what is typed now wins."""
        usual = inspect.signature(load).parameters
        parsed = {name: _PARSED.get(name, str)(text) for name, text in self.merged(flags).items()}
        kept = {name if name in usual else f"{name}_": value for name, value in parsed.items()}
        return load(**self.given | kept)[0]

    def merged(self, flags: dict[str, str]) -> dict[str, str]:
        """The flags of `again`, to be kept in their turn; files by --with come to those that were."""
        usual = inspect.signature(load).parameters
        own = {name: value for name, value in self.given.items() if name != "source" and value != usual[name].default}
        typed = settled({name.rstrip("_"): _typed(value) for name, value in own.items()})
        both = [part for one in (flags, typed) for part in shlex.split(one.get("with", ""))]
        return flags | typed | ({"with": shlex.join(dict.fromkeys(both))} if both else {})


def settled(flags: dict[str, str]) -> dict[str, str]:
    """The same with files by their whole path, so that they are found from any folder."""
    found: dict[str, str] = {name: whole(flags[name]) for name in ("source", "items") if name in flags}
    if "with" in flags:
        found["with"] = shlex.join(map(whole, shlex.split(flags["with"])))
    return flags | found


def whole(path: str) -> str:
    """A path from the root; of a data set on the hub its address, "" of none."""
    return path if not path or ADDRESS.fullmatch(path) else str(Path(path).resolve())


def reads(verb: Callable[..., None], *, several: bool = False, source: str = "") -> Callable[..., None]:
    """Give a verb the flags of `load`; its first parameter reads.

    Args:
        verb: what the command does.
        several: its only argument is a list of files; else further files come by --with, as it may have others.
        source: what the argument is, where it is no file of data.
    """
    own = list(inspect.signature(verb).parameters.values())[1:]
    flags = list(inspect.signature(load).parameters.values())
    arguments = [p for p in own if p.default is inspect.Parameter.empty]
    rest = [p for p in own if p.default is not inspect.Parameter.empty]

    @functools.wraps(verb)
    def wrapped(**given: Any) -> None:
        typed = {p.name: given.pop(p.name) for p in flags}
        verb(_Load({name.rstrip("_"): _typed(value) for name, value in typed.items() if value}, typed), **given)

    hints = get_type_hints(verb, include_extras=True) | get_type_hints(load, include_extras=True)
    if not several:
        hints["source"] = Annotated[Path, *get_args(hints["source"])[1:]]
    if source:
        hints["source"] = Annotated[Path, typer.Argument(help=source)]
    parameters = [p.replace(kind=p.KEYWORD_ONLY, annotation=hints[p.name]) for p in (*arguments, *flags, *rest)]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapped
