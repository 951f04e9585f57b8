"""What a run came to.

In: what became of each row. Out: counts as they are now, and the BatchSummary at the end.
The rule: what is counted is on disk; memory does not grow with the rows.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

_FINE = 100
"""Steps of a factor of ten in which latencies are counted."""


class BatchSummary(msgspec.Struct, kw_only=True):
    """What a run came to. `rows` are those of the input that were read, in this run and earlier ones on its output."""

    rows: int = 0
    """Rows of the input that were read."""
    succeeded: int = 0
    """Rows with an answer in the output, those of earlier runs included."""
    failed: int = 0
    """Rows that failed in this run and stand in the output with their error."""
    skipped: int = 0
    """Rows that an earlier run had finished."""
    prompt_tokens: int = 0
    """Tokens of the prompts, as the answers of this run say it."""
    completion_tokens: int = 0
    """Tokens of the answers, likewise."""
    total_tokens: int = 0
    """That the answers of this run say they took."""
    maybe_billed: int = 0
    """Attempts of this run that may have been charged for without an answer."""
    retries: dict[str, int] = {}
    """Requests that were sent again, by reason: an HTTP status, "timeout", "connection" ..."""
    seconds: float = 0.0
    """How long the run took."""
    rows_per_second: float = 0.0
    """Rows that this run settled, by its seconds."""
    tokens_per_second: float = 0.0
    """Tokens of this run, by its seconds."""
    latency: dict[str, float] = {}
    """Seconds of the attempts that settled a row: p50, p95 and p99."""
    limits: dict[str, list[list[float]]] = {}
    """For each model how many could be in flight over time: [seconds, limit, in flight, 429 answers]."""
    cost: float | None = None
    """US dollars, by the prices of `models.list`; None where there is no price."""
    first_failure: str | None = None
    """What the output says of the first row that failed in this run."""
    stopped: str | None = None
    """Why the run ended before its input: None when it did not."""
    exit_code: int = 0
    """What `togetherpy batch run` exits with."""
    output: str | None = None
    """The path of the output."""


class MergeSummary(msgspec.Struct, kw_only=True):
    """What a merge came to."""

    rows: int = 0
    """Of the input; without one, custom_ids in the files."""
    succeeded: int = 0
    """Rows with an answer in the output, `kept` ones included."""
    failed: int = 0
    """Rows that stand in the output with their error."""
    kept: int = 0
    """Rows that the output had an answer for already; it stays."""
    failures: dict[str, int] = {}
    """The failed ones by code: "missing", "batch_expired", "http_400" ..."""
    unasked: int = 0
    """Results of rows that are not in the input; they are in no output."""
    duplicates: int = 0
    """Results that another one of the same row went before: a success before a failure, later before earlier."""
    invalid: int = 0
    """Lines of the files that are no result."""
    complaints: list[str] = []
    """Of the first invalid lines, with file and line, and of the first unasked results."""
    prompt_tokens: int = 0
    """Tokens of the prompts, as the merged answers say it."""
    completion_tokens: int = 0
    """Tokens of the answers, likewise."""
    total_tokens: int = 0
    """That the merged answers say they took."""
    output: str | None = None
    """The path of the output."""

    @property
    def exit_code(self) -> int:
        """What `togetherpy batch merge` exits with: 3 when rows failed."""
        return 3 if self.failed else 0


class Tally:
    """The counts while a run runs."""

    rows: int
    succeeded: int
    failed: int
    skipped: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    maybe_billed: int

    def __init__(self) -> None:
        self.begun: float = time.monotonic()
        self.rows = self.succeeded = self.failed = self.skipped = 0
        self.prompt_tokens = self.completion_tokens = self.total_tokens = 0
        self.maybe_billed = 0
        self.cost: float | None = None
        self.first_failure: str | None = None
        self._latencies: Counter[int] = Counter()

    def settled(self, *, good: bool, seconds: float, billed: int, usage: Mapping[str, Any] | None) -> None:
        """One row stands in the output."""
        if good:
            self.succeeded += 1
        else:
            self.failed += 1
        self.maybe_billed += billed
        if seconds > 0:
            self._latencies[round(_FINE * math.log10(seconds))] += 1
        add_usage(self, usage)

    def add_cost(self, dollars: float | None) -> None:
        """What a row cost."""
        if dollars is not None:
            self.cost = (self.cost or 0.0) + dollars

    def latency(self) -> dict[str, float]:
        """p50, p95, p99 in seconds, to about two percent."""
        found: dict[str, float] = {}
        count, below = sum(self._latencies.values()), 0
        if not count:
            return {}
        wanted = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        for step in sorted(self._latencies):
            below += self._latencies[step]
            while wanted and below >= wanted[0][1] * count:
                found[wanted.pop(0)[0]] = round(10 ** (step / _FINE), 4)
        return found

    def summary(self, **more: Any) -> BatchSummary:
        """All of it."""
        seconds = max(time.monotonic() - self.begun, 1e-9)
        settled = self.succeeded + self.failed
        return BatchSummary(
            rows=self.rows,
            succeeded=self.succeeded + self.skipped,
            failed=self.failed,
            skipped=self.skipped,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            total_tokens=self.total_tokens,
            maybe_billed=self.maybe_billed,
            seconds=round(seconds, 3),
            rows_per_second=round(settled / seconds, 3),
            tokens_per_second=round(self.total_tokens / seconds, 3),
            latency=self.latency(),
            cost=self.cost,
            first_failure=self.first_failure,
            **more,
        )


def json_of(summary: BatchSummary) -> str:
    """The summary as JSON text."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2).decode() + "\n"


def add_usage(counts: Tally | MergeSummary, usage: Mapping[str, Any] | None) -> None:
    """An answer's tokens, as far as it says how many, to those of others."""
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        if usage and isinstance(count := usage.get(name), int):
            setattr(counts, name, getattr(counts, name) + count)
