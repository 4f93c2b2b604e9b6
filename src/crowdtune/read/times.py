"""When and how long: dates as annotation tools write them, as numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

UNKNOWN = float("nan")
MTURK = "%a %b %d %H:%M:%S %Z %Y"  # "Thu Oct 09 07:30:20 UTC 2025"


def moment(time: Any) -> float:
    """Seconds since 1970 of an ISO date (UTC where it names no zone), or of MTurk's; a number as it is; else NaN.

    Example:
        >>> moment("1970-01-01T00:01:00Z"), moment("1970-01-01 01:01:00+01:00"), moment(7)
        (60.0, 60.0, 7.0)
    """
    if type(time) is str:  # nearly always, and nearly always ISO
        try:
            date = datetime.fromisoformat(time)
        except ValueError:
            pass
        else:
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not isinstance(time, str):
        return number(time)
    for read in (datetime.fromisoformat, _of_mturk):
        try:
            found = read(time.strip())
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return number(time)


def _of_mturk(text: str) -> datetime:
    offsets = {" PDT ": -7, " PST ": -8}
    for zone, hours in offsets.items():
        if zone in text:
            return datetime.strptime(text.replace(zone, f" {hours:+03d}00 "), MTURK.replace("%Z", "%z"))
    return datetime.strptime(text, MTURK)


def number(value: Any) -> float:
    """A number, or NaN where there is none."""
    try:
        return UNKNOWN if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN
