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
    date = _date(time) if isinstance(time, str) else time
    if not isinstance(date, datetime):
        return number(time)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _date(text: str) -> datetime | None:
    """A date in one of the notations, None where it is in none."""
    for read in (datetime.fromisoformat, _of_mturk):
        try:
            return read(text.strip())
        except ValueError:  # the next notation's, or a number
            continue
    return None


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
