"""Many requests: in memory, from file to file, as jobs of the service.

In: rows. Out: a line for each, or a MapResult. The rule: importing this starts nothing, and loads what it needs when
it is needed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Unpack

from togetherpy.batch.errors import BatchError, StalledError, SystemicError
from togetherpy.batch.jobs.report import Jobs, JobState
from togetherpy.batch.operator import ChatOp
from togetherpy.batch.results import MapResult
from togetherpy.batch.tally import BatchSummary, MergeSummary

if TYPE_CHECKING:
    from togetherpy.batch.jobs.beginning import JobOptions
    from togetherpy.batch.options import RunOptions
    from togetherpy.client import AsyncTogether, Together

__all__ = [
    "BatchError",
    "BatchSummary",
    "ChatOp",
    "JobState",
    "Jobs",
    "MapResult",
    "MergeSummary",
    "StalledError",
    "SystemicError",
    "acancel",
    "adownload",
    "arun",
    "astatus",
    "asubmit",
    "await_jobs",
    "cancel",
    "download",
    "merge",
    "run",
    "status",
    "submit",
    "wait",
]


def run(
    input: str | os.PathLike[str] | Iterable[Any],  # noqa: A002  what the command calls it, too
    output: str | os.PathLike[str],
    *,
    client: Together | AsyncTogether | None = None,
    model: str | None = None,
    **options: Unpack[RunOptions],
) -> BatchSummary:
    """Sends every row of the input and writes a line for each into the output; goes on with an output that is there.

    input: a path of JSON lines (.gz, .zst by name), "-" for standard input, or an iterable of dicts. A row is
        `{"custom_id", "body"}` (OpenAI's `method` and `url` may stand there), `{"messages": [...]}` or
        `{"prompt": "..."}`; other columns are carried through. With `text=True` each line is a prompt.
    output: a path, or "-" for standard output. Rows that are finished there are skipped, failed ones sent again.
    client: whose configuration is used; default `Together()`.
    model: for rows that name none.
    options: see RunOptions. What is not listed there goes to the model, as in `create`.

    Returns a BatchSummary. `failed` rows stand in the output with their error. Ctrl-C once lets what is in flight end,
    then raises KeyboardInterrupt; twice ends at once.

    Raises:
        TypeError, ValueError: an argument that cannot be meant.
        BatchError: it could not begin, or stopped early (StalledError, SystemicError ...): `.summary` says how far it
            came; the same call goes on with it.
    """
    from togetherpy.batch.running import run_here

    return run_here(input, output, client, model, dict(options))


async def arun(
    input: str | os.PathLike[str] | Iterable[Any] | AsyncIterable[Any],  # noqa: A002
    output: str | os.PathLike[str],
    *,
    client: Together | AsyncTogether | None = None,
    model: str | None = None,
    **options: Unpack[RunOptions],
) -> BatchSummary:
    """`run` on the caller's event loop; async iterables as well. Cancelling it ends it at once; it can be gone on with.

    Raises:
        TypeError, ValueError, BatchError: as `run`.
    """
    from togetherpy.batch.running import run_on_this_loop

    return await run_on_this_loop(input, output, client, model, dict(options))


def merge(
    input: str | os.PathLike[str] | Iterable[Any] | None,  # noqa: A002  as in run
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    text: bool = False,
    template: str | None = None,
    errors: str | os.PathLike[str] | None = None,
    sort: bool = False,
    fsync: bool = False,
    force: bool = False,
    restart: bool = False,
) -> MergeSummary:
    """Brings output and error files of the Batch APIs of Together, OpenAI and Groq into the form of `run`'s output.

    input: what was asked, in the forms that `run` reads; `run` with the same input and output sends what failed. None
        takes all rows that the files have, in their order.
    files: paths; .gz and .zst by name. A success is a 200 with choices; it counts before a failure, and what comes
        later (in the order given) before what came earlier. Lines that are no result are counted and passed over.
    output: a path. If it is there, what is answered in it stays. Killed at any time, this can be called again.
    text, template: as in `run`; they decide which row is which.
    errors, sort, fsync, force, restart: as in `run`.

    Returns a MergeSummary. A row that is in none of the files is a failure, `missing`.

    Raises:
        TypeError, ValueError: an argument that cannot be meant.
        BatchError: a file cannot be read, the output cannot be written, or something else is writing it.
    """
    from togetherpy.batch.merging import merge_here

    options = {"errors": errors, "sort": sort, "fsync": fsync, "force": force, "restart": restart}
    return merge_here(input, files, output, {"text": text, "template": template, **options})


def submit(
    input: str | os.PathLike[str] | Iterable[Any],  # noqa: A002
    directory: str | os.PathLike[str] | None = None,
    *,
    client: Together | AsyncTogether | None = None,
    model: str | None = None,
    **options: Unpack[JobOptions],
) -> Jobs:
    """Has every row of the input answered by jobs of the service's Batch API; goes on with what an earlier call began.

    The rows are cut into files of one model each, which are uploaded, and a job is made of each. When the service takes
    no more for now, the rest is `queued`, and `wait` submits it. Nothing is made twice, wherever a call was killed.

    input: as for `run`; async iterables are for `asubmit`. What has no name is copied into the directory.
    directory: where the journal and all files are kept; default: the input's path with .jobs for its ending.
    client: whose configuration is used; default `Together()`.
    model: for rows that name none.
    options: see JobOptions. What is not listed there goes to the model, as in `create`.

    Raises:
        TypeError, ValueError: an argument that cannot be meant.
        BatchError: the input cannot be read, is another one than before, or holds a custom_id twice; another command is
            at work in the directory; the service refuses, or cannot be reached: the same call goes on.
    """
    from togetherpy.batch.jobs import running

    return running.blocking(client, running.submit_steps, running.here(input), directory, model, dict(options))


async def asubmit(
    input: str | os.PathLike[str] | Iterable[Any] | AsyncIterable[Any],  # noqa: A002
    directory: str | os.PathLike[str] | None = None,
    *,
    client: Together | AsyncTogether | None = None,
    model: str | None = None,
    **options: Unpack[JobOptions],
) -> Jobs:
    """`submit` for asyncio; async iterables as well.

    Raises:
        TypeError, ValueError, BatchError: as `submit`.
    """
    from togetherpy.batch.jobs import running

    given = running.beside_the_loop(input)
    return await running.awaited(client, running.submit_steps, given, directory, model, dict(options))


def status(directory: str | os.PathLike[str], *, client: Together | AsyncTogether | None = None) -> Jobs:
    """How the jobs of a directory stand. Nothing is changed, so it may be asked while another call is at work there.

    Raises:
        BatchError: there are no jobs in the directory, or the service refuses to be asked.
    """
    from togetherpy.batch.jobs import running

    return running.blocking(client, running.status_steps, os.fspath(directory))


async def astatus(directory: str | os.PathLike[str], *, client: Together | AsyncTogether | None = None) -> Jobs:
    """`status` for asyncio.

    Raises:
        BatchError: as `status`.
    """
    from togetherpy.batch.jobs import running

    return await running.awaited(client, running.status_steps, os.fspath(directory))


def wait(
    directory: str | os.PathLike[str],
    *,
    client: Together | AsyncTogether | None = None,
    interval: float | None = None,
    told: Callable[[Jobs], object] | None = None,
) -> Jobs:
    """Waits until all jobs have ended, and submits those that are queued when there is room.

    interval: seconds between two looks; default: 30 to 60, by chance.
    told: is called with the Jobs after each look.

    A look that fails is tried again at the next one. Leaving it, by Ctrl-C too, changes nothing: the jobs go on.

    Raises:
        TypeError, ValueError: an interval that cannot be meant.
        BatchError: there are no jobs in the directory; another command is at work there; the service refuses.
    """
    from togetherpy.batch.jobs import running

    return running.blocking(client, running.wait_steps, os.fspath(directory), interval, told)


async def await_jobs(
    directory: str | os.PathLike[str],
    *,
    client: Together | AsyncTogether | None = None,
    interval: float | None = None,
    told: Callable[[Jobs], object] | None = None,
) -> Jobs:
    """`wait` for asyncio.

    Raises:
        TypeError, ValueError, BatchError: as `wait`.
    """
    from togetherpy.batch.jobs import running

    return await running.awaited(client, running.wait_steps, os.fspath(directory), interval, told)


def cancel(directory: str | os.PathLike[str], *, client: Together | AsyncTogether | None = None) -> Jobs:
    """Cancels all jobs that have not ended, and drops those that are queued. May be repeated.

    What was answered until then is paid for: `wait` for the jobs' end, and `download` it.

    Raises:
        BatchError: there are no jobs in the directory; another command is at work there; the service refuses, or cannot
            be reached: the same call goes on.
    """
    from togetherpy.batch.jobs import running

    return running.blocking(client, running.cancel_steps, os.fspath(directory))


async def acancel(directory: str | os.PathLike[str], *, client: Together | AsyncTogether | None = None) -> Jobs:
    """`cancel` for asyncio.

    Raises:
        BatchError: as `cancel`.
    """
    from togetherpy.batch.jobs import running

    return await running.awaited(client, running.cancel_steps, os.fspath(directory))


def download(
    directory: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    client: Together | AsyncTogether | None = None,
    partial: bool = False,
) -> MergeSummary:
    """Downloads what came of the jobs, and writes a line for each row into the output, in the form that `run` has.

    output: default: what `togetherpy batch run` has for the input. Answers that it holds already stay.
    partial: takes what there is though some jobs have not ended; their rows are left out. A `run` on that output would
        send them a second time.

    A row without an answer is a failure that says why. `run` with the same input, output and parameters sends those
    again. May be repeated: each row stands in the output once.

    Raises:
        BatchError: there are no jobs in the directory, or some have not ended; another command is at work there; the
            output is no output of this input; the service refuses, or cannot be reached: the same call goes on.
    """
    from togetherpy.batch.jobs import running

    return running.blocking(client, running.download_steps, os.fspath(directory), output, partial)


async def adownload(
    directory: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    client: Together | AsyncTogether | None = None,
    partial: bool = False,
) -> MergeSummary:
    """`download` for asyncio.

    Raises:
        BatchError: as `download`.
    """
    from togetherpy.batch.jobs import running

    return await running.awaited(client, running.download_steps, os.fspath(directory), output, partial)
