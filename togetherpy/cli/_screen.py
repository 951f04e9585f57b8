"""Standard output and standard error as the command uses them.

In: text, some of it from a server. Out: what a terminal, a pipe or a file can take.
The rule: no character stops it. What the output's encoding lacks becomes "?", and so do control characters, with which
a text could otherwise drive the terminal.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

_CONTROL = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


class OutputError(Exception):
    """Standard output cannot be written to; `closed` when that is because nobody reads it any more."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or type(error).__name__)
        self.closed = isinstance(error, BrokenPipeError)


class Screen:
    """Standard output. Every method but `abandon` raises OutputError."""

    def __init__(self) -> None:
        self._at_start = True
        stdout: Any = sys.stdout  # None when it was closed before we began; print() then does nothing
        if hasattr(stdout, "reconfigure"):
            stdout.reconfigure(errors="replace")

    def write(self, text: str) -> None:
        """Shows `text` at once."""
        text = text.translate(_CONTROL)
        if text:
            self._at_start = text.endswith("\n")  # first: Ctrl-C may come as soon as the text is seen
        try:
            print(text, end="", flush=True)
        except OSError as error:
            raise OutputError(error) from None

    def line(self, text: str = "") -> None:
        """Shows `text` on a line of its own."""
        self.write(("" if self._at_start else "\n") + text + "\n")

    def flush(self) -> None:
        """Shows what others have printed."""
        self.write("")

    def abandon(self) -> None:
        """Ends an unfinished line if that is still possible; what cannot be written is given up."""
        try:
            if not self._at_start:
                self.write("\n")
            self.flush()
        except OutputError:
            # Else the interpreter tries to write the rest at its end, and complains that it cannot.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Shows `text` as one line on standard error."""
    with contextlib.suppress(OSError):
        print("togetherpy:", " ".join(text.translate(_CONTROL).split()), file=sys.stderr, flush=True)
