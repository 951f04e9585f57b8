"""`togetherpy batch submit`, `status`, `wait`, `download`, `cancel`: rows as jobs of the service's Batch API.

In: command-line arguments. Out: a table or a summary, and an exit status as of `batch run`.
The rule: what a command leaves undone can be gone on with, and the command that does so is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from togetherpy.cli._options import add_connection, add_json, connect, describe, positive, seconds
from togetherpy.cli._rows import (
    COULD_NOT,
    FAILED_ROWS,
    INTERRUPTED,
    USAGE,
    add_params,
    add_reading,
    as_path,
    given,
    propose,
)
from togetherpy.cli._screen import Screen, complain

if TYPE_CHECKING:
    from togetherpy.batch.jobs.journal import Plan
    from togetherpy.batch.prices import Prices

Run = Callable[[argparse.Namespace, Screen], int]

_SUBMIT = """\
Cuts the rows of IN into files of one model each, uploads them, and has the service make a job of
each. What is done stands in a journal in JOBDIR: killed anywhere, the same command goes on, and
nothing is made twice.

IN: as for `batch run`. Standard input needs -o, and is copied into JOBDIR.
When the service takes no more for now, the rest is queued; `wait` submits it when other jobs have
ended."""
_STATUS = "Says how the jobs stand. May be asked while `wait` is at work."
_WAIT = """\
Looks at the jobs until all have ended, and submits those that are queued. Ctrl-C leaves the jobs as
they are."""
_DOWNLOAD = """\
Downloads the answers and the errors of jobs that have ended, and writes a line for each row into
OUT, in the form of `batch run`. A row without an answer is a failure that says why: its job has
expired, was cancelled, failed, or has no line of it. `togetherpy batch run IN -o OUT` with the same
model and parameters then has those answered. May be repeated: answers that OUT has stay, and each
row stands in it once."""
_CANCEL = """\
Cancels all jobs that have not ended, and drops those that are queued. May be repeated. What was
answered until then is paid for: `wait` and `download` bring it."""
_COULD_NOT = "could not run or go on (key, account, network, disk, JOBDIR in use); the same command does"
_STOPPED = "interrupted by Ctrl-C or SIGTERM; the command that goes on is printed"
_BAD = "some rows or jobs have failed"


def add(actions: Any) -> None:
    """Adds the commands beside `run`."""
    good = "every row is in a job, or in one that is queued"
    bad = "some rows cannot be sent, or the service refused their job"
    submit = _command(actions, "submit", "submit a file's rows as jobs of the Batch API", _SUBMIT, _submit, good, bad)
    submit.add_argument("input", metavar="IN", help="the rows: a path, or - for standard input")
    submit.add_argument("-o", "--output", metavar="JOBDIR", help="the jobs' directory (default: IN with .jobs)")
    add_params(submit.add_argument_group("the model"))
    rows = submit.add_argument_group("rows")
    add_reading(rows)
    rows.add_argument("--limit", type=int, metavar="N", help="only the first N rows")
    rows.add_argument("--rows-per-job", type=positive, metavar="N", help="up to 50000 (default: 10000)")
    rows.add_argument("--completion-window", metavar="W", help="within which time (default: 24h)")
    status = _command(actions, "status", "say how the jobs stand", _STATUS, _status, "nothing has failed", _BAD)
    add_json(status, "print all of it as JSON")
    good = "all jobs are COMPLETED, without errors"
    wait = _command(actions, "wait", "wait until all jobs have ended", _WAIT, _wait, good, _BAD)
    wait.add_argument("--interval", type=seconds, metavar="S", help="seconds between looks (default: 30 to 60)")
    wait.add_argument("--no-progress", action="store_true", help="say nothing until the end")
    good, bad = "all rows are answered", "some rows failed; they stand in OUT with their error"
    download = _command(actions, "download", "write what came of the jobs", _DOWNLOAD, _download, good, bad)
    download.add_argument("-o", "--output", metavar="OUT", help="default: IN with .out.jsonl for its ending")
    download.add_argument("--partial", action="store_true", help="though some jobs have not ended; without their rows")
    _command(actions, "cancel", "cancel all jobs", _CANCEL, _cancel, "all jobs have ended, or will")


def _command(
    actions: Any, name: str, summary: str, about: str, run: Run, good: str, bad: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, allow_abbrev=False)
    statuses = {0: good, COULD_NOT: _COULD_NOT, INTERRUPTED: _STOPPED}
    describe(parser, about, statuses if bad is None else {**statuses, FAILED_ROWS: bad})
    parser.set_defaults(run=partial(_guarded, run))
    if run is not _submit:
        parser.add_argument("directory", metavar="JOBDIR", help="the jobs' directory")
    add_connection(parser)
    return parser


def _guarded(run: Run, options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy.batch.errors import BatchError

    try:
        with _terminable():
            return run(options, screen)
    except (TypeError, ValueError) as error:
        complain(f"error: {error}")
        return USAGE
    except BatchError as error:
        complain(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        screen.abandon()
        if options.action == "wait" or (options.action == "submit" and _has_begun(options)):
            complain("interrupted; the jobs go on at the service")
            _propose("to cancel them", "cancel", options)
        propose("to go on", options.words)
        return INTERRUPTED


def _has_begun(options: argparse.Namespace) -> bool:
    """Whether there may be jobs of an input."""
    from togetherpy.batch.errors import BatchError
    from togetherpy.batch.jobs.journal import read_plan
    from togetherpy.batch.source import beside

    try:
        options.directory = options.output or beside(options.input, ".jobs")
        return any(chunk.file_id is not None for chunk in read_plan(options.directory).chunks)
    except BatchError:
        return False


@contextlib.contextmanager
def _terminable() -> Generator[None, None, None]:
    """SIGTERM is as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _propose(what: str, action: str, options: argparse.Namespace) -> None:
    """Another command on the same directory."""
    propose(what, ["batch", action, as_path(options.directory)], base_url=options.base_url)


