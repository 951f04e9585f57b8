"""What several commands have in common: options, and the client that they make.

In: a parser, or what it parsed. Out: the options in it, or a client.
The rule: an option has one name, one meaning and one place. The key is none: what stands on a command line can be read
by others; it comes from TOGETHER_API_KEY alone.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.client import Together

_STATUSES = {
    0: "done",
    1: "failed; why stands on standard error",
    2: "wrong usage",
    130: "interrupted by Ctrl-C",
    141: "nobody reads the output any more",
}
CHAT_MODEL = "openai/gpt-oss-20b"
KEY_MISSING = (
    "TOGETHER_API_KEY is not set. Set it with: export TOGETHER_API_KEY=...  (in PowerShell: $env:TOGETHER_API_KEY = "
    "'...'); keys are made at https://api.together.ai/settings/api-keys"
)


def describe(parser: argparse.ArgumentParser, about: str, statuses: Mapping[int, str] | None = None) -> None:
    """What the command does, in paragraphs, and its exit statuses: the usual ones, and over them `statuses`."""
    said = sorted({**_STATUSES, **(statuses or {})}.items())
    parser.description = about
    parser.epilog = "exit status:\n" + "\n".join(f"  {status:<4} {meaning}" for status, meaning in said)
    parser.formatter_class = _Paragraphs


class _Paragraphs(argparse.RawDescriptionHelpFormatter):
    """Breaks paragraphs at the width of the terminal; one with an indented line is left as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = argparse.HelpFormatter._fill_text
        return "\n\n".join(
            part if part[:1] == " " or "\n " in part else fill(self, part, width, indent) for part in text.split("\n\n")
        )


def add_connection(parser: argparse.ArgumentParser) -> None:
    """--base-url, --timeout and --max-retries, for `connect`."""
    group = parser.add_argument_group("the server")
    add = group.add_argument
    add("--base-url", metavar="URL", help="the server to ask (default: TOGETHER_BASE_URL, else Together's)")
    add("--timeout", type=seconds, metavar="S", help="seconds that a call may take (default: 600)")
    add("--max-retries", type=count, metavar="N", help="retries after a transient failure (default: 2)")


def add_model(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """-m, --model; needed where there is no default."""
    said = "the model, of those that `togetherpy models` lists" + ("" if default is None else " (default: %(default)s)")
    parser.add_argument("-m", "--model", default=default, required=default is None, metavar="M", help=said)


def add_json(parser: argparse.ArgumentParser, said: str = "print the whole answer as JSON") -> None:
    """--json"""
    parser.add_argument("--json", action="store_true", help=said)


def connect(options: argparse.Namespace, **more: Any) -> Together:
    """A client as `add_connection` and the environment say; close it. `more`: other arguments of `Together`.

    Raises:
        AuthenticationError: there is no key, or it cannot be one.
        ValueError: the URL is none.
    """
    from togetherpy.client import Together
    from togetherpy.error import AuthenticationError

    if not os.environ.get("TOGETHER_API_KEY", "").strip():
        raise AuthenticationError(KEY_MISSING)
    return Together(base_url=options.base_url, timeout=options.timeout, max_retries=options.max_retries, **more)


def seconds(text: str) -> float:
    """An option's type: a time above 0."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")


def pause(text: str) -> float:
    """An option's type: a time of 0 or more."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, not {text!r}")


def count(text: str, least: int = 0) -> int:
    """An option's type: a whole number of at least `least`."""
    with contextlib.suppress(ValueError):
        if int(text) >= least:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number of {least} or more, not {text!r}")


def positive(text: str) -> int:
    """An option's type: a whole number of 1 or more."""
    return count(text, 1)
