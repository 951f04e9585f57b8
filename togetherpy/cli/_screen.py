"""Standard output and standard error as the command uses them.

In: text, some of it from a server. Out: what a terminal, a pipe or a file can take.
The rule: results go to standard output, all else to standard error. A pipe or a file gets them as they are; on a
terminal what could drive it (control characters, and those that turn the direction of writing) becomes "?". No
character stops it: what the output's encoding lacks is written as an escape.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from togetherpy.cli._wrap import columns, text_width, wrapped

_CONTROL = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_BIDI = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "?")
_UNSAFE = {**_CONTROL, **_BIDI}


class OutputError(Exception):
    """Standard output cannot be written to; `closed` when that is because nobody reads it any more."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or type(error).__name__)
        self.closed = isinstance(error, BrokenPipeError)


class Screen:
    """Standard output. Every method that writes, but `abandon`, raises OutputError.

    terminal: whether it is one.
    """

    def __init__(self) -> None:
        self._at_start = True
        stdout: Any = sys.stdout  # None when it was closed before we began
        self.terminal: bool = bool(stdout and stdout.isatty())
        if hasattr(stdout, "reconfigure"):
            stdout.reconfigure(errors="backslashreplace")

    @property
    def width(self) -> int:
        """Columns of the terminal now; 80 where there is none."""
        return shutil.get_terminal_size().columns

    def write(self, text: str) -> None:
        """Shows `text` at once."""
        if self.terminal:
            text = safe(text)
        if text:
            _need_output()
            self._at_start = text.endswith("\n")  # first: Ctrl-C may come as soon as the text is seen
        try:
            print(text, end="", flush=True)
        except OSError as error:
            raise OutputError(error) from None

    def line(self, text: str = "") -> None:
        """Shows `text` on a line of its own."""
        self.write(("" if self._at_start else "\n") + text + "\n")

    def end_line(self) -> None:
        """Ends a line that is begun."""
        if not self._at_start:
            self.write("\n")

    def end(self) -> None:
        """Ends a text: on a terminal with the end of its line; a pipe gets it as it is."""
        if self.terminal:
            self.end_line()

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Shows rows in columns, the first one as their heads."""
        widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = [cell + " " * (width - text_width(cell)) for cell, width in zip(row, widths, strict=True)]
            self.line("  ".join(padded).rstrip())

    def json(self, value: Any, *, indent: int | None = 2) -> None:
        """Shows a value (JSON's own, or an answer) as JSON; `indent=None`: on one line."""
        import json  # --version and --help do without

        text = json.dumps(value, indent=indent, ensure_ascii=False, default=_plain)
        try:
            text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
        except UnicodeEncodeError:  # JSON's escapes, which the encoding's own would spoil
            text = json.dumps(value, indent=indent, default=_plain)
        self.line(text)

    def data(self, data: bytes) -> None:
        """Writes bytes as they are, after what was written before."""
        _need_output()
        out: Any = sys.stdout
        try:
            out.flush()
            getattr(out, "buffer", out).write(data)
            out.flush()
        except OSError as error:
            raise OutputError(error) from None

    def flush(self) -> None:
        """Shows what others have printed."""
        self.write("")

    def abandon(self) -> None:
        """Ends an unfinished line if that is still possible; what cannot be written is given up."""
        try:
            self.end_line()
            self.flush()
        except OutputError:
            # Else the interpreter tries to write the rest at its end, and complains that it cannot.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _need_output() -> None:
    """print() does nothing without an output, and an answer would be lost without a word."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise OutputError(OSError(errno.EBADF, "standard output is closed"))


def tell(text: str, *, end: str = "\n") -> None:
    """Writes `text` to standard error, if that can be."""
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]  # print() would take standard output
        with contextlib.suppress(OSError):
            print(text, end=end, file=sys.stderr, flush=True)


def safe(text: str) -> str:
    """The text without what could drive a terminal: "?" stands in its place."""
    return text.replace("\r\n", "\n").translate(_UNSAFE)


def note(text: str) -> None:
    """Shows `text` as one line on standard error; a terminal that is too narrow gets it wrapped."""
    line = " ".join(safe(text).split())
    tell(wrapped(line, columns(2)) if os.isatty(2) else line)


def complain(text: str) -> None:
    """The same, and says who speaks."""
    note(f"togetherpy: {text}")


def explain(error: Exception) -> str:
    """What an exception says, in words for people."""
    from togetherpy.error import TogetherError

    if isinstance(error, (TogetherError, TypeError, ValueError)):
        request_id = getattr(error, "request_id", None)
        return f"{error}" + (f" [request {request_id}]" if request_id and request_id not in str(error) else "")
    if isinstance(error, OSError) and (error.strerror is None or error.filename is not None):
        return f"{error.filename}: {error.strerror}" if error.strerror else str(error)
    return f"{type(error).__name__}: {error}"


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else str(value)
