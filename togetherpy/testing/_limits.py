"""The service's rate limits: requests with their times go in; leave, or what there is too much of, comes out.

Nothing here reads a clock. The rule: a limit a minute is measured per second, as the service measures it: 600 requests
a minute are ten at once and then ten a second. A `Quota` is what one key has of one model.
"""

import math
from dataclasses import dataclass
from typing import Literal

GROWTH, SHRINK = 1.02, 0.95  # of a dynamic limit, each second
STEADY = 0.5  # the part of a dynamic limit that must be used in a second for it to grow
BURST = 0.1  # the part of what was let in above which refusals are a burst
MOST = 20.0  # how many times its first size a dynamic limit grows to
DYNAMIC_RPM = 600.0  # where a dynamic limit begins that is given no size
INSTANT = 1e-6  # what is lacking by rounding is there

TooMuch = Literal["requests", "tokens", "concurrency"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What each key may do with each model. `rpm`, `tpm`: a minute; `concurrency`: at once; None: as much as comes.

    `dynamic`: `rpm` and `tpm` are the least, grow with steady traffic and shrink on bursts. `capacity`: what the server
    can do at once for all keys and models together.

    Raises:
        ValueError: one of them is not above 0.
    """

    rpm: float | None = None
    tpm: float | None = None
    concurrency: int | None = None
    dynamic: bool = False
    capacity: int | None = None

    def __post_init__(self) -> None:
        for name in ("rpm", "tpm", "concurrency", "capacity"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, not {value}")

    def any(self) -> bool:
        """Whether anything is limited."""
        return self.dynamic or any(x is not None for x in (self.rpm, self.tpm, self.concurrency, self.capacity))


class Meter:
    """One limit: `rate` a second, and a second's worth, or one, at once."""

    def __init__(self, per_minute: float, dynamic: bool) -> None:
        self.rate = self._least = per_minute / 60
        self.dynamic = dynamic
        self._level = self.depth
        self._at = -math.inf
        self._second = -math.inf
        self._used = self._refused = 0.0

    @property
    def depth(self) -> float:
        """The most at once."""
        return max(1.0, self.rate)

    def left(self, now: float) -> float:
        """What may be taken now; less than nothing where more was taken than was there."""
        if self.dynamic and now >= self._second + 1:
            self._adapt(now)
        if now > self._at:
            self._level = min(self.depth, self._level + (now - self._at) * self.rate)
            self._at = now
        return self._level

    def has(self, now: float) -> bool:
        """Whether one may be taken; if not, that counts as a part of a burst."""
        enough = self.left(now) >= 1.0 - INSTANT
        self._refused += not enough
        return enough

    def take(self, amount: float) -> None:
        """Takes it, whether it is there or not."""
        self._level -= amount
        self._used += amount

    @property
    def missing(self) -> float:
        """What has been taken and has not come back yet."""
        return self.depth - self._level

    def wait(self) -> float:
        """Seconds until one is there."""
        return max(0.0, (1.0 - self._level) / self.rate)

    def _adapt(self, now: float) -> None:
        if self._refused > BURST * self._used:
            self.rate = max(self._least, self.rate * SHRINK)
        elif not self._refused and self._used >= STEADY * self.rate:
            self.rate = min(MOST * self._least, self.rate * GROWTH)
        self._second, self._used, self._refused = now, 0.0, 0


class Quota:
    """What one key has left of one model, and how much of it is in flight."""

    def __init__(self, limits: Limits) -> None:
        free = limits.dynamic and limits.rpm is None and limits.tpm is None
        rpm = DYNAMIC_RPM if free else limits.rpm
        self.requests = None if rpm is None else Meter(rpm, limits.dynamic)
        self.tokens = None if limits.tpm is None else Meter(limits.tpm, limits.dynamic)
        self.in_flight = 0
        self._most = limits.concurrency

    def enter(self, now: float) -> TooMuch | None:
        """None, and one more is in flight; or what there is too much of."""
        if self._most is not None and self.in_flight >= self._most:
            return "concurrency"
        if self.requests is not None and not self.requests.has(now):
            return "requests"
        if self.tokens is not None and not self.tokens.has(now):
            return "tokens"
        if self.requests is not None:
            self.requests.take(1.0)
        self.in_flight += 1
        return None

    def spend(self, tokens: float) -> None:
        """What the answer used, which is known only when it is made: the next requests wait until that is made up."""
        if self.tokens is not None:
            self.tokens.take(tokens)

    def leave(self) -> None:
        """One that was let in has been answered, or its client has gone."""
        self.in_flight -= 1
