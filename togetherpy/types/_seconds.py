"""What a server writes for "how long" or "until when" -> seconds from now.

In: the value of a header field, and what time it is by the server's clock. Out: seconds, or None for nonsense.
The rule: a number is seconds from now, unless it is so large that it must be a point in time (seconds, or a finer unit,
since 1970); a duration is "6m0s" or "120ms"; a date is RFC 3339 or HTTP's own. What has just passed is 0.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_LONGEST = 1e9
"""Seconds, 31 years: more of them are a point in time. `Retry-After: 1000000000` is a joke all the same."""
_LATEST = 1e11
"""Seconds since 1970: more of them are milliseconds, or finer."""
_STALE = 86400.0
"""Seconds: what is longer ago has nothing to do with now."""


def seconds_from_now(text: str, now: float) -> float | None:
    """`now`: seconds since 1970. Negative and infinite numbers, and what is no time at all, are None."""
    text = text.strip()
    match = _DURATION.fullmatch(text) if text else None
    if match is not None:
        return math.fsum(float(part) * unit for part, unit in zip(match.groups("0"), _UNITS, strict=True))
    then = number = plain_number(text)
    if number is None:
        then = _date(text)
    elif number <= _LONGEST:
        return number
    while then is not None and then > _LATEST:
        then /= 1000.0
    if then is None or then < now - _STALE or (number is not None and then > now + _LONGEST):
        return None  # a number that is no point in time in any unit
    return max(then - now, 0.0)


def clock_of(headers: Mapping[str, str], now: float) -> float:
    """Seconds since 1970 by the server's own clock where it tells the time, else `now`."""
    told = _date(headers.get("date", ""))
    return now if told is None else told


def plain_number(text: str) -> float | None:
    """A finite number of 0 or more."""
    if not text.isascii() or "_" in text:  # which float() takes for a number, and RFC 9110 does not
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(text: str) -> float | None:
    """Seconds since 1970 of a date; a date without a zone is in UTC."""
    if not re.search(r"\d{2}:\d{2}", text):
        return None
    from datetime import UTC, datetime

    with contextlib.suppress(ValueError, OverflowError):
        made = datetime.fromisoformat(text)
        return (made if made.tzinfo is not None else made.replace(tzinfo=UTC)).timestamp()
    from email.utils import parsedate_to_datetime

    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return parsedate_to_datetime(text).timestamp()
    return None
