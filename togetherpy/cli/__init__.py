"""The `togetherpy` command.

In: command-line arguments. Out: text on standard output and an exit status: 0 done, 1 failed, 2 wrong usage,
130 interrupted, 141 nobody reads the output any more; `batch` has more of them.
The rule: a failure is one readable line on standard error, never a traceback.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from togetherpy._version import __version__
from togetherpy.cli import _batch
from togetherpy.cli._screen import OutputError, Screen, complain
from togetherpy.error import TogetherError

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, what a shell expects
OUTPUT_CLOSED = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (default: those of the process) and returns its exit status."""
    screen = Screen()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # put back by catch_warnings
            return _run(arguments, screen)
    except KeyboardInterrupt:
        screen.abandon()
        return INTERRUPTED
    except OutputError as error:
        screen.abandon()
        if error.closed:
            return OUTPUT_CLOSED
        complain(f"error: cannot write the output: {error}")
    except Exception as error:
        screen.abandon()
        complain(f"error: {_explain(error)}")
    return FAILED


def _run(arguments: Sequence[str] | None, screen: Screen) -> int:
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:  # --help and --version, which have printed, and wrong usage
        screen.flush()
        return end.code if isinstance(end.code, int) else FAILED
    if options.command == "batch":
        code: int = options.run(options, sys.argv[1:] if arguments is None else arguments)
        return code
    # Nothing but the demonstration needs the client, and --version must not wait for it.
    from togetherpy.cli._demo import Demo

    Demo(screen, model=options.model, prompt=options.prompt, base_url=options.base_url).run()
    screen.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="togetherpy", description="A client for the Together AI API.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"togetherpy {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="show a streamed answer, a plain one, JSON and a tool call",
        description="Shows a streamed answer, a plain one, JSON and a tool call. With TOGETHER_API_KEY set it talks to "
        "the API, which charges for four short answers; without, to a stand-in on this machine, which is free.",
        allow_abbrev=False,
    )
    demo.add_argument("--model", default="openai/gpt-oss-20b", help="the model to ask (default: %(default)s)")
    demo.add_argument(
        "--prompt", default="Why is the sky blue? Answer in three sentences.", help="what to ask (default: %(default)r)"
    )
    demo.add_argument(
        "--base-url", metavar="URL", help="the server to ask (default: TOGETHER_BASE_URL, else Together's)"
    )
    _batch.add(commands)
    return parser


def _explain(error: Exception) -> str:
    if isinstance(error, (TogetherError, TypeError, ValueError)):
        request_id = getattr(error, "request_id", None)
        return f"{error}" + (f" [request {request_id}]" if request_id else "")
    return f"{type(error).__name__}: {error}"


def _show_warning(message: Warning | str, *_where: Any, **_more: Any) -> None:
    complain(f"warning: {message}")
