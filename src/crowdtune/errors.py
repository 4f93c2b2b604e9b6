"""The one error of ours that callers may want to catch."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """What the user gave cannot be used; the message says what, where, what is allowed and what to do.

    The command line prints the message alone and exits with code 2.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Make the error for a name nobody knows, with the nearest known one.

    Example:
        >>> str(unknown_name("aggregator", "majorty", ["majority", "dawid-skene"]))
        "unknown aggregator 'majorty'. Did you mean 'majority'? Known: dawid-skene, majority."
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return InputError(f"unknown {kind} '{name}'.{hint} Known: {', '.join(names)}.")
