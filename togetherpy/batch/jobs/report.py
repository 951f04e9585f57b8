"""How the jobs of a directory stand.

In: a plan. Out: Jobs, as a value, a table, JSON. The rule: what is not known is not said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from togetherpy.batch.jobs.journal import Chunk, Plan


class JobState(msgspec.Struct, kw_only=True):
    """One job, or a chunk that has none yet."""

    chunk: int
    """From 1."""
    rows: int
    """Rows in it."""
    model: str
    """The model that answers them."""
    status: str
    """The service's word; QUEUED: it will be made when the service takes more; REFUSED: the service would not have it;
    DROPPED: it was cancelled before it was made; PREPARED: it is not made yet."""
    progress: float
    """From 0 to 100, as the service says."""
    final: bool
    """Nothing more will become of it."""
    job_id: str | None
    """The service's id of the job."""
    input_file_id: str | None
    """The file of its rows."""
    output_file_id: str | None
    """The file of the answers."""
    error_file_id: str | None
    """The file of the rows that failed."""
    error: str | None
    """What the service says of it."""


class Jobs(msgspec.Struct, kw_only=True):
    """What `submit`, `status`, `wait` and `cancel` return."""

    directory: str
    """Where it is written down what was done."""
    input: str
    """The path of the rows: to go on with `run`."""
    rows: int
    """Rows of all chunks."""
    refused: int
    """Rows that cannot be sent; they end as failures in the output."""
    jobs: list[JobState]
    """One for each chunk."""

    @property
    def final(self) -> bool:
        """Nothing more will become of any of them."""
        return all(job.final for job in self.jobs)

    @property
    def queued(self) -> int:
        """Jobs that are not made yet."""
        return sum(job.job_id is None and not job.final for job in self.jobs)

    @property
    def failed(self) -> bool:
        """Some rows surely have no answer, or may have none."""
        bad = any(job.final and (job.status != "COMPLETED" or job.error_file_id is not None) for job in self.jobs)
        return bool(self.refused) or bad

    def table(self) -> str:
        """A line for each job."""
        head = ("chunk", "rows", "model", "job", "status", "progress")
        lines = [head] + [
            (str(job.chunk), str(job.rows), job.model, job.job_id or "-", job.status, f"{job.progress:.0f}%")
            for job in self.jobs
        ]
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        right = {0, 1, 5}
        text = [
            "  ".join(cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in row).rstrip()
            for row in (enumerate(zip(line, widths, strict=True)) for line in lines)
        ]
        notes = [f"chunk {job.chunk}: {job.error}" for job in self.jobs if job.error]
        if self.refused:
            count = f"{self.refused} row{'s' * (self.refused != 1)}"
            notes.append(f"{count} cannot be sent; `download` brings each into the output as a failure")
        return "\n".join([*text, *notes])


_WORDS = {"queued": "QUEUED", "refused": "REFUSED", "dropped": "DROPPED"}


def jobs_of(directory: str, plan: Plan) -> Jobs:
    """The plan as a value for the caller."""
    return Jobs(
        directory=directory,
        input=plan.input,
        rows=plan.rows,
        refused=plan.refused,
        jobs=[_state(chunk) for chunk in plan.chunks],
    )


def _state(chunk: Chunk) -> JobState:
    return JobState(
        chunk=chunk.chunk,
        rows=chunk.rows,
        model=chunk.model,
        status=_WORDS.get(chunk.step) or chunk.status or "PREPARED",
        progress=chunk.progress,
        final=chunk.over,
        job_id=chunk.job_id,
        input_file_id=chunk.file_id,
        output_file_id=chunk.output_file_id,
        error_file_id=chunk.error_file_id,
        error=chunk.error,
    )
