"""One run at a time on one output.

In: the output's path. Out: a lock that the system keeps, so that it is gone with the process, however that ends.
The rule: a file beside the output is locked, not the output itself, which a run replaces at its end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import TracebackType
from typing import Self

from togetherpy.batch.errors import BatchError

SUFFIX = ".lock"


class Lock:
    """The lock on an output, from `__init__` to `release`."""

    def __init__(self, output: str) -> None:
        """Raises BatchError when another run has it, OSError when the file cannot be made."""
        self._path = output + SUFFIX
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                _take(self._file)
            except OSError:
                os.close(self._file)
                raise BatchError(
                    f"another run is writing {output}; wait for it, or give this one another output (-o)"
                ) from None
            if self._is_the_file():
                return
            os.close(self._file)  # its owner took it away between our open and our lock

    def _is_the_file(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Takes the lock away. Idempotent."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
