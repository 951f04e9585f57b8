"""Whether the next request may go now: what became of each request goes in, leave to send the next comes out.

In: the ends of requests with their times and headers. Out: a Ticket, or the seconds to wait for one.
The rule: the limit follows the server (`window`), without bursts (`pace`), heeding what the server says is left
(`allowance`). A cool-down is another clock, and for all. Time and chance are arguments.
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
from togetherpy.batch.pace import Pace
from togetherpy.batch.window import Window

CEILING = 256
USED = 0.8
"""The part of the limit that must be in flight for a success to count towards its growth."""
MAX_COOL_DOWN = 120.0
"""Seconds; a server that asks for more is asked again by one request at a time."""
RELEASE = 1.0
"""Seconds over which those who cool down together come back."""
REST = 1.0
"""Seconds that the place of a request rests after a 503 that names no time."""
HISTORY = 2048
INSTANT = 1e-6
"""Seconds, too few to wait for: a sum of times may be a little less than its parts."""


class Ticket:
    """Leave to send one request; it is given back once, with what became of the request."""

    __slots__ = ("age", "limit", "number", "open", "sent", "tokens", "tokens_by_then")

    def __init__(self, limit: float, age: int, sent: float, tokens: float, number: int, tokens_by_then: float) -> None:
        self.limit: float = limit
        self.age: int = age
        self.sent: float = sent
        self.tokens: float = tokens
        self.number: int = number
        self.tokens_by_then: float = tokens_by_then
        self.open: bool = True


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
        self._window = Window(ceiling)
        self.bound(ceiling, rpm=rpm, tpm=tpm, share=share)
        self._window.size = max(1.0, self._window.size * share)  # all together begin as one would
        self._pace = Pace(self._window.size)
        self._allowance = Allowance()
        self._succeeded = False  # a request, once
        self._age = 0  # how often the window, or before the first answer the pace, was cut
        self._open_at = -math.inf
        self._jitter = 0.0
        self._refused = 0  # cuts since the last success
        self._one_by_one = False
        self._resting: list[float] = []  # when places that rest after a 503 are free again: a heap
        self._sent, self._sent_tokens = 0, 0.0
        self.in_flight: int = 0
        self.limited_count: int = 0
        self.capacity_count: int = 0
        self.history: list[Sample] = []
        """Each change of the limit; of a long run, fewer of them the longer it is."""

    def bound(
        self, ceiling: int = CEILING, *, rpm: float | None = None, tpm: float | None = None, share: float = 1.0
    ) -> None:
        """Other bounds from now on; what has been learnt stays. Raises ValueError: one is out of range."""
        if ceiling < 1:
            raise ValueError(f"concurrency must be at least 1, not {ceiling}")
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share}")
        requests, tokens = _per_minute("rpm", rpm, share), _per_minute("tpm", tpm, share)
        with self._lock:
            self.ceiling: int = ceiling
            self._share = share
            self._requests, self._tokens = requests, tokens
            self._window.size = min(self._window.size, float(ceiling))

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return max(1, math.ceil(min(self._window.size, self.ceiling) - INSTANT))

    @property
    def cool_until(self) -> float:
        """The time before which nothing is sent; long past when there is no cool-down."""
        return self._open_at

    def admit(self, now: float, tokens: float = 0) -> Ticket | float:
        """A ticket, or the seconds until it is worth asking again; math.inf: when one of the requests has ended.

        `tokens`: what the request will use, roughly, prompt and answer.
        """
        with self._lock:
            wait = self._wait(now, tokens)
            if wait > INSTANT:
                return wait
            self._pace.take(now)
            self._requests.take(now)
            self._tokens.take(now, tokens)
            self.in_flight += 1
            self._sent += 1
            self._sent_tokens += tokens
            return Ticket(self._window.size, self._age, now, tokens, self._sent, self._sent_tokens)

    def succeeded(
        self, ticket: Ticket, now: float, headers: Headers, *, retried: bool = False, tokens: float | None = None
    ) -> None:
        """The request was answered. `retried`: not at its first attempt. `tokens`: what it really used."""
        with self._lock:
            busy = self.in_flight >= USED * self._window.size
            if not self._end(ticket, now, tokens):
                return
            self._refused, self._one_by_one = 0, False
            if not self._succeeded:
                self._succeeded = True
                self._pace.forget()
            self._pace.learn(now, now - ticket.sent, self._window.size, self._window.failed is not None)
            self._allowance.learn(
                now, headers, sent=ticket.sent, requests=ticket.number, tokens=ticket.tokens_by_then, share=self._share
            )
            if busy and not retried:
                before = self._window.size
                self._window.succeed(now, self.ceiling)
                if self._window.size != before:
                    self._follow(now)

    def limited(self, ticket: Ticket, now: float, headers: Headers, *, wall: float = 0.0) -> None:
        """The server answered 429. `wall`: seconds since 1970, for a server that says when, not how long."""
        with self._lock:
            if not self._end(ticket, now, 0):
                return
            self.limited_count += 1
            if not self._succeeded:
                if ticket.age == self._age:
                    self._pace.halve(now)
                    self._cut()
            elif ticket.limit <= self._window.size:
                self._window.fail(now)
                self._cut()
                self._follow(now)
            self._cool_down(now, retry_after(headers, wall))

    def capacity(self, ticket: Ticket, now: float, headers: Headers, *, wall: float = 0.0) -> None:
        """The server answered 503 or 529: it has no room, whatever this client's limit is. The place rests."""
        with self._lock:
            if not self._end(ticket, now, 0):
                return
            self.capacity_count += 1
            rest = min(retry_after(headers, wall) or REST, MAX_COOL_DOWN)
            heapq.heappush(self._resting, now + rest * (0.5 + self._random()))
            before = self._window.size
            if ticket.age == self._age and self._window.lack(now, self.ceiling):
                self._age += 1
            if self._window.size != before:
                self._follow(now)

    def answered(self, ticket: Ticket, now: float) -> None:
        """The server said what is wrong with the request: nothing of limits, but how long its answers take."""
        with self._lock:
            if self._end(ticket, now, None):
                self._pace.learn(now, now - ticket.sent, self._window.size, self._window.failed is not None)

    def neutral(self, ticket: Ticket, now: float) -> None:
        """The request ended in a way that says nothing at all: no answer came, or it was given up."""
        with self._lock:
            self._end(ticket, now, None)

    def _wait(self, now: float, tokens: float) -> float:
        while self._resting and self._resting[0] <= now + INSTANT:
            heapq.heappop(self._resting)
        most = 1 if self._one_by_one else self.limit
        if self.in_flight >= most:
            return math.inf
        wait = max(self._open_at - now, self._pace.wait(now), self._requests.wait(now), self._tokens.wait(now, tokens))
        if self._resting and self.in_flight + len(self._resting) >= most:
            wait = max(wait, self._resting[0] - now)
        return max(wait, self._allowance.wait(now, self._sent + 1, self._sent_tokens + tokens))

    def _end(self, ticket: Ticket, now: float, tokens: float | None) -> bool:
        """False: this ticket has been given back before."""
        if not ticket.open:
            return False
        ticket.open = False
        self.in_flight -= 1
        if tokens is not None:
            self._tokens.take(now, tokens - ticket.tokens)
        return True

    def _cut(self) -> None:
        self._age += 1
        self._refused += 1

    def _follow(self, now: float) -> None:
        self._pace.follow(now, self._window.size, self._window.failed is not None)
        self.history.append(Sample(now, self.limit, self.in_flight, self.limited_count))
        if len(self.history) > HISTORY:
            del self.history[1:-1:2]

    def _cool_down(self, now: float, asked: float | None) -> None:
        if now >= self._open_at:
            self._jitter = self._random() * RELEASE
        if not asked:  # 0 says nothing: Together sends it with answers of every kind
            asked = min(2.0 ** min(max(self._refused - 1, 0), 10), MAX_COOL_DOWN - RELEASE)
        self._one_by_one = self._one_by_one or asked > MAX_COOL_DOWN
        self._open_at = max(self._open_at, now + min(asked, MAX_COOL_DOWN - RELEASE) + self._jitter)
        self._pace.stop(self._open_at)


def _per_minute(name: str, limit: float | None, share: float) -> Bucket:
    if limit is not None and not 0 < limit < math.inf:
        raise ValueError(f"{name} must be above 0, not {limit}")
    rate = math.inf if limit is None else limit * share / 60
    return Bucket(rate, max(1.0, rate))
