"""`togetherpy batch run`: from file to file.

In: command-line arguments. Out: the output's lines, and an exit status: 0 all rows are answered, 3 some failed,
4 nothing succeeded any more, 1 it could not run or go on, 2 wrong usage, 130 interrupted.
The rule: standard output is for results; Ctrl-C once loses nothing, twice ends at once, and the command that goes on
is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from togetherpy.cli import _jobs, _merge
from togetherpy.cli._rows import COULD_NOT, FAILED_ROWS, OUTPUT_CLOSED, USAGE, add_params, add_reading, given, propose
from togetherpy.cli._screen import complain

if TYPE_CHECKING:
    from togetherpy.batch.prices import Prices
    from togetherpy.batch.running import Blocking
    from togetherpy.batch.tally import BatchSummary
    from togetherpy.cli._screen import Screen

_ABOUT = """\
Sends every row of IN to a model and writes a line for each to OUT, as many at a time as the server takes.

IN: JSON lines: {"custom_id": ..., "body": {...}} (OpenAI's method and url may stand there), {"messages": [...]} or
{"prompt": "..."}; other columns are carried through. With --text each line is a prompt. A name that ends with .gz (or
.zst, from Python 3.14 on) is decompressed; - is standard input.

OUT: a line for each row, in the order in which they end: {"id", "custom_id", "response": {"status_code", "request_id",
"body"}, "error", "index", "attempts", "seconds", "finished_at", "columns"}. If OUT is there, the run goes on with it:
finished rows are skipped, failed and changed ones are sent. Beside it OUT.meta.json says what it was made of."""
_CODES = """\
exit status:
  0    all rows are answered
  1    it could not run, or could not go on (key, account, model, full disk, a guard); the same command goes on
  2    wrong usage
  3    some rows failed; they stand in OUT with their error, and the same command sends them again
  4    nothing succeeded for --stall seconds; the same command goes on
  130  interrupted by Ctrl-C or SIGTERM; the command that goes on is printed
  141  nobody reads the output any more"""


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy batch` of a parser."""
    parser.description = "Many requests."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_run(actions.add_parser("run", help="send every row of a file, and write a line for each", allow_abbrev=False))
    _merge.add(actions.add_parser("merge", help="results of other batches as run's output", allow_abbrev=False))
    _jobs.add(actions)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _ABOUT, _CODES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(run=run)
    parser.add_argument("input", metavar="IN", help="the rows: a path, or - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help="default: IN with .out.jsonl for its ending; - with IN -")
    _add_model(parser.add_argument_group("the model"))
    _add_rows(parser.add_argument_group("rows and lines"))
    _add_pace(parser.add_argument_group("pace and retries"))
    _add_guards(parser.add_argument_group("guards"))
    _add_reports(parser.add_argument_group("reports"))


def _add_model(group: Any) -> None:
    add_params(group)
    group.add_argument("--base-url", metavar="URL", help="default: TOGETHER_BASE_URL, else Together's")
    group.add_argument("--timeout", type=float, metavar="S", help="seconds of each attempt (default: 600)")


def _add_rows(group: Any) -> None:
    add_reading(group)
    group.add_argument("--errors", metavar="FILE", help="where failed rows go (default: into OUT)")
    group.add_argument("--only-text", action="store_true", help="OUT has the answers' texts, a line each, only")
    group.add_argument("--sort", action="store_true", help="bring OUT into the order of IN at the end")
    group.add_argument("--fsync", action="store_true", help="count a row when the disk has it: for loss of power")
    group.add_argument("--restart", action="store_true", help="forget what is in OUT and begin anew")
    group.add_argument("--force", action="store_true", help="go on with OUT though IN or the parameters are others")


def _add_pace(group: Any) -> None:
    group.add_argument("--concurrency", type=int, metavar="N", help="most in flight; the limit adapts (default: 256)")
    group.add_argument("--rpm", type=float, metavar="N", help="requests a minute, never exceeded")
    group.add_argument("--tpm", type=float, metavar="N", help="tokens a minute, never exceeded")
    group.add_argument("--share", type=float, metavar="X", help="this process's part of both, up to 1")
    group.add_argument("--max-retries", type=int, metavar="N", help="of a row after transient failures (default: 5)")
    group.add_argument("--stall", type=float, metavar="S", help="give up after so long without success (default: 600)")
    group.add_argument("--grace", type=float, metavar="S", help="for what is in flight after Ctrl-C (default: 60)")


def _add_guards(group: Any) -> None:
    group.add_argument("--limit", type=int, metavar="N", help="only the first N rows")
    group.add_argument("--max-total-tokens", type=int, metavar="N", help="begin no row when so many are used")
    group.add_argument("--max-cost", type=float, metavar="USD", help="likewise, by the prices of the model list")
    group.add_argument("--fail-on", metavar="REASONS", help="finish reasons that are failures: length,content_filter")
    group.add_argument("--dry-run", action="store_true", help="send nothing; say what IN holds and would cost")


def _add_reports(group: Any) -> None:
    group.add_argument("--summary", metavar="FILE", help="write the summary as JSON")
    group.add_argument("--plot", metavar="FILE.svg", help="draw rows/s, limit and 429s over time")
    group.add_argument("--no-progress", action="store_true", help="say nothing until the end")


def run(options: argparse.Namespace, _screen: Screen) -> int:
    """`togetherpy batch run`."""
    from togetherpy.batch.errors import BatchError
    from togetherpy.batch.output import STDOUT
    from togetherpy.batch.running import Blocking, prepared
    from togetherpy.batch.source import STDIN, beside
    from togetherpy.client import Together

    if options.dry_run:
        return _dry_run(options)
    output = options.output or (STDOUT if options.input == STDIN else beside(options.input))
    try:
        client = Together(base_url=options.base_url)
        begun = prepared(
            options.input,
            output,
            client,
            None,
            {**_given(options), "progress": not options.no_progress},
        )
    except (TypeError, ValueError) as error:
        complain(f"error: {error}")
        return USAGE
    blocking = Blocking(begun)
    try:
        with _signals(blocking):
            summary = blocking.wait()
    except BatchError as error:
        if getattr(error, "closed", False):
            return OUTPUT_CLOSED
        if error.summary is not None:
            _report(error.summary)
        complain(f"error: {error}")
        _say_how_to_go_on(options.words)
        return error.exit_code
    _report(summary)
    if summary.exit_code:
        _say_how_to_go_on(options.words)
    return summary.exit_code


def _dry_run(options: argparse.Namespace) -> int:
    """What IN holds, on standard output; the prices are asked for where there is a key."""
    from togetherpy.batch.dry import examine
    from togetherpy.batch.loop import submit
    from togetherpy.batch.options import make_options
    from togetherpy.batch.source import source_of

    try:
        made = make_options(os.devnull, None, _given(options))
        source = source_of(options.input, made.form)
    except (TypeError, ValueError) as error:
        complain(f"error: {error}")
        return USAGE
    found = submit(examine(source, made.form, made.params, _prices(options.base_url))).result()
    for name in ("rows", "bad", "duplicates", "bytes", "prompt_tokens", "completion_tokens", "cost"):
        value = getattr(found, name)
        print(f"{name.replace('_', ' ')}: {'not known' if value is None else value}")
    for complaint in found.complaints:
        complain(complaint)
    return FAILED_ROWS if found.bad else COULD_NOT if found.duplicates else 0


def _prices(base_url: str | None) -> Prices | None:
    from togetherpy.batch.prices import Prices
    from togetherpy.client import Together
    from togetherpy.error import TogetherError

    try:
        with Together(base_url=base_url, timeout=10) as client:
            return Prices(client.models.list())
    except TogetherError as error:
        complain(f"no prices: {error}")
        return None


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `run`."""
    return given(options, vars(options).keys() - _OURS)


_OURS = {"words", "action", "run", "input", "output", "params", "base_url", "no_progress", "dry_run"}


@contextlib.contextmanager
def _signals(blocking: Blocking) -> Generator[None, None, None]:
    """Ctrl-C and SIGTERM: the first lets what is in flight end, the next one ends at once."""

    def interrupt(number: int, _frame: object) -> None:
        name = signal.Signals(number).name
        blocking.interrupt(f"interrupted by {name}")
        if blocking.interrupts == 1:  # said once: the next signal may come while this one is writing
            with contextlib.suppress(OSError):
                os.write(2, b"\n" if os.isatty(2) else b"")  # else the line of progress would take it away
            complain(f"{name}: ending what is in flight; once more to end at once")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(summary: BatchSummary) -> None:
    answered = f"{summary.succeeded} answered" + (f" ({summary.skipped} of them before)" if summary.skipped else "")
    failed = f"{summary.failed} failed" + (f" (first: {summary.first_failure})" if summary.first_failure else "")
    parts = [f"{summary.rows} rows: {answered}, {failed}", f"{summary.total_tokens} tokens"]
    if summary.cost is not None:
        parts.append(f"${summary.cost:.4f}")
    if summary.maybe_billed:
        parts.append(f"{summary.maybe_billed} attempts maybe billed without an answer")
    if summary.latency:
        parts.append("latency " + ", ".join(f"{name} {value:.3g} s" for name, value in summary.latency.items()))
    complain("; ".join([*parts, f"{summary.seconds:.1f} s, {summary.rows_per_second:.1f} rows/s"]))


def _say_how_to_go_on(arguments: Sequence[str]) -> None:
    again = [word for word in arguments if word != "--restart"]
    propose("to go on", again)
