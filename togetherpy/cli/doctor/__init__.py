"""`togetherpy doctor`: what stands between this machine and an answer.

In: options, the environment, the network. Out: a line for each check on standard output, or all of them as one JSON
object; exit status 0 if all is well, 1 if a check failed.
The rule: what is checked is what a client does, by the client's own functions; and no line holds the key or a proxy's
password.
"""

from __future__ import annotations

import argparse

from togetherpy.cli._options import add_json, describe, seconds
from togetherpy.cli._screen import Screen

ABOUT = """\
Finds out what stands between this machine and an answer: configuration, versions, proxy,
certificates, name look-up, TCP, TLS, and how long each part of a first answer takes.

Each check is a line: ok, note (it works, but look at it), FAIL, or skip (what it needs has failed).
Below it stands what to do. It costs nothing; with -m it asks a model for one token."""


def add(parser: argparse.ArgumentParser) -> None:
    """Describes the command."""
    describe(parser, ABOUT, {0: "all is well", 1: "a check failed"})
    add = parser.add_argument
    add("--base-url", metavar="URL", help="the server to ask (default: TOGETHER_BASE_URL, else Together's)")
    add("-m", "--model", metavar="M", help="ask this model for one token instead of the server for its models")
    add_json(parser, "print one JSON object instead of lines")
    add("--timeout", type=seconds, default=30.0, metavar="S", help="most seconds of a step (default: 30)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """Examines; the exit status."""
    from togetherpy.cli.doctor.report import Check, as_object, as_text, summary
    from togetherpy.cli.doctor.steps import Patient, examine

    checks: list[Check] = []
    for check in examine(Patient(base_url=options.base_url, model=options.model, timeout=options.timeout)):
        checks.append(check)
        if not options.json:
            screen.line(as_text(check, screen.width if screen.terminal else 0))
    if options.json:
        screen.json(as_object(checks))
    else:
        screen.line(summary(checks))
    return 1 if any(check.state == "failed" for check in checks) else 0
