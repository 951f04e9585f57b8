"""`togetherpy completion`: what makes a shell complete this command's words.

In: a shell's name. Out: a script for it. The rule: the script is made by shtab of the parser itself, so that it knows
what the command knows.
"""

from __future__ import annotations

import argparse
import importlib
import re
from typing import Any

from togetherpy.cli._options import describe
from togetherpy.cli._screen import Screen

SHELLS = ("bash", "zsh", "fish")
_FILES = {"FILE", "PATH", "IN", "OUT"}
"""What stands in the help for a path, which the shell completes."""


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy completion` of a parser."""
    describe(
        parser,
        """\
Prints what makes a shell complete commands and options. To have it in every new shell:

  bash  togetherpy completion bash > ~/.local/share/bash-completion/completions/togetherpy
  zsh   togetherpy completion zsh > ~/.zfunc/_togetherpy    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  togetherpy completion fish > ~/.config/fish/completions/togetherpy.fish

It needs shtab: pip install 'togetherpy[completion]'.""",
    )
    parser.set_defaults(run=run)
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="one of %(choices)s")


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy completion`."""
    try:
        shtab: Any = importlib.import_module("shtab")
    except ImportError:
        raise ValueError("completion needs shtab, which is not installed: pip install shtab") from None
    from togetherpy.cli import whole_parser

    parser = whole_parser()
    _settle(parser, shtab)
    screen.write(shtab.complete(parser, shell=options.shell))
    return 0


def _settle(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Says of each argument that takes a path that it does, and of each command what its line of help says."""
    action: Any
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]  # shtab reads them, too
        if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage]
            commands: Any = vars(action)  # pyright: ignore[reportUnknownArgumentType]
            for named in commands["_choices_actions"]:
                command = commands["choices"][named.dest]
                command.description = named.help
                _settle(command, shtab)
        elif re.split(r"[.|]", str(action.metavar))[0] in _FILES:  # FILE|URL too
            action.complete = shtab.FILE
