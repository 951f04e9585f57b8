"""What the commands of `togetherpy batch` have in common: options of rows, exit statuses, the command that goes on.

In: a group of options, or what was parsed. Out: options in it, arguments, lines for a shell.
The rule: what several of these commands take is described once, and means the same in all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Iterable
from typing import Any, cast

from togetherpy.cli._screen import tell

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


def propose(what: str, words: Iterable[str], **named: Any) -> None:
    """Says which command of togetherpy does `what`: in one line, whatever the terminal's width, that a shell takes as
    it stands. `named`: options that come after its words, with their values if any."""
    words = ["togetherpy", *words]
    for name, value in named.items():
        option, said = f"--{name.replace('_', '-')}", str(value)
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [f"{option}={said}"] if said.startswith("-") else [option, said]
    tell(f"togetherpy: {what}: {' '.join(map(_quoted, words))}")


def as_path(word: str) -> str:
    """A path that is not to be taken for an option."""
    return os.path.join(os.curdir, word) if word.startswith("-") else word


def _quoted(word: str) -> str:
    """A word for sh; one with characters that cannot be shown, such as line ends, for bash, zsh and ksh."""
    return shlex.quote(word) if word.isprintable() else f"$'{''.join(map(_escaped, word))}'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char == "\n":
        return r"\n"
    return char if char.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))
