"""`togetherpy batch merge`: results of other batches, as an output of `togetherpy batch run`.

In: command-line arguments. Out: the output's lines, what was found on standard error, and an exit status: 0 all rows
are answered, 3 some are not, 1 it could not merge, 2 wrong usage.
The rule: nothing is sent, and no key is needed.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from togetherpy.cli._options import describe
from togetherpy.cli._rows import USAGE, add_reading, as_path, propose
from togetherpy.cli._screen import complain

if TYPE_CHECKING:
    from togetherpy.batch import MergeSummary
    from togetherpy.cli._screen import Screen

_ABOUT = """\
Brings FILEs, the output and error files of batches of Together, OpenAI and Groq (or outputs of `togetherpy batch run`),
into one output of `togetherpy batch run`: a line for each row of IN. What is missing, expired or refused is a failure
with its reason. Then `togetherpy batch run IN -o OUT` with the same IN and OUT sends what failed, and nothing else.

A success is a 200 with choices. Where several lines are of one row, a success counts before a failure, and what comes
later before what came earlier. Lines that are no result are said with file and line, and passed over. If OUT is there,
what is answered in it stays. Nothing is sent; killed at any time, the same command goes on, and `batch run` waits for
that."""
_STATUSES = {
    0: "all rows are answered",
    1: "a file cannot be read, OUT cannot be written, or something else is writing it",
    3: "some rows failed; they stand in OUT with their error",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy batch merge` of a parser."""
    describe(parser, _ABOUT, _STATUSES)
    parser.set_defaults(run=run)
    parser.add_argument("input", metavar="IN", nargs="?", help="what was asked, in the forms that `run` reads")
    parser.add_argument("files", metavar="FILE", nargs="*", help="output and error files; .gz and .zst by name")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="where the lines go")
    parser.add_argument("--no-input", action="store_true", help="there is no IN: all rows that the FILEs have")
    add_reading(parser, system=False)
    parser.add_argument("--errors", metavar="FILE", help="where failed rows go (default: into OUT)")
    parser.add_argument("--sort", action="store_true", help="bring OUT into the order of IN, if it was there before")
    parser.add_argument("--fsync", action="store_true", help="wait for the disk after each line: for loss of power")
    parser.add_argument("--restart", action="store_true", help="forget what is in OUT and begin anew")
    parser.add_argument("--force", action="store_true", help="go on with OUT though IN is another")


_OPTIONS = "text", "template", "errors", "sort", "fsync", "restart", "force"


def run(options: argparse.Namespace, _screen: Screen) -> int:
    """`togetherpy batch merge`."""
    from togetherpy.batch import merge

    given, files = options.input, options.files
    if options.no_input:
        given, files = None, [given, *files] if given is not None else []
    if not files:
        complain("error: no FILE to merge; see togetherpy batch merge --help")
        return USAGE
    try:
        summary = merge(given, files, options.output, **{name: getattr(options, name) for name in _OPTIONS})
    except (TypeError, ValueError) as error:
        complain(f"error: {error}")
        return USAGE
    _report(summary)
    if summary.failed and given not in (None, "-"):
        words = ["batch", "run", as_path(given), "-o", options.output]
        propose("to send what failed", words, text=options.text, template=options.template, model="M")
    return summary.exit_code


def _report(summary: MergeSummary) -> None:
    for complaint in summary.complaints:
        complain(complaint)
    kept = f" ({summary.kept} of them before)" if summary.kept else ""
    codes = ", ".join(f"{count} {code}" for code, count in list(summary.failures.items())[:10])
    parts = [f"{summary.rows} rows: {summary.succeeded} answered{kept}, {summary.failed} failed"]
    parts[0] += f" ({codes})" if codes else ""
    counted = {
        "results nobody asked for": summary.unasked,
        "results that another one of the row goes before": summary.duplicates,
        "lines that are no result": summary.invalid,
    }
    complain("; ".join([*parts, *(f"{what}: {count}" for what, count in counted.items() if count)]))
