"""How long a connection has lain idle, by clocks of which a frozen machine stops some.

In: what the clocks showed when it was last used. Out: whether it has probably been forgotten on the way.
The rule: one clock that went too far is enough, and so is one that was set back, for then nobody knows. A machine that
sleeps stops the monotonic clock; a snapshot stops that and the clock since the start, but the wall's is put right when
it is restored; restored on another machine, either may be behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

LIMIT = 55.0
"""Seconds; most load balancers forget a connection after 60, and a function may thaw much later (fault E15)."""
SLACK = 1.0
"""Seconds by which a clock may go back while it is put right."""


def _since_start() -> Callable[[], float]:
    """The clock that goes on while the machine sleeps: Linux' and macOS' name for it, else the monotonic one."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        with suppress(AttributeError, OSError):  # a sandbox may know the name and not have the clock
            clock = partial(time.clock_gettime, getattr(time, name))
            clock()
            return clock
    return time.monotonic


_start, _wall = _since_start(), time.time


def now() -> tuple[float, float]:
    """What the clocks show, in seconds: the one that never sleeps, and the wall's."""
    return _start(), _wall()


def too_long(since: tuple[float, float]) -> bool:
    """Whether a connection that was last used when the clocks showed `since` has probably been forgotten."""
    start, wall = since
    return not (-SLACK <= _start() - start <= LIMIT and -SLACK <= _wall() - wall <= LIMIT)
