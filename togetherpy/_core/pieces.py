"""Pieces of another size, and lines.

In: bytes or text as they arrive. Out: the same, cut otherwise. The rule: nothing is lost, and what cannot be decided
yet waits for what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


class Sized:
    """Pieces of one size."""

    def __init__(self, size: int) -> None:
        """Raises ValueError for a size below 1."""
        if size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {size}")
        self._size = size
        self._waiting = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What is complete with this."""
        self._waiting += data
        whole = len(self._waiting) - len(self._waiting) % self._size
        ready, self._waiting = self._waiting[:whole], self._waiting[whole:]
        return (ready[at : at + self._size] for at in range(0, whole, self._size))

    def rest(self) -> Iterator[bytes]:
        """What was left over."""
        return iter((self._waiting,) if self._waiting else ())


class Lines:
    """Lines, which end with CR, LF or both."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def feed(self, text: str) -> list[str]:
        """The lines that end in this. A CR at its end may be followed by its LF."""
        if "\n" not in text and "\r" not in text and not (self._waiting and self._waiting[-1].endswith("\r")):
            self._waiting.append(text)
            return []
        whole = "".join((*self._waiting, text))
        kept = "\r" if whole.endswith("\r") else ""
        *lines, last = re.split("\r\n|\r|\n", whole.removesuffix("\r"))
        self._waiting = [last + kept]
        return lines

    def rest(self) -> list[str]:
        """What follows the last end of a line."""
        left = "".join(self._waiting)
        return [left.removesuffix("\r")] if left else []
