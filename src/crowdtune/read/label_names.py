"""Names of labels that Hugging Face's datasets keep in a schema: numbers become the texts they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Decode = Callable[[Any], Any]
KEY = b"huggingface"


def decoders(metadata: Mapping[bytes, bytes] | None) -> dict[str, Decode]:
    """Column -> function that turns its numbers into texts, for those that have names."""
    try:
        stored = msgspec.json.decode((metadata or {}).get(KEY, b"{}"))
        features = stored["info"]["features"]
        found = {name: _decoder(feature) for name, feature in features.items()}
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return {}
    return {name: decode for name, decode in found.items() if decode}


def _decoder(feature: Any) -> Decode | None:
    """Of one feature; None where no part of it has names."""
    if isinstance(feature, list):
        return _of_list(_decoder(feature[0])) if feature else None
    if not isinstance(feature, dict):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel" and isinstance(feature.get("names"), list):
        return _of_names([str(name) for name in feature["names"]])
    if kind in ("Sequence", "List", "LargeList"):
        inner = feature.get("feature")
        if isinstance(inner, dict) and not isinstance(inner.get("_type"), str):  # of objects: stored as one of lists
            return _of_fields({name: _of_list(_decoder(part)) for name, part in inner.items()})
        return _of_list(_decoder(inner))
    return None if isinstance(kind, str) else _of_fields({name: _decoder(part) for name, part in feature.items()})


def _of_names(names: list[str]) -> Decode:
    def decode(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return names[value] if 0 <= value < len(names) else None  # -1: no label, as in test sets
        return value

    return decode


def _of_list(inner: Decode | None) -> Decode | None:
    if inner is None:
        return None
    return lambda value: [inner(part) for part in value] if isinstance(value, list) else inner(value)


def _of_fields(inner: Mapping[str, Decode | None]) -> Decode | None:
    known = {name: decode for name, decode in inner.items() if decode}

    def decode(value: Any) -> Any:
        if isinstance(value, list):
            return [decode(part) for part in value]
        if not isinstance(value, dict):
            return value
        return {name: known[name](part) if name in known else part for name, part in value.items()}

    return decode if known else None
