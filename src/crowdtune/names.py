"""Names users type, found by file: `dawid-skene` is `dawid_skene.py` and its class `DawidSkene`. No list to edit."""

from __future__ import annotations

import importlib.util
import pkgutil
from typing import Any

from crowdtune.errors import unknown_name


def known(package: str) -> list[str]:
    """Names offered by a package, which is not imported for it: its public modules, with hyphens."""
    found = importlib.util.find_spec(package)
    paths = found.submodule_search_locations if found else None
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(paths) if not m.name.startswith("_"))


def find(package: str, name: str, kind: str) -> Any:
    """Class `name` of `package`; an unknown name is answered with the nearest.

    Example:
        >>> find("crowdtune.aggregate", "dawid-skene", "aggregator").__name__
        'DawidSkene'
    """
    if name not in known(package):
        raise unknown_name(kind, name, known(package))
    module = importlib.import_module(f"{package}.{name.replace('-', '_')}")
    return getattr(module, "".join(part.capitalize() for part in name.split("-")))
