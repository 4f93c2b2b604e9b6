"""Every module can be imported, and the public names are there."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import crowdtune

MODULES = [m.name for m in pkgutil.walk_packages(crowdtune.__path__, "crowdtune.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_can_be_imported(name: str) -> None:
    importlib.import_module(name)
