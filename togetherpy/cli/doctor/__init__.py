"""`togetherpy doctor`: what stands between this machine and an answer.

In: options, the environment, the network. Out: a line for each check on standard output, or all of them as one JSON
object; exit status 0 if all is well, 1 if a check failed.
The rule: what is checked is what a client does, by the client's own functions; and no line holds the key or a proxy's
password.
"""

from __future__ import annotations

import argparse
from typing import Any

EPILOG = """\
Each check is a line: ok, note (it works, but look at it), FAIL, or skip (what it needs has failed), with what to do
about it below. It costs nothing but with -m, which asks for one token.

exit status:
  0  all is well
  1  a check failed
  2  wrong usage"""


def add(parser: argparse.ArgumentParser) -> None:
    """Describes the command."""
    parser.description = (
        "Finds out what stands between this machine and an answer: configuration, versions, proxy, certificates, "
        "name look-up, TCP, TLS, and the time that each part of a first answer takes."
    )
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--base-url", metavar="URL", help="the server to ask (default: TOGETHER_BASE_URL, else Together's)"
    )
    parser.add_argument("-m", "--model", metavar="M", help="ask this model for one token instead of the list of models")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="S", help="most seconds of a step (default: %(default)g)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, screen: Any) -> int:
    """Examines; the exit status."""
    from togetherpy.cli.doctor.report import as_json, as_text, summary
    from togetherpy.cli.doctor.steps import Patient, examine

    checks = []
    for check in examine(Patient(base_url=options.base_url, model=options.model, timeout=options.timeout)):
        checks.append(check)
        if not options.json:
            screen.line(as_text(check))
    screen.line(as_json(checks) if options.json else summary(checks))
    return 1 if any(check.state == "failed" for check in checks) else 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError("seconds above 0 are wanted")
    return seconds
