"""What the commands of `togetherpy batch` have in common: options of rows, exit statuses, the command that goes on.

In: a group of options, or what was parsed. Out: options in it, arguments, words for a shell.
The rule: what several of these commands take is described once, and means the same in all of them.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterable
from typing import Any, cast

COULD_NOT, USAGE, FAILED_ROWS, INTERRUPTED, OUTPUT_CLOSED = 1, 2, 3, 130, 141


def add_params(group: Any) -> None:
    """The parameters that go to the model."""
    group.add_argument("--model", metavar="M", help="for rows that name none")
    group.add_argument("--max-tokens", type=int, metavar="N", help="most tokens of an answer")
    group.add_argument("--temperature", type=float, metavar="X", help="0 to 2")
    group.add_argument("--top-p", type=float, metavar="X", help="0 to 1")
    group.add_argument("--seed", type=int, metavar="N")
    group.add_argument("--params", type=_object, metavar="JSON", help="any parameters of the API, as a JSON object")


def add_reading(group: Any, *, system: bool = True) -> None:
    """How the lines of IN are read. `system`: also the prompt that is put before them."""
    group.add_argument("--text", action="store_true", help="each line of IN is a prompt")
    if system:
        group.add_argument("--system", metavar="TEXT", help="a system prompt for rows that have none")
    group.add_argument("--template", metavar="TEXT", help="the prompt: 'Translate {text} into {language}'")


def _object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return cast("dict[str, Any]", value)


def given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """What was said: what --params says, and over it those of the options by these names."""
    named = {name: getattr(options, name) for name in names}
    own = {name: value for name, value in named.items() if value is not None and value is not False}  # 0 is a value
    return {**(options.params or {}), **own}


def command(words: Iterable[str], **named: Any) -> str:
    """A command of togetherpy for a shell. `named`: options that come after its words, with their values if any."""
    words = ["togetherpy", *words]
    for name, value in named.items():
        if value:
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)
