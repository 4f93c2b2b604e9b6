"""Data sets on the Hugging Face hub: fetched once by the datasets library, then read from its cache like any folder."""

from __future__ import annotations

import re
from pathlib import Path

from crowdtune.errors import InputError

ADDRESS = re.compile(r"(?:hub:|hf:/+datasets/)(?P<name>[^:]+)(?::(?P<part>.+))?")


def local(path: str | Path) -> Path:
    """The path itself, or the folder of the data set `hub:owner/name[:configuration]` or `hf://datasets/owner/name`.

    Example:
        >>> str(local("labels.csv"))
        'labels.csv'
    """
    found = ADDRESS.fullmatch(str(path))
    if not found:
        return Path(path)
    try:
        import datasets
    except ImportError as e:
        raise InputError(f"{path} is on the hub: pip install 'crowdtune[hf]' brings what fetches it.") from e
    try:
        loaded = datasets.load_dataset(found["name"].rstrip("/"), found["part"])
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as e:
        said = str(e).strip().splitlines() or [type(e).__name__]
        raise InputError(
            f"{path} cannot be fetched ({said[0][:200]}). Check the network and the name: "
            "hub:owner/name, or hub:owner/name:configuration."
        ) from e
    files = [Path(file["filename"]) for part in loaded.values() for file in part.cache_files]
    if not files:
        raise InputError(f"{path} has no rows. It needs at least one.")
    return files[0].parent
