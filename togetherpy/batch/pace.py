"""How fast requests may follow one another: how long answers take and how many may be in flight go in, waits come out.

In: latencies and the window's size. Out: seconds to wait before the next request.
The rule: a window of n whose answers take t seconds needs n / t requests a second, and a little more to stay full. What
goes out faster is a burst, after a growth or a cool-down, and is refused although the window is not too large.
"""

from __future__ import annotations

from togetherpy.batch.bucket import Bucket

EARLY, SLACK = 2.0, 1.15
"""How much faster than needed: before the first 429, and after it."""
HASTE = 8.0
"""Seconds: where answers take longer there is time to fill the window, and no need to hurry after the first 429."""
AT_ONCE = 0.1
"""Seconds whose requests may go at once, so that few of them have to wait for a clock."""
CHANGED = 0.05
"""A part by which the latency changes until the pace follows."""


class Pace:
    """The pace, and the latency that it is made from."""

    def __init__(self, size: float) -> None:
        self._bucket = Bucket(size, size)
        self.latency: float | None = None
        """Seconds, the mean of the last answers; None before the first one."""
        self._followed = 1.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        return self._bucket.wait(now)

    def take(self, now: float) -> None:
        """One goes."""
        self._bucket.take(now)

    def stop(self, until: float) -> None:
        """Nothing goes before `until`, and then one after the other."""
        self._bucket.drain(until)

    def halve(self, now: float) -> None:
        """Before the first answer there is no latency to go by: a refusal says that what went at once was too much."""
        self._bucket.pour(now, self._bucket.rate / 2, 1.0)

    def forget(self) -> None:
        """What was learnt is of other answers than those that come now."""
        self.latency = None

    def learn(self, now: float, seconds: float, size: float, failed: bool) -> None:
        """An answer took `seconds`."""
        if self.latency is None:
            self.latency = seconds
            self.follow(now, size, failed)
            return
        memory = max(64.0, 2 * size) if failed else max(16.0, size)
        self.latency += (seconds - self.latency) / memory
        if abs(self.latency / self._followed - 1) > CHANGED:
            self.follow(now, size, failed)

    def follow(self, now: float, size: float, failed: bool) -> None:
        """The window has another size. `failed`: there has been a 429."""
        if self.latency is not None:
            self._followed = max(self.latency, 1e-3)
            slack = 1 + (SLACK - 1) * min(1.0, HASTE / self._followed)
            rate = (slack if failed else EARLY) * size / self._followed
            self._bucket.pour(now, rate, max(1.0, AT_ONCE * rate))
