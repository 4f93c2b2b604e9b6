"""Options by name: `key=value` text onto frozen dataclasses, each key to the one that has it."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crowdtune.errors import InputError, unknown_name


def from_pairs(pairs: Iterable[str], *, plain: bool = False) -> dict[str, str]:
    """Read `key=value` texts; hyphens in keys are underscores unless `plain`.

    Example:
        >>> from_pairs(["epochs=3", "learning-rate=1e-5"])
        {'epochs': '3', 'learning_rate': '1e-5'}
    """
    settings = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise InputError(f"setting '{pair}' is not of the form key=value.")
        settings[key if plain else key.strip().replace("-", "_")] = value.strip()
    return settings


def from_toml(path: Path) -> dict[str, str]:
    """Read a flat TOML file of options."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InputError(f"{path} cannot be read as TOML: {e}.") from e
    return {key.replace("-", "_"): str(value) for key, value in raw.items()}


def apply(settings: Mapping[str, str], *options: Any) -> tuple[Any, ...]:
    """Put settings onto the dataclasses that have them.

    Args:
        settings: name -> value as text.
        *options: frozen dataclass instances; a name belongs to the first that has it.

    Returns:
        The instances with their new values; an unknown name is answered with the nearest.
    """
    changes: list[dict[str, Any]] = [{} for _ in options]
    names = [{f.name for f in dataclasses.fields(o)} for o in options]
    for key, value in settings.items():
        owner = next((n for n, fields in enumerate(names) if key in fields), None)
        if owner is None:
            raise unknown_name("option", key, set().union(*names))
        kind = typing.get_type_hints(type(options[owner]))[key]
        changes[owner][key] = _convert(key, value, kind)
    return tuple(dataclasses.replace(o, **c) for o, c in zip(options, changes, strict=True))


def _convert(key: str, value: str, kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        if value not in typing.get_args(kind):
            raise unknown_name(key, value, typing.get_args(kind))
        return value
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value.lower() == "none":
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if kind is bool:
        known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if value.lower() not in known:
            raise InputError(f"{key}={value} is not true or false.")
        return known[value.lower()]
    try:
        return kind(value)
    except ValueError as e:
        raise InputError(f"{key}={value} is not {'a whole number' if kind is int else 'a number'}.") from e
