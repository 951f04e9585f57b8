"""The `togetherpy` command.

In: command-line arguments. Out: text on standard output and an exit status: 0 done, 1 failed, 2 wrong usage,
130 interrupted, 141 nobody reads the output any more; `batch` has more of them.
The rule: a failure is one readable line on standard error, never a traceback; and a command is a module, imported when
that command is chosen. It has `add(parser)`, which describes it, names its options and sets `run` as a default: a
function of the options and a Screen that returns an exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from togetherpy._version import __version__
from togetherpy.cli._screen import OutputError, Screen, complain, explain

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, what a shell expects
OUTPUT_CLOSED = 141  # 128 + SIGPIPE

COMMANDS = {
    "chat": ("chat", "ask a model, or talk with it"),
    "models": ("_models", "list the models that there are, and what they cost"),
    "complete": ("_complete", "let a model go on with a text"),
    "embed": ("_embed", "make vectors of texts"),
    "images": ("_images", "make images from words"),
    "transcribe": ("_transcribe", "write down what is said in a recording"),
    "speak": ("_speak", "have a text spoken"),
    "files": ("_files", "list, check, upload, download and delete files"),
    "batch": ("_batch", "send many requests, from file to file"),
    "doctor": ("doctor", "find out why nothing is answered: settings, proxy, TLS, network"),
    "serve": ("_serve", "run a local server that speaks the API, for tests"),
    "demo": ("_demo", "show a streamed answer, a plain one, JSON and a tool call"),
    "completion": ("_completion", "print what makes a shell complete this command's words"),
}
"""Each command's module, and what it does in a line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (default: those of the process) and returns its exit status."""
    screen = Screen()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # put back by catch_warnings
            return _run(list(sys.argv[1:] if arguments is None else arguments), screen)
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
        complain(f"error: {explain(error)}")
    return FAILED


def _run(words: list[str], screen: Screen) -> int:
    try:
        if words[:1] and words[0] in COMMANDS:
            parser = argparse.ArgumentParser(prog=f"togetherpy {words[0]}", allow_abbrev=False)
            _describe(words[0], parser)
            options = _parse(parser, words[1:])
        else:
            chosen: str = whole_parser(described=False).parse_args(words).command
            return _run(words[words.index(chosen) :], screen)  # what stood before it was "--"
    except SystemExit as end:  # --help and --version, which have printed, and wrong usage
        screen.flush()
        return end.code if isinstance(end.code, int) else FAILED
    options.words = words
    code: int = options.run(options, screen)
    screen.flush()
    return code


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Options may stand among the words of a prompt: "chat Why -t 0 is the sky blue"."""
    if "--" not in words:  # with which intermixing takes what follows for options, on some versions of Python
        with contextlib.suppress(TypeError):  # a command of commands, whose words are never intermixed
            return parser.parse_intermixed_args(words)
    return parser.parse_args(words)


def whole_parser(*, described: bool = True) -> argparse.ArgumentParser:
    """The parser of all commands; `described`: with the options of each, for which all of their modules are loaded."""
    parser = argparse.ArgumentParser(
        prog="togetherpy",
        description="A client for the Together AI API. The key is taken from the environment variable "
        "TOGETHER_API_KEY.",
        epilog="togetherpy COMMAND --help says the rest, exit statuses too.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=18),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"togetherpy {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, said) in COMMANDS.items():
        command = commands.add_parser(name, help=said, allow_abbrev=False)
        if described:
            _describe(name, command)
    return parser


def _describe(name: str, parser: argparse.ArgumentParser) -> None:
    importlib.import_module(f"togetherpy.cli.{COMMANDS[name][0]}").add(parser)


def _show_warning(message: Warning | str, *_where: Any, **_more: Any) -> None:
    complain(f"warning: {message}")
