"""The controller of batch runs against models of services, in made-up time: how near the best possible does it come?

In: a model, a number of rows, a seed. Out: an Outcome; for all the models, a table.
The rule: nothing waits, and a seed gives the same outcome everywhere: events are taken from a heap in their order.
"""

from __future__ import annotations

import argparse
import heapq
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random

from benchmarks.services import MODELS, NOTHING, Service
from togetherpy._core.wire import Headers
from togetherpy.batch.limit import Limit, Ticket

REFUSAL = 0.05
"""Seconds until a 429 or a 503 has come."""
FIRST = 60.0
"""Seconds after which 429s count."""
REACH = 10
"""Seconds over which the rate must have been 90 % of the best to have reached it."""
CEILING = 256


@dataclass(frozen=True)
class Outcome:
    """What came of one run; until there was no row left to send, for the end of a run is no matter of limits."""

    seconds: float
    goodput: float  # rows answered, as a part of the best possible
    refused: float  # 429s for 1,000 requests after the first minute
    early: int  # 429s in the first minute
    lacking: int  # 503s
    reached: float  # seconds until 90 % of the best possible rate
    shares: tuple[float, ...]  # rows of each process as a part of its fair share, the least first


class _Process:
    """One process: its controller, and what it has counted."""

    def __init__(self, random: Random, share: int, ceiling: int, rpm: float | None) -> None:
        self.limit = Limit(max(1, ceiling // share), share=1 / share, rpm=rpm, random=random.random)
        self.again = 0  # rows refused, to be sent again
        self.wake = 0.0
        self.done = self.sent_late = self.refused_late = self.refused_early = self.lacking = 0


_Event = tuple[float, int, _Process, Ticket | None, int, Headers, bool]


class Simulation:
    """Rows of some processes on one key, sent to one service."""

    def __init__(
        self,
        service: Service,
        rows: int,
        processes: int = 1,
        seed: int = 1,
        share: int = 1,
        *,
        ceiling: int = CEILING,
        rpm: float | None = None,
    ) -> None:
        """`share`: each process knows that they are so many, and takes its part of `ceiling` and of `rpm`."""
        self._service = service
        self._left = rows
        self._random = Random(seed)
        self._processes = [_Process(Random(seed * 1000 + number), share, ceiling, rpm) for number in range(processes)]
        self._events: list[_Event] = []
        self._count = 0
        self._rates: list[tuple[float, int]] = []  # of each second: what was possible, and what was done

    def run(self) -> Outcome:
        """Until no row is left to be sent."""
        for process in self._processes:
            self._push(0.0, process, None, 0, NOTHING, False)
        now, second, done, ceiling = 0.0, 0, 0, CEILING * len(self._processes)
        while self._left:
            now, _, process, ticket, status, headers, again = heapq.heappop(self._events)
            while now >= second + 1:
                self._rates.append((self._service.possible(second, ceiling), done))
                second, done = second + 1, 0
            if ticket is None:
                if now < process.wake:
                    continue  # it was to be woken earlier since, and has been
                process.wake = math.inf
            else:
                done += status == 200
                self._end(now, process, ticket, status, headers, again)
            self._send(now, process)
        return self._outcome(now)

    def _end(self, now: float, process: _Process, ticket: Ticket, status: int, headers: Headers, again: bool) -> None:
        if status == 200:
            self._service.quota.leave()
            process.done += 1
            process.limit.succeeded(ticket, now, headers, retried=again)
            return
        process.again += 1
        if status == 429:
            process.limit.limited(ticket, now, headers)
        else:
            process.lacking += 1
            process.limit.capacity(ticket, now, headers)

    def _send(self, now: float, process: _Process) -> None:
        while self._left or process.again:
            ticket = process.limit.admit(now)
            if not isinstance(ticket, Ticket):
                if now + ticket < process.wake:
                    process.wake = now + ticket
                    self._push(process.wake, process, None, 0, NOTHING, False)
                return
            again = process.again > 0
            if again:
                process.again -= 1
            else:
                self._left -= 1
            status, headers = self._service.arrive(now)
            if now >= FIRST:
                process.sent_late += 1
                process.refused_late += status == 429
            else:
                process.refused_early += status == 429
            took = self._service.latency.draw(self._random) if status == 200 else REFUSAL
            self._push(now + took, process, ticket, status, headers, again)

    def _push(
        self, at: float, process: _Process, ticket: Ticket | None, status: int, headers: Headers, again: bool
    ) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, process, ticket, status, headers, again))

    def _outcome(self, now: float) -> Outcome:
        every = self._processes
        done = sum(process.done for process in every)
        possible = sum(most for most, _ in self._rates) or math.inf
        return Outcome(
            seconds=now,
            goodput=sum(count for _, count in self._rates) / possible,
            refused=1000 * sum(p.refused_late for p in every) / max(1, sum(p.sent_late for p in every)),
            early=sum(process.refused_early for process in every),
            lacking=sum(process.lacking for process in every),
            reached=self._reached(),
            shares=tuple(sorted(process.done * len(every) / max(1, done) for process in every)),
        )

    def _reached(self) -> float:
        for start in range(len(self._rates) - REACH + 1):
            some = self._rates[start : start + REACH]
            if sum(count for _, count in some) >= 0.9 * sum(most for most, _ in some):
                return start
        return math.inf


def table(rows: int, names: Iterable[str], say: Callable[[str], None]) -> None:
    """Every model by one process and by eight on one key, as lines of a Markdown table."""
    say("| service | processes | goodput / best | 429s per 1,000 | in the first minute | 503s | to 90 % | shares |")
    say("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in names:
        for processes in (1, 8):
            got = Simulation(MODELS[name](), rows, processes).run()
            shares = f"{got.shares[0]:.2f} to {got.shares[-1]:.2f}" if processes > 1 else ""
            say(
                f"| {name} | {processes} | {got.goodput:.1%} | {got.refused:.1f} | {got.early:,} | {got.lacking:,} "
                f"| {got.reached:,.0f} s | {shares} |"
            )


def main(arguments: list[str]) -> int:
    """`python -m benchmarks simulate [MODEL ...] [--rows N]`: exit code 2 for a model that is not known."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks simulate", description="The controller of batch runs against models of services."
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"which: {'; '.join(MODELS)} (default: all)")
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="rows in each run (default: 100000)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.models if name not in MODELS]
    if unknown:
        print(f"unknown model {unknown[0]!r}; known: {'; '.join(MODELS)}", file=sys.stderr)
        return 2
    table(options.rows, options.models or MODELS, partial(print, flush=True))
    return 0
