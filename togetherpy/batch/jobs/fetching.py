"""What came of jobs, as the output of a run.

In: a journal whose jobs have ended. Out: their files of results in the directory, and a line for each row in the
output. The rule: a row without an answer is a failure that says why; a row has one line, however often this is done;
answers that the output has already, from a live run above all, stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._core.steps import Steps, Work
from togetherpy.batch.envelope import RowFailure, failure_of
from togetherpy.batch.errors import BatchError
from togetherpy.batch.jobs.cutting import REFUSED, read_sent, rows_name
from togetherpy.batch.jobs.journal import Chunk, Journal
from togetherpy.batch.jobs.service import Service, results_name
from togetherpy.batch.options import make_options
from togetherpy.batch.rows import Row, RowError

if TYPE_CHECKING:
    from togetherpy.batch.tally import MergeSummary

KINDS = "output", "error"
_CODES = {
    "COMPLETED": "missing",
    "EXPIRED": "batch_expired",
    "CANCELLED": "batch_cancelled",
    "CANCELED": "batch_cancelled",
}
_NO_JOB = {
    "refused": ("batch_refused", "was refused by the service"),
    "dropped": ("batch_cancelled", "was cancelled before it was submitted"),
}
"""By the step of a chunk."""


def download_all(service: Service, journal: Journal, output: str, partial_too: bool) -> Steps[MergeSummary]:
    """Fetches every file, and merges them. Raises BatchError."""
    chunks = journal.plan.chunks
    for chunk in chunks:
        if chunk.active:
            yield from service.look(chunk)
    left = sum(not chunk.over for chunk in chunks)
    if left and not partial_too:
        raise BatchError(
            f"{left} of {len(chunks)} jobs have not ended; wait for them first, for a run on the output would send "
            "their rows a second time (--partial takes what there is)"
        )
    for name in os.listdir(journal.directory):
        if name.endswith(".part"):  # of a download that was killed
            os.unlink(journal.path(name))
    for chunk in chunks:
        if not chunk.over:
            continue
        yield from service.look_for_files(chunk)
        for kind in KINDS:
            yield from service.fetch(chunk, kind)
    summary: MergeSummary = yield Work(partial(_merge, journal, output))
    return summary


def _merge(journal: Journal, output: str) -> MergeSummary:
    from togetherpy.batch.merging import merge_results

    plan = journal.plan
    options = make_options(output, None, {**plan.reading, **plan.params})
    files = [journal.path(results_name(chunk, kind)) for chunk in plan.chunks for kind in chunk.fetched]
    journal.add(merging=output)
    done = merge_results(_Sent(journal), options, files, name_in_files=_name, why_absent=_why)
    journal.add(merged=output)
    return done


class _SentRow(Row):
    """A row, and what became of the job that it was sent in."""

    sent: str = ""
    chunk: Chunk | None = None


def _name(row: Row) -> bytes:
    return msgspec.json.encode(row.sent if isinstance(row, _SentRow) else "")


class _Sent:
    """The rows of the jobs that have ended, and those that could not be sent."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.name: str | None = journal.plan.input

    def read(self) -> Iterator[Row]:
        """As Readable."""
        for chunk in self._journal.plan.chunks:
            if chunk.over:
                yield from self._of(rows_name(chunk.chunk), chunk)
        yield from self._of(REFUSED, None)

    def _of(self, name: str, chunk: Chunk | None) -> Iterator[Row]:
        for one in read_sent(self._journal.path(name)):
            self._journal.check_open()
            row = one.row()
            yield _SentRow(row.index, row.line, row.custom_id, row.number, row.fields, row.error, one.sent, chunk)


def _why(row: Row) -> RowFailure:
    """Why a row is in no file of results."""
    if row.error is not None:
        return failure_of(RowError(row.error), row)
    chunk: Any = getattr(row, "chunk", None)
    said = f": {chunk.error}" if chunk.error else ""
    if chunk.job_id is None:
        code, what = _NO_JOB[chunk.step]
        return RowFailure(code, f"its job {what}{said}", None, None, None)
    code = _CODES.get(chunk.status, "batch_failed")
    what = "and its files have no line of this row" if chunk.status == "COMPLETED" else "before this row was answered"
    return RowFailure(code, f"its job {chunk.job_id} is {chunk.status} {what}{said}", None, None, None)
