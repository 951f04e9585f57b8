"""Many requests: in memory, from file to file, as jobs of the service.

In: rows. Out: a line for each, or a MapResult. The rule: importing this starts nothing, and loads what it needs when
it is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Unpack

from togetherpy.batch.errors import BatchError, StalledError, SystemicError
from togetherpy.batch.operator import ChatOp
from togetherpy.batch.results import MapResult
from togetherpy.batch.tally import BatchSummary, MergeSummary

if TYPE_CHECKING:
    import os

    from togetherpy.batch.options import RunOptions
    from togetherpy.client import AsyncTogether, Together

__all__ = [
    "BatchError",
    "BatchSummary",
    "ChatOp",
    "MapResult",
    "MergeSummary",
    "StalledError",
    "SystemicError",
    "arun",
    "merge",
    "run",
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
