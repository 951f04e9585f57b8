"""The arithmetic: from what one row costs here to what very many cost on many workers.

In: a job and what was measured. Out: lines of a table, and for each what it may take before it breaks.
The rule: every figure is a measured one times the job's numbers; `room` is how many times the job's size would fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.scale.measured import Measured

HOUR = 3600.0
REFUSED = 30.0  # of 1,000 requests, at most


@dataclass(frozen=True)
class Job:
    """What is to be done, and with what."""

    rows: float
    workers: int
    prompt: float  # tokens of a row
    completion: float
    rpm: float
    tpm: float
    latency: float  # seconds; half of the answers take longer, one in twenty four times as long
    concurrency: int  # in flight, all workers together; 0: as many as the rate needs
    stores: int  # directories, each for its part of the rows and of the workers; 0: none
    ram: float  # bytes a worker may have
    disk: float  # bytes a second that the shared directories give, all workers together
    days: float  # until when it is to be done

    @property
    def rate(self) -> float:
        """Rows a second that the service's limits let in."""
        return min(self.rpm, self.tpm / (self.prompt + self.completion)) / 60

    @property
    def seconds(self) -> float:
        """That an answer takes, on average: log-normal, as the simulator's services are."""
        return self.latency * math.exp((math.log(4) / 1.6449) ** 2 / 2)

    @property
    def each(self) -> int:
        """In flight in a worker: what `ChatOp(concurrency=..., share=workers)` gives it."""
        wanted = self.concurrency or math.ceil(1.25 * self.rate * self.seconds)
        return max(1, math.ceil(wanted / self.workers) if not self.concurrency else wanted // self.workers)

    @property
    def flight(self) -> int:
        return self.each * self.workers


@dataclass(frozen=True)
class Shared:
    """What became of a limit that some workers shared, in the simulation."""

    workers: int
    refused: float  # of 1,000 requests after the first minute
    rate: float  # rows a second, of those that the limit lets in


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    what: str
    measured: str
    total: str
    each: str = ""  # of a worker
    room: float = math.inf
    """How many times as much would fit; below 1 it does not."""


def pace(job: Job) -> float:
    """Rows a second: the least of what the limits let in and what is in flight. CPU is looked at apart."""
    return min(job.rate, job.flight / job.seconds)


def lines(job: Job, got: Measured) -> Iterator[Line]:
    rows, workers = job.rows, job.workers
    wall = rows / pace(job)
    yield Line("rows", "", f"{rows:,.0f}", f"{rows / workers:,.0f}")
    tokens = job.prompt + job.completion
    yield Line("tokens", f"{tokens:,.0f} a row", big(rows * tokens))
    deadline = job.days * 86400
    yield Line(
        "time by the service's limits", f"{job.rate:,.0f} rows/s", span(rows / job.rate), "", deadline * job.rate / rows
    )
    by_flight = job.flight / job.seconds
    yield Line(
        "time by what is in flight",
        f"{job.seconds:.1f} s an answer, {by_flight:,.0f} rows/s",
        span(rows / by_flight),
        f"{job.each:,} in flight",
        deadline * by_flight / rows,
    )
    yield from _processor(job, got, wall)
    yield from _memory(job, got)
    yield from _connections(job)
    yield from _refusals(job, got)
    if job.stores:
        yield from _store(job, got, wall)


def _processor(job: Job, got: Measured, wall: float) -> Iterator[Line]:
    """A worker has one core as long as the job takes."""
    own = job.rows / job.workers

    def line(what: str, cpu: float, times: float, unit: str) -> Line:
        mine = cpu * times
        return Line(
            what,
            f"{cpu * 1e6:,.2f} us {unit}",
            f"{mine * job.workers / HOUR:,.0f} h",
            span(mine),
            wall / mine if mine else math.inf,
        )

    yield line("CPU, asking", got.row_cpu, own, "a row")
    if job.stores:
        others = job.workers / job.stores - 1
        yield line("CPU, store: hashing, writing", got.kept_cpu, own, "a row")
        yield line("CPU, store: are there news?", got.look_cpu, own * max(0.0, others), "a row and other worker")
        yield line("CPU, store: reading news", got.entry_cpu, own * max(0.0, others), "a row of others")
        locks = job.flight / job.stores
        yield line("CPU, store: claiming", got.claim_cpu, own * locks, "a row and request in flight")


def _memory(job: Job, got: Measured) -> Iterator[Line]:
    mine = got.worker_bytes + got.flight_bytes * job.each
    yield Line(
        "memory, asking",
        f"{size(got.worker_bytes)} + {size(got.flight_bytes)} a request in flight",
        size(mine * job.workers),
        size(mine),
        job.ram / mine,
    )


def _connections(job: Job) -> Iterator[Line]:
    files, ports = _bounds()
    yield Line(
        "connections",
        f"{files:,} files, {ports:,} ports a machine",
        f"{job.flight:,}",
        f"{job.each:,}",
        min(files, ports) / job.each,
    )


def _bounds() -> tuple[int, int]:
    """Files that a process may have open, ports that a machine has for connections to one address."""
    try:
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = files if files != resource.RLIM_INFINITY else 1 << 20
    except ImportError:
        files = 512
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as text:
            first, last = map(int, text.read().split())
    except OSError:
        first, last = 49152, 65535
    return files, last - first + 1


def _refusals(job: Job, got: Measured) -> Iterator[Line]:
    for name, shared in (("share=N", got.untold), ("share=N and rpm, tpm", got.told)):
        yield Line(
            f"429s, {name}",
            f"{shared.refused:.1f} of 1,000 by {shared.workers:,} workers",
            big(job.rows * shared.refused / 1000),
            f"{shared.rate:.0%} of the limit's rate",
            REFUSED / shared.refused if shared.refused else math.inf,
        )


def _store(job: Job, got: Measured, wall: float) -> Iterator[Line]:
    kept, workers = job.rows / job.stores, job.workers / job.stores
    yield Line(
        "store, on disk",
        f"{got.row_bytes:,.0f} B a row",
        size(job.rows * got.row_bytes),
        size(kept * got.row_bytes) + " a store",
    )
    mine = kept * got.entry_bytes
    yield Line(
        "store, in memory",
        f"{got.entry_bytes:.0f} B a row of it",
        size(mine * job.workers),
        size(mine),
        job.ram / mine if mine else math.inf,
    )
    read = kept * got.row_bytes
    rate = read * job.workers / wall
    yield Line(
        "store, read by all while it grows",
        f"{job.disk / 1e6:,.0f} MB/s there are",
        f"{size(rate)}/s",
        f"{size(read)}",
        job.disk / rate if workers > 1 else math.inf,
    )
    again = max(kept * got.entry_cpu, read * job.workers / job.disk)
    yield Line(
        "store, opened again when it is full",
        f"{got.entry_cpu * 1e6:.2f} us a row",
        span(again),
        "",
        job.days * 86400 / again,
    )


def verdict(found: list[Line]) -> Iterator[str]:
    """What breaks, the first first; or what would."""
    tight = sorted((line for line in found if line.room < math.inf), key=lambda line: line.room)
    broken = [line for line in tight if line.room < 1]
    for place, line in enumerate(broken):
        yield f"{'Breaks first' if not place else 'Then'}: {line.what}; there is room for {line.room:.1%} of it."
    if not broken:
        yield f"Nothing breaks. Nearest: {tight[0].what}; there is room for {tight[0].room:.1f} times as much."


def big(number: float) -> str:
    for unit, one in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= one:
            return f"{number / one:,.1f} {unit}"
    return f"{number:,.0f}"


def size(count: float) -> str:
    return big(count) + "B" if count >= 1e3 else f"{count:,.0f} B"


def span(seconds: float) -> str:
    for unit, one in (("days", 86400.0), ("h", HOUR), ("min", 60.0)):
        if seconds >= one:
            return f"{seconds / one:,.1f} {unit}"
    return f"{seconds:,.1f} s"
