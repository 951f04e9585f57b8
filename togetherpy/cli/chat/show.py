"""Where an answer goes while it arrives.

In: pieces of its text and of its reasoning. Out: the text on standard output, the reasoning on standard error.
The rule: what is no terminal gets the text exactly as it came, and a line end if there is none. A terminal gets it
without what could drive it, wrapped at the ends of words, or laid out by rich.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from typing import Protocol

from togetherpy.cli._screen import Screen, safe, tell
from togetherpy.cli._wrap import Wrap, columns


class Shown(Protocol):
    """One text on its way to standard output."""

    def text(self, piece: str) -> None:
        """Shows a piece of it."""
        ...

    def part(self) -> None:
        """Something else is shown before the next piece."""
        ...

    def end(self) -> None:
        """Shows what was held, and ends the line. Idempotent."""


class Plain:
    """For a pipe or a file."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.in_line: bool = False
        """The last line has no end yet."""

    def text(self, piece: str) -> None:
        """Shows a piece of it."""
        if piece:
            self._screen.write(piece)
            self.in_line = not piece.endswith("\n")

    def part(self) -> None:
        """Nothing: what is shown beside it goes elsewhere."""

    def end(self) -> None:
        """Ends the line."""
        if self.in_line:
            self.in_line = False
            self._screen.write("\n")


class Wrapped:
    """For a terminal."""

    def __init__(self, screen: Screen) -> None:
        self._out = Plain(screen)
        self._skipped = "\n"
        """What is left out at the beginning: models that have thought begin with empty lines."""
        self._wrap = Wrap(lambda: columns(1))
        self._safe = Safe()

    def text(self, piece: str) -> None:
        """Shows a piece of it, but for an unfinished word."""
        piece = self._safe.feed(piece)
        piece = piece.lstrip(self._skipped)
        if piece:
            self._skipped = ""
        self._out.text(self._wrap.feed(piece))

    def part(self) -> None:
        """Ends the line: a terminal shows both."""
        self._out.text(self._wrap.rest())
        if self._out.in_line:
            self._out.text(self._wrap.feed("\n"))
            self._skipped = "\n "

    def end(self) -> None:
        """Shows what was held, and ends the line."""
        self._out.text(self._wrap.rest())
        self._out.end()


class Safe:
    """`safe` for a text in pieces: a line end of two characters may come in two of them."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What of it can be shown."""
        piece = self._held + piece
        self._held = "\r" if piece.endswith("\r") else ""
        return safe(piece.removesuffix("\r"))


def shown(screen: Screen, *, plain: bool) -> Shown:
    """How a text is shown. `plain`: Markdown as it is, though there is rich."""
    if not screen.terminal:
        return Plain(screen)
    if not plain and os.environ.get("TERM") != "dumb" and os.environ.get("COLUMNS") != "0":  # rich would show nothing
        with contextlib.suppress(ImportError):
            from togetherpy.cli.chat.markdown import Rendered

            return Rendered()
    return Wrapped(screen)


@contextlib.contextmanager
def undisturbed(terminal: int = 0) -> Generator[None]:
    """While it lasts, the terminal shows no typed keys, and keeps what is on its way when Ctrl-C is typed: the lines
    of an answer would be where nobody expects them. What is typed is there for the next prompt."""
    with contextlib.ExitStack() as after:
        with contextlib.suppress(ImportError):
            import termios

            with contextlib.suppress(termios.error, OSError):  # it is no terminal
                before = termios.tcgetattr(terminal)
                local = (before[3] & ~termios.ECHO) | termios.NOFLSH
                after.callback(termios.tcsetattr, terminal, termios.TCSADRAIN, before)
                termios.tcsetattr(terminal, termios.TCSADRAIN, [*before[:3], local, *before[4:]])
        yield


class Beside:
    """Standard error beside an answer: the reasoning, dim and wrapped where it is a terminal."""

    def __init__(self) -> None:
        self._terminal = bool(sys.stderr and sys.stderr.isatty())
        self._dim = self._terminal and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
        self._begin()

    def _begin(self) -> None:
        self._wrap, self._safe = Wrap(lambda: columns(2)), Safe()
        self._in_line = False

    def text(self, piece: str) -> None:
        """Shows a piece of the reasoning."""
        self._write(self._wrap.feed(self._safe.feed(piece)) if self._terminal else piece)

    def end(self) -> None:
        """Shows what was held, and ends the line. What comes then is another text."""
        self._write(self._wrap.rest())
        if self._in_line:
            self._write("\n")
        self._begin()

    def _write(self, text: str) -> None:
        if not text:
            return
        self._in_line = not text.endswith("\n")
        tell(f"\x1b[2m{text}\x1b[22m" if self._dim else text, end="")
