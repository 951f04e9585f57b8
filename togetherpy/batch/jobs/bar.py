"""How far all jobs are, as one bar.

In: Jobs, after each look. Out: what `progress` shows of a run: a bar, or a line. The rule: rows that are done are what
the jobs' progress says, and no more.
"""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Self

from togetherpy.batch.jobs.report import Jobs
from togetherpy.batch.progress import Progress, clock


class Standing(NamedTuple):
    """How the jobs stand."""

    done: int
    total: int
    skipped: int
    """Rows that were done at the first look."""
    jobs: int
    over: int
    queued: int
    tokens: int = 0
    """Nobody says how many."""

    def note(self, tokens_rate: float) -> str:
        """What is said beside the bar."""
        queued = f", {self.queued} queued" if self.queued else ""
        return f"{self.over} of {self.jobs} jobs have ended{queued}"

    def line(self, rows_rate: float, tokens_rate: float, *, color: bool = False) -> str:
        """All of it in one line."""
        eta = f", ETA {clock((self.total - self.done) / rows_rate)}" if rows_rate > 0 else ""
        return f"{self.done}/{self.total} rows, {self.note(tokens_rate)}{eta}"


class Bar:
    """A context manager; `show` takes the Jobs."""

    def __init__(self, *, shown: bool = True) -> None:
        self._standing = Standing(0, 0, 0, 0, 0, 0)
        self._first: int | None = None
        self._progress: Progress | None = Progress(lambda: self._standing) if shown else None

    def show(self, jobs: Jobs) -> None:
        """After a look."""
        done = int(sum(job.rows if job.final else job.rows * job.progress / 100 for job in jobs.jobs))
        self._first = done if self._first is None else self._first
        over = sum(job.final for job in jobs.jobs)
        total = sum(job.rows for job in jobs.jobs)
        self._standing = Standing(done, total, self._first, len(jobs.jobs), over, jobs.queued)
        if self._progress is not None:
            self._progress.show()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.end(shown=True)
