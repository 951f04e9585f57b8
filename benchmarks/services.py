"""Models of services for the simulator: the time of a request goes in; 200, 429 or 503 comes out, and what is possible.

The rule: a model knows the time only as an argument; its rate limits are those of `togetherpy.testing.LocalServer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from togetherpy._core.wire import Headers
from togetherpy.testing._limits import GROWTH, MOST, Limits, Quota

NOTHING = Headers({})


@dataclass(frozen=True)
class Latency:
    """Seconds that answers take: log-normal, with a long tail."""

    median: float
    p95: float

    @property
    def sigma(self) -> float:
        """Of the logarithm."""
        return math.log(self.p95 / self.median) / 1.6449

    @property
    def mean(self) -> float:
        """What counts for the rate that a number in flight gives."""
        return self.median * math.exp(self.sigma**2 / 2)

    def draw(self, random: Random) -> float:
        """One of them."""
        return random.lognormvariate(math.log(self.median), self.sigma)


class Service:
    """One service under one key.

    Args:
        capacity: how many it can answer at once, over time; above it, a 503.
        neighbour: requests a second that others send with the same key, over time.
        says: whether the headers of answers say what remains.
        asks: whether a 429 says how long to wait.
    """

    def __init__(
        self,
        latency: Latency,
        limits: Limits | None = None,
        *,
        capacity: Callable[[float], float] = lambda now: math.inf,
        neighbour: Callable[[float], float] | None = None,
        says: bool = False,
        asks: bool = True,
    ) -> None:
        self.latency = latency
        self.quota = Quota(limits or Limits())
        self._limits = limits or Limits()
        self._capacity = capacity
        self._neighbour = neighbour
        self._neighbour_at = 0.0
        self._says = says
        self._asks = asks

    def arrive(self, now: float) -> tuple[int, Headers]:
        """A request comes: the status and the headers of its answer. With 200 it is in flight until `quota.leave()`."""
        quota = self.quota
        if self._neighbour is not None:
            self._let_neighbours_in(now, self._neighbour(now))
        if quota.in_flight >= self._capacity(now):
            return 503, NOTHING
        too_much = quota.enter(now)
        meter = quota.requests
        if too_much is None:
            if not self._says or meter is None:
                return 200, NOTHING
            left = {"x-ratelimit-limit": str(meter.rate), "x-ratelimit-remaining": str(int(meter.left(now)))}
            return 200, Headers({**left, "x-ratelimit-reset": "1"})
        if not self._asks:
            return 429, NOTHING
        wait = meter.wait() if too_much == "requests" and meter is not None else 1.0
        return 429, Headers({"retry-after": str(max(1, math.ceil(wait)))})

    def possible(self, now: float, in_flight: int) -> float:
        """Rows a second that the best client would get now with so many in flight."""
        most = min(in_flight, self._limits.concurrency or math.inf, self._capacity(now)) / self.latency.mean
        if self.quota.requests is None:
            return most
        others = self._neighbour(now) if self._neighbour is not None else 0.0
        rate = (self._limits.rpm or 600.0) / 60
        if self._limits.dynamic:  # grown by somebody who always used it whole
            rate *= min(MOST, GROWTH ** min(now, 1e4))
        return min(most, max(0.0, rate - others))

    def _let_neighbours_in(self, now: float, rate: float) -> None:
        if not rate:
            self._neighbour_at = now
        while rate and self._neighbour_at + 1 / rate <= now:
            self._neighbour_at += 1 / rate
            if self.quota.enter(self._neighbour_at) is None:
                self.quota.leave()


FAST, USUAL, SLOW, LONG = Latency(0.3, 0.6), Latency(2, 8), Latency(10, 40), Latency(60, 200)


def _dips(now: float) -> float:
    return 25 if now % 600 > 540 else 400


def _comes_and_goes(now: float) -> float:
    return 25.0 if now % 600 > 300 else 0.0


MODELS: dict[str, Callable[[], Service]] = {
    "no limit, 0.3 s": lambda: Service(FAST),
    "no limit, 60 s": lambda: Service(LONG),
    "50 a second, 0.3 s": lambda: Service(FAST, Limits(rpm=3000)),
    "50 a second, 2 s": lambda: Service(USUAL, Limits(rpm=3000)),
    "the same, and says what remains": lambda: Service(USUAL, Limits(rpm=3000), says=True),
    "the same, and never says how long": lambda: Service(USUAL, Limits(rpm=3000), asks=False),
    "10 a second, 10 s": lambda: Service(SLOW, Limits(rpm=600)),
    "2 a second, 60 s": lambda: Service(LONG, Limits(rpm=120)),
    "1 a second, 0.3 s": lambda: Service(FAST, Limits(rpm=60)),
    "64 at once, 0.3 s": lambda: Service(FAST, Limits(concurrency=64)),
    "64 at once, 10 s": lambda: Service(SLOW, Limits(concurrency=64)),
    "100 at once, 60 s": lambda: Service(LONG, Limits(concurrency=100)),
    "dynamic from 10 a second, 0.3 s": lambda: Service(FAST, Limits(rpm=600, dynamic=True)),
    "dynamic from 10 a second, 2 s": lambda: Service(USUAL, Limits(rpm=600, dynamic=True)),
    "capacity dips, 2 s": lambda: Service(USUAL, capacity=_dips),
    "capacity dips, 10 s": lambda: Service(SLOW, capacity=_dips),
    "50 a second, a neighbour, 2 s": lambda: Service(USUAL, Limits(rpm=3000), neighbour=_comes_and_goes),
}
"""What `python -m benchmarks simulate` tries. 0.3 s, 2 s, 10 s, 60 s: half of the answers take longer."""