_TO_SUBMIT = (
    *("model", "max_tokens", "temperature", "top_p", "seed"),
    *("text", "system", "template", "limit", "rows_per_job", "completion_window"),
)


def _submit(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy import batch
    from togetherpy.batch.prices import Prices
    from togetherpy.error import TogetherError

    with connect(options) as client:
        jobs = batch.submit(options.input, options.output, client=client, **given(options, _TO_SUBMIT))
        options.directory = jobs.directory
        screen.line(jobs.table())
        try:
            prices = Prices(client.models.list())
        except TogetherError as error:
            complain(f"no prices: {error}")
        else:
            for model in dict.fromkeys(job.model for job in jobs.jobs):
                complain(_price(model, prices))
    if jobs.queued:
        complain(f"{jobs.queued} jobs are queued: the service takes no more for now; `wait` submits them")
    _propose("to go on", "wait", options)
    return FAILED_ROWS if jobs.failed else 0


def _price(model: str, prices: Prices) -> str:
    into, out = prices.cost(model, 1_000_000, 0), prices.cost(model, 0, 1_000_000)
    if into is None or out is None:
        return f"{model}: the list of models has no price"
    return (
        f"{model}: by the list of models ${into:g} for a million tokens of input and ${out:g} for as many of output; "
        "what they cost in a batch, the service says"
    )


def _status(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy import batch

    with connect(options) as client:
        jobs = batch.status(options.directory, client=client)
    if options.json:
        import msgspec

        screen.line(msgspec.json.format(msgspec.json.encode(jobs), indent=2).decode())
    else:
        screen.line(jobs.table())
    return FAILED_ROWS if jobs.failed else 0


def _wait(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy import batch
    from togetherpy.batch.jobs.bar import Bar

    with connect(options) as client, Bar(shown=not options.no_progress) as bar:
        jobs = batch.wait(options.directory, client=client, interval=options.interval, told=bar.show)
    screen.line(jobs.table())
    _propose("to go on", "download", options)
    return FAILED_ROWS if jobs.failed else 0


def _download(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy import batch
    from togetherpy.batch.jobs.journal import known_plan

    with connect(options) as client:
        done = batch.download(options.directory, options.output, client=client, partial=options.partial)
    failures = ", ".join(f"{count} {code}" for code, count in done.failures.items())
    kept = f" ({done.kept} of them before)" if done.kept else ""
    failed = f"{done.failed} failed" + (f" ({failures})" if failures else "")
    complain(f"{done.rows} rows: {done.succeeded} answered{kept}, {failed}; {done.total_tokens} tokens: {done.output}")
    for complaint in done.complaints:
        complain(complaint)
    if done.failed:
        _propose_live(known_plan(options.directory), str(done.output), options)
    return FAILED_ROWS if done.failed else 0


def _propose_live(plan: Plan, output: str, options: argparse.Namespace) -> None:
    """The run that goes on with an output."""
    params = {name: value for name, value in plan.params.items() if name != "model"}
    named = {"model": plan.params.get("model"), **plan.reading, "limit": plan.limit, "base_url": options.base_url}
    named["params"] = json.dumps(params) if params else None
    propose("to have them answered now", ["batch", "run", plan.input, "-o", output], **named)


def _cancel(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy import batch

    with connect(options) as client:
        jobs = batch.cancel(options.directory, client=client)
    screen.line(jobs.table())
    _propose("to go on", "download" if jobs.final else "wait", options)
    return 0
