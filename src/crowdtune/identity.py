"""Names of annotators as pseudonyms: the same name and key always give the same one, nobody without the key can tell."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path

DIGITS = 10  # hexadecimal digits of a pseudonym


def pseudonym(name: str, key: bytes) -> str:
    """What is shown for `name`: "a-" and ten hexadecimal digits of a keyed BLAKE2b hash.

    Example:
        >>> pseudonym("ann", b"key")
        'a-ce6afc7b0a'
    """
    return "a-" + blake2b(name.encode(), key=key, digest_size=DIGITS // 2).hexdigest()


def key() -> bytes:
    """CROWDTUNE_KEY of the environment, else the key of this user, made once and readable by nobody else."""
    said = os.environ.get("CROWDTUNE_KEY", "")
    if said:
        return blake2b(said.encode()).digest()
    path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crowdtune" / "key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())
