"""A rate as a bucket: amounts are taken out, time fills it up again.

In: amounts and times. Out: the seconds until there is enough. The rule: time is an argument and may stand still.
"""

from __future__ import annotations

import math


class Bucket:
    """At most `rate` a second, and at most `depth` at once. A rate of infinity never makes anyone wait."""

    __slots__ = ("_at", "_level", "depth", "rate")

    def __init__(self, rate: float = math.inf, depth: float = 1.0) -> None:
        self.rate: float = rate
        self.depth: float = depth
        self._level = depth
        self._at = -math.inf

    def wait(self, now: float, amount: float = 1.0) -> float:
        """Seconds until `amount` can be taken, 0 for at once; more than the depth needs a full bucket only."""
        if self.rate == math.inf:
            return 0.0
        self._fill(now)
        lacking = min(amount, self.depth) - self._level
        return max(self._at - now, 0.0) + lacking / self.rate if lacking > 1e-9 else 0.0

    def take(self, now: float, amount: float = 1.0) -> None:
        """Takes `amount`, whether it is there or not: what is lacking has to flow in first. Below 0 gives back."""
        if self.rate < math.inf:
            self._fill(now)
            self._level = min(self.depth, self._level - amount)

    def drain(self, now: float) -> None:
        """Nothing is left at `now`, nor flows in before."""
        self._level, self._at = min(self._level, 0.0), now

    def pour(self, now: float, rate: float, depth: float) -> None:
        """From now on another rate; what is there stays."""
        self._fill(now)
        self.rate, self.depth = rate, depth
        self._level = min(self._level, depth)

    def _fill(self, now: float) -> None:
        if now > self._at:
            if self.rate < math.inf:
                self._level = min(self.depth, self._level + (now - self._at) * self.rate)
            self._at = now
