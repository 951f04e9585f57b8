"""How many requests may be in flight now: what became of each request goes in, leave to send the next comes out.

In: the ends of requests with their times and headers. Out: a Ticket, or the seconds to wait for one.
The rule: the limit follows the server. It doubles with each clean round until the first 429, is cut by each one that
today's limit caused, and from then on creeps up to the limit that failed. Time and chance are arguments.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable
from typing import NamedTuple

from togetherpy._core.retry import retry_after
from togetherpy._core.wire import Headers
from togetherpy.batch.allowance import Allowance
from togetherpy.batch.bucket import Bucket

START = 8
CEILING = 256
MAX_COOL_DOWN = 120.0
"""Seconds; a server that asks for more is asked again by one request at a time."""
CUT = 0.75
CAPACITY_CUT = 0.9
GROWTH = 0.05
USED = 0.8
NEAR = 0.95
GATE = 3.0
MEMORY = 2.0
CREEP = 0.005
CREEP_EACH = 2.0
MAX_CREEP_EACH = 8.0
PACE = 1.15
LEAST = 0.001
HISTORY = 2048
INSTANT = 1e-6
"""Seconds, too few to wait for: a sum of times may be a little less than its parts."""


class Ticket:
    """Leave to send one request; it is given back once, with what became of the request."""

    __slots__ = ("age", "limit", "number", "open", "sent", "tokens", "tokens_by_then")

    def __init__(self, limit: float, age: int, sent: float, tokens: float, number: int, tokens_by_then: float) -> None:
        self.limit = limit
        self.age = age
        self.sent = sent
        self.tokens = tokens
        self.number = number
        self.tokens_by_then = tokens_by_then
        self.open = True


class Sample(NamedTuple):
    """How things stood at one time."""

    at: float
    limit: int
    in_flight: int
    limited: int
    """429 answers so far."""


class Limit:
    """The controller of all requests to one model of one server with one key. Safe to share between threads.

    Args:
        ceiling: the most in flight at any time, 1 or more.
        rpm: requests a minute, never exceeded, measured per second; None: no such limit.
        tpm: tokens a minute, likewise.
        share: this process's part of `rpm`, `tpm` and of what the server says is left, above 0 and up to 1.
        random: gives numbers in [0, 1).
    """

    def __init__(
        self,
        ceiling: int = CEILING,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        share: float = 1.0,
        random: Callable[[], float],
    ) -> None:
        self._lock = threading.Lock()
        self._random = random
        self.bound(ceiling, rpm=rpm, tpm=tpm, share=share)
        self._limit = float(min(START, ceiling))
        self._pace = Bucket(self._limit, self._limit)
        self._latency: float | None = None
        self._paced_for = 1.0
        self._age = 0
        self._clean = self._lost = 0
        self._failed: float | None = None
        self._growth = 1.0
        self._firm = False
        self._creep = CREEP
        self._creep_each = CREEP_EACH
        self._creep_at = -math.inf
        self._open_at = -math.inf
        self._jitter = 0.0
        self._refused = 0
        self._one_by_one = False
        self._resting: list[float] = []
        self._allowance = Allowance()
        self._sent = 0
        self._sent_tokens = 0.0
        self.in_flight = 0
        self.limited_count = 0
        self.capacity_count = 0
        self.history: list[Sample] = []

    def bound(
        self, ceiling: int = CEILING, *, rpm: float | None = None, tpm: float | None = None, share: float = 1.0
    ) -> None:
        """Other bounds from now on; what has been learnt stays. Raises ValueError: one is out of range."""
        if ceiling < 1:
            raise ValueError(f"concurrency must be at least 1, not {ceiling}")
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share}")
        self.ceiling, self._share = ceiling, share
        self._requests = _per_minute("rpm", rpm, share)
        self._tokens = _per_minute("tpm", tpm, share)

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return max(1, math.ceil(min(self._limit, self.ceiling) - 1e-6))

    @property
    def cool_until(self) -> float:
        """The time before which nothing is sent; long past when there is no cool-down."""
        return self._open_at

    def admit(self, now: float, tokens: float = 0) -> Ticket | float:
        """A ticket, or the seconds until it is worth asking again; math.inf: when one of the requests has ended.

        `tokens`: what the request will use, roughly, prompt and answer.
        """
        with self._lock:
            while self._resting and self._resting[0] <= now + INSTANT:
                heapq.heappop(self._resting)
            most = 1 if self._one_by_one else self.limit
            if self.in_flight >= most:
                return math.inf
            if self.in_flight + len(self._resting) >= most:
                return self._resting[0] - now
            wait = max(self._open_at - now, self._pace.wait(now))
            wait = max(wait, self._requests.wait(now), self._tokens.wait(now, tokens))
            wait = max(wait, self._allowance.wait(now, self._sent + 1, self._sent_tokens + tokens))
            if wait > INSTANT:
                return wait
            self._pace.take(now)
            self._requests.take(now)
            self._tokens.take(now, tokens)
            self.in_flight += 1
            self._sent += 1
            self._sent_tokens += tokens
            return Ticket(self._limit, self._age, now, tokens, self._sent, self._sent_tokens)

    def succeeded(
        self, ticket: Ticket, now: float, headers: Headers, *, retried: bool = False, tokens: float | None = None
    ) -> None:
        """The request was answered. `retried`: not at its first attempt. `tokens`: what it really used."""
        with self._lock:
            busy = self.in_flight >= USED * self._limit
            if not self._end(ticket, now, tokens):
                return
            self._refused, self._one_by_one = 0, False
            self._learn_latency(now, now - ticket.sent)
            self._allowance.learn(
                now,
                headers,
                sent=ticket.sent,
                requests=ticket.number,
                tokens=ticket.tokens_by_then,
                share=self._share,
            )
            if busy and not retried:
                self._clean += 1
                self._end_round(now)

    def limited(self, ticket: Ticket, now: float, headers: Headers, *, wall: float = 0.0) -> None:
        """The server answered 429. `wall`: seconds since 1970, for a server that says when, not how long."""
        with self._lock:
            if not self._end(ticket, now, 0):
                return
            self.limited_count += 1
            if self._latency is not None and ticket.limit <= self._limit:
                self._refused += 1
                self._fail(now)
            elif self._latency is None and ticket.age == self._age:
                self._refused += 1
                self._age += 1
                self._pace.pour(now, self._pace.rate / 2, 1.0)
            self._cool_down(now, retry_after(headers, wall))

    def _fail(self, now: float) -> None:
        before, self._failed = self._failed, self._limit
        again = before is not None and 0.85 * before < self._limit < 1.15 * before
        self._firm = before is not None
        self._creep = CREEP if again else 4 * CREEP
        self._creep_each = min(MAX_CREEP_EACH, self._creep_each * 1.5) if again else CREEP_EACH
        self._growth = GROWTH
        self._cut(now, CUT)

    def capacity(self, ticket: Ticket, now: float, headers: Headers, *, wall: float = 0.0) -> None:
        """The server answered 503 or 529: it has no room, whatever this client's limit is."""
        with self._lock:
            if not self._end(ticket, now, 0):
                return
            self.capacity_count += 1
            asked = retry_after(headers, wall) or 1.0
            heapq.heappush(self._resting, now + min(asked, MAX_COOL_DOWN) * (0.5 + self._random()))
            if ticket.age != self._age:
                return
            self._lost += 1
            if self._lost > 0.1 * self._limit:
                self._growth = GROWTH
                self._cut(now, CAPACITY_CUT)
            else:
                self._end_round(now)

    def neutral(self, ticket: Ticket, now: float) -> None:
        """The request ended in a way that says nothing of limits: another error, or it was given up."""
        with self._lock:
            self._end(ticket, now, None)

    def _end(self, ticket: Ticket, now: float, tokens: float | None) -> bool:
        if not ticket.open:
            return False
        ticket.open = False
        self.in_flight -= 1
        if tokens is not None:
            self._tokens.take(now, tokens - ticket.tokens)
        return True

    def _end_round(self, now: float) -> None:
        near = self._firm and self._failed is not None and NEAR * self._failed <= self._limit < 1.05 * self._failed
        if self._clean + self._lost < (max(8, self._limit) if near else self._limit):
            return
        if now < self._creep_at:
            return
        if not self._lost:
            self._grow(now, near)
        self._clean = self._lost = 0

    def _grow(self, now: float, near: bool) -> None:
        limit, failed = self._limit, self._failed
        if near:
            self._creep_at = now + self._creep_each
            grown = limit * (1 + self._creep)
        else:
            self._creep_at = now + (GATE if failed is not None else 0.0)
            grown = limit + max(min(1.0, limit / 8), self._growth * limit)
            if failed is None or limit >= failed:
                self._growth = min(1.0, 2 * self._growth)
            elif self._firm:
                grown = min(grown, max(NEAR * failed, limit * (1 + self._creep)))
        self._set(now, grown)

    def _cut(self, now: float, factor: float) -> None:
        self._age += 1
        self._clean = self._lost = 0
        self._creep_at = now + self._creep_each
        self._set(now, self._limit * factor)

    def _set(self, now: float, limit: float) -> None:
        self._limit = min(max(limit, LEAST), float(self.ceiling))
        self._set_pace(now)
        self.history.append(Sample(now, self.limit, self.in_flight, self.limited_count))
        if len(self.history) > HISTORY:
            del self.history[1:-1:2]

    def _set_pace(self, now: float) -> None:
        if self._latency is not None:
            slack = 2.0 if self._failed is None else PACE
            rate = slack * self._limit / max(self._latency, 1e-3)
            self._paced_for = self._latency
            self._pace.pour(now, rate, max(1.0, 0.1 * rate))

    def _learn_latency(self, now: float, seconds: float) -> None:
        if self._latency is None:
            self._latency = seconds
            self._set_pace(now)
        else:
            self._latency += (seconds - self._latency) / (
                max(16.0, self._limit) if self._failed is None else max(64.0, self._limit * MEMORY)
            )
            if not 0.95 < self._latency / self._paced_for < 1.05:
                self._set_pace(now)

    def _cool_down(self, now: float, asked: float | None) -> None:
        if now >= self._open_at:
            self._jitter = self._random()
        if not asked:  # 0 says nothing: Together sends it with answers of every kind
            asked = min(2.0 ** min(self._refused - 1, 10), MAX_COOL_DOWN)
        self._one_by_one = self._one_by_one or asked > MAX_COOL_DOWN
        until = now + min(asked, MAX_COOL_DOWN - 1) + self._jitter
        self._open_at = max(self._open_at, until)
        self._pace.drain(self._open_at)


def _per_minute(name: str, limit: float | None, share: float) -> Bucket:
    if limit is not None and not 0 < limit < math.inf:
        raise ValueError(f"{name} must be above 0, not {limit}")
    rate = math.inf if limit is None else limit * share / 60
    return Bucket(rate, max(1.0, rate))
