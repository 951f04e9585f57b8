"""Which process asks: a request that one is asking is not asked by another one, as long as the first one lives.

In: keys' numbers. Out: whether the claim is ours. The rule: a claim is a lock on one byte of a file, at the key's
number; the system gives it back when its process ends, however it ends. Without such locks every claim is granted.
"""

from __future__ import annotations

import contextlib
import os
import sys

_MOST = (1 << 62) - 1


class Claims:
    """The claims of this process in a file that all processes have open. Closing it would give all of them back."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)

    def take(self, number: int) -> bool:
        """Whether no other process has it; within the process everyone has it."""
        try:
            _lock(self._file, number & _MOST)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return True
        return True

    def give_back(self, number: int) -> None:
        """Others may have it. Idempotent."""
        with contextlib.suppress(OSError):
            _unlock(self._file, number & _MOST)


if sys.platform == "win32":

    def _lock(file: int, at: int) -> None:
        """Nothing: there the lock of a byte keeps its own process out as well."""

    def _unlock(file: int, at: int) -> None:
        """Nothing."""
else:
    import fcntl

    def _lock(file: int, at: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)

    def _unlock(file: int, at: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, at)
