"""The output of a run: lines that were there, lines that are added.

In: lines, each whole. Out: a file in which every line that counts is on disk.
The rule: one write a line; what could not be written whole is cut off again; a line counts after the write (with
`fsync`, after the disk has it). An output that is no file (a pipe, a terminal) takes lines and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from togetherpy.batch.envelope import Line, read_line
from togetherpy.batch.errors import BatchError

STDOUT = "-"


class OutputError(BatchError):
    """The output cannot be written to. `closed`: because nobody reads it any more."""

    closed = False


def _refused(path: str, error: OSError) -> OutputError:
    failure = OutputError(f"cannot write {path}: {error.strerror or type(error).__name__}")
    failure.closed = isinstance(error, BrokenPipeError)
    return failure


class Output:
    """A place where lines go."""

    def __init__(self, path: str, *, fsync: bool = False) -> None:
        """Opens `path` for appending, "-" for standard output. Raises OutputError."""
        self.path: str = path
        self._fsync = fsync
        try:
            self._file = os.dup(1) if path == STDOUT else _open(path)
            self.is_file: bool = path != STDOUT and stat.S_ISREG(os.fstat(self._file).st_mode)
            self._end = os.fstat(self._file).st_size
        except OSError as error:
            raise _refused(path, error) from None

    def write(self, line: bytes) -> None:
        """Adds a line; when this returns, it counts. Raises OutputError."""
        try:
            self._write(line)
            if self._fsync and self.is_file:
                os.fsync(self._file)
        except OSError as error:
            if self.is_file:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._end)  # half a line is none
            raise _refused(self.path, error) from None
        self._end += len(line)

    def _write(self, line: bytes) -> None:
        done = os.write(self._file, line)
        while done < len(line):  # the disk is nearly full, or it is a pipe
            done += os.write(self._file, memoryview(line)[done:])

    def close(self) -> None:
        """Idempotent."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def reopen(self) -> None:
        """The file was replaced by another one."""
        self.close()
        self._file = _open(self.path)
        self._end = os.fstat(self._file).st_size

    def mend(self) -> None:
        """What a killed run left: half a last line is cut off, a whole one that lacks only its end gets it."""
        if not self.is_file or not self._end:
            return
        tail, start = _tail(self.path, self._end)
        if not tail:
            return
        if read_line(tail) is not None:
            self.write(b"\n")
        else:
            os.ftruncate(self._file, start)
            self._end = start


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)


def _tail(path: str, size: int) -> tuple[bytes, int]:
    """What comes after the last line end, and where that begins."""
    block = 65536
    with open(path, "rb") as file:
        start = size
        while start > 0:
            start = max(0, start - block)
            file.seek(start)
            found = file.read(min(block, size - start)).rfind(b"\n")
            if found >= 0:
                start += found + 1
                break
        file.seek(start)
        return file.read(size - start), start


def read_output(path: str) -> Iterator[tuple[bytes, Line | None]]:
    """The lines of an output, with what they say; nothing when there is none."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb", buffering=1 << 18) as file:
        for line in file:
            yield line, read_line(line)
