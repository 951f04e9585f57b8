"""Stream: an open body, its events, their chunks.

In: an Opened and what it takes to decode it. Out: chunks as they arrive.
The rule: the connection is given back when the stream ends, is left or is forgotten, whichever comes first.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from togetherpy._core.chunks import ChunkReader
from togetherpy._core.wire import Body, Fault, Headers

T = TypeVar("T")


class ResponseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an answer besides its content."""

    status_code: int
    headers: Headers
    """Case-insensitive."""
    request_id: str | None
    """The server's name for the request."""
    attempts: int
    """How many times the request was sent until it was answered."""


class Stream(Generic[T]):
    """Chunks as they arrive. An iterator and a context manager.

    Leaving a `for` loop early, or an exception in it, closes the stream and its connection. To take some chunks now
    and more later, keep one iterator (`chunks = iter(stream)`), or use `next(stream)`.
    """

    def __init__(self, reader: ChunkReader[T], body: Body, response: ResponseInfo, idle: float) -> None:
        """`idle`: seconds of silence between content events that are too many."""
        self._reader = reader
        self._body = body
        self._idle = idle
        self._over = False
        self.response = response
        """Status, headers and request id of the answer."""

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                yield from self._reader.chunks()
                if not self._read():
                    return
        finally:
            self.close()

    def __next__(self) -> T:
        try:
            while True:
                for chunk in self._reader.chunks():
                    return chunk
                if not self._read():
                    raise StopIteration
        except BaseException:
            self.close()
            raise

    def _read(self) -> bool:
        """Waits for the next event that carries data; False when the stream is over."""
        reader = self._reader
        if reader.complete:
            return False
        if self._over:
            raise reader.closed()
        deadline = time.monotonic() + self._idle
        while True:
            data = self._body.read(deadline - time.monotonic())
            if isinstance(data, Fault):
                raise reader.interrupted(data)
            if not data:
                reader.end()
                return False
            if reader.feed(data):
                return True

    def close(self) -> None:
        """Ends the stream. Its connection goes back to the pool if the end had come, else it is dropped. Idempotent."""
        if not self._over:
            self._over = True
            self._body.close(drained=self._reader.clean)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self.close()
            warnings.warn(f"{self!r} was never read to its end or closed", ResourceWarning, source=self)

    def __repr__(self) -> str:
        state = "complete" if self._reader.complete else "closed" if self._over else "open"
        return f"<Stream {state} {self.response.status_code} request_id={self.response.request_id!r}>"
