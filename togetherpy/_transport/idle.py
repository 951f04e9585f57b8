"""How long a connection has lain idle, by clocks of which a frozen machine stops some.

In: what the clocks showed when it was last used. Out: whether it has probably been forgotten on the way.
The rule: one clock that went too far is enough, and so is one that went back, for then nobody knows. A machine that
sleeps stops the monotonic clock; a snapshot stops that and the clock since the start, while the wall's is put right
when it is restored; restored on another machine, they may be behind.
"""

from __future__ import annotations

import time
from contextlib import suppress

LIMIT = 55.0
"""Seconds; most load balancers forget a connection after 60, and a function may thaw much later (fault E15)."""
SLACK = 1.0
"""Seconds by which a clock may go back while it is put right."""

Clocks = tuple[float, float, float]
"""The monotonic clock, the wall's, and the one since the machine's start, in seconds."""


def _started() -> int | None:
    """The clock that goes on while the machine sleeps, by Linux' or macOS' name; elsewhere the monotonic one does."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        with suppress(AttributeError, OSError):  # a sandbox may know the name and not have the clock
            number: int = getattr(time, name)
            time.clock_gettime(number)
            return number
    return None


_START = _started()


def now() -> Clocks:
    """What the clocks show."""
    monotonic = time.monotonic()
    return monotonic, time.time(), monotonic if _START is None else time.clock_gettime(_START)


def too_long(since: Clocks) -> bool:
    """Whether a connection that was last used when the clocks showed `since` has probably been forgotten."""
    monotonic, wall, start = since
    return not (
        -SLACK <= time.monotonic() - monotonic <= LIMIT
        and -SLACK <= time.time() - wall <= LIMIT
        and (_START is None or -SLACK <= time.clock_gettime(_START) - start <= LIMIT)
    )
