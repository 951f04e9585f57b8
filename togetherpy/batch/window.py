"""How many may be in flight: rounds that went well and refusals go in, a size comes out.

In: successes, 429s and lacks of capacity, each with its time. Out: `size`, which grows and is cut.
The rule: it doubles with each clean round until the first 429; from then on it grows by a twentieth a round, creeps
where it has failed before, and hurries again once it has passed that. A round is as many successes as the size.
"""

from __future__ import annotations

import math

START = 8
LEAST = 0.03
"""Less than one stands for a server of less than one request at a time: one is in flight, and seldom, by the pace."""
CUT = 0.75
CAPACITY_CUT = 0.9
CAPACITY_PART = 0.1
"""Of a round, that may go without capacity."""
GROWTH = 0.05
NEAR, PAST = 0.95, 1.05
"""Parts of the size that failed: between them it creeps."""
SAME = 0.15
"""How much two sizes that failed differ when the limit is taken to stand still."""
CREEP, LOOSE_CREEP = 0.005, 0.02
"""Parts of the size to creep by: where the limit stands still, and where it moves."""
CREEP_EACH, MAX_CREEP_EACH, SLOWER = 2.0, 4.0, 1.5
"""Seconds between two such steps: each failure at the same size makes them longer."""
STEP_EACH = 3.0
"""Seconds between two steps after the first 429: limits are measured per second, and many rounds may be in one."""
LONG_ROUND = 10.0
"""Seconds: below the size that failed, a round need not be longer. A 429 comes at once, however long answers take."""
SURE = 8
"""Successes in a round where the limit stands still, at the least."""


class Window:
    """The size, from `START` up to the ceiling."""

    def __init__(self, ceiling: int) -> None:
        self.size: float = float(min(START, ceiling))
        self.failed: float | None = None
        """The size at the last 429."""
        self._creeps = False
        self._stands = False  # it failed twice at the same size
        self._creep_each = CREEP_EACH
        self._growth = 1.0
        self._clean = self._lost = 0
        self._began = self._next = -math.inf
        """When this round began, and when the next step may be taken."""

    def succeed(self, now: float, ceiling: int) -> None:
        """A request was answered at its first attempt while the size was in use."""
        self._clean += 1
        self._end_round(now, ceiling)

    def fail(self, now: float) -> None:
        """A 429 that this size, or a smaller one, has caused."""
        before, self.failed = self.failed, self.size
        self._creeps = before is not None  # the first doubled to where it failed, which says little
        self._stands = before is not None and abs(self.size / before - 1) < SAME
        self._creep_each = min(MAX_CREEP_EACH, self._creep_each * SLOWER) if self._stands else CREEP_EACH
        self._growth = GROWTH
        self._cut(now, CUT)

    def lack(self, now: float, ceiling: int) -> bool:
        """The server had no capacity. Whether there have been so many in this round that the size is cut."""
        self._lost += 1
        if self._lost <= CAPACITY_PART * self.size:
            self._end_round(now, ceiling)
            return False
        if self.failed is not None:
            self._growth = GROWTH
        self._cut(now, CAPACITY_CUT)
        return True

    @property
    def _near(self) -> bool:
        return self._creeps and self.failed is not None and NEAR * self.failed <= self.size < PAST * self.failed

    def _cut(self, now: float, factor: float) -> None:
        self.size = max(LEAST, self.size * factor)
        self._next = now + self._creep_each
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._clean = self._lost = 0
        self._began = now

    def _end_round(self, now: float, ceiling: int) -> None:
        enough = max(SURE, self.size) if self._near and self._stands else self.size
        below = self.failed is not None and self.size < NEAR * self.failed
        long = below and now - self._began >= LONG_ROUND
        if now < self._next or (self._clean + self._lost < enough and not long):
            return
        if not self._lost:
            self.size = min(float(ceiling), self._grown(now))
        self._begin(now)

    def _grown(self, now: float) -> float:
        size, failed, creep = self.size, self.failed, CREEP if self._stands else LOOSE_CREEP
        if self._near:
            self._next = now + self._creep_each
            return size * (1 + creep)
        if failed is not None:
            self._next = now + STEP_EACH
        grown = size + max(1.0 if size >= 1 else size / 8, self._growth * size)
        if failed is None or size >= failed:
            self._growth = min(1.0, 2 * self._growth)
        elif self._creeps:
            grown = min(grown, max(NEAR * failed, size * (1 + creep)))
        return grown
