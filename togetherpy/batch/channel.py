"""Between a caller's thread and the engine's loop: requests one way, results the other.

In: an iterable that the caller's thread reads, results that the loop brings. Out: each on the other side.
The rule: what the caller gave is read in the caller's thread, never by two threads, and only as there is room.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from togetherpy._core import fork

T = TypeVar("T")
R = TypeVar("R")

_END: Any = object()


class Channel(Generic[T, R]):
    """Requests of type T to the loop, where it is an async iterator; results of type R to the thread."""

    def __init__(self, source: Iterable[T], loop: asyncio.AbstractEventLoop, ahead: int) -> None:
        """`ahead`: most requests that are read before the loop asks for them."""
        self._source, self._loop, self._ahead = source, loop, ahead
        self._requests: deque[Any] = deque()
        self._results: deque[Any] = deque()
        self._news = threading.Event()
        self._waiting: asyncio.Future[None] | None = None
        self._called = False
        self._pid = fork.pid

    # The loop's side

    def __aiter__(self) -> Channel[T, R]:
        return self

    async def __anext__(self) -> T:
        while not self._requests:
            self._waiting = self._loop.create_future()
            if not self._requests:
                self._news.set()
                await self._waiting
        item = self._requests.popleft()
        if 2 * len(self._requests) < self._ahead:
            self._news.set()
        if item is _END:
            self._requests.append(_END)
            raise StopAsyncIteration
        if isinstance(item, _Raised):
            raise item.error
        return item  # type: ignore[no-any-return]

    def put(self, result: R) -> None:
        """Brings a result to the thread."""
        self._results.append(result)
        self._news.set()

    def end(self, error: BaseException | None = None) -> None:
        """No more results; `error` is raised in the thread."""
        self._results.append(_END if error is None else _Raised(error))
        self._news.set()

    def _arrived(self) -> None:
        self._called = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # The thread's side

    def results(self) -> Iterator[R]:
        """The results as they come; between them, and while there are none, the source is read.

        Raises:
            RuntimeError: it is another process's, in which nothing comes any more.
        """
        unread = iter(self._source)
        more = True
        while True:
            if fork.pid != self._pid:
                raise RuntimeError("this began before the process was forked, and goes on in the parent; begin anew")
            self._news.clear()
            while more and len(self._requests) < self._ahead and not self._results:
                more = self._read(unread)
            if not self._results:
                if not more or len(self._requests) >= self._ahead:
                    self._news.wait()
                continue
            result = self._results.popleft()
            if result is _END:
                return
            if isinstance(result, _Raised):
                raise result.error
            yield result

    def _read(self, unread: Iterator[T]) -> bool:
        try:
            item: Any = next(unread, _END)
        except Exception as error:
            item = _Raised(error)
        self._requests.append(item)
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._arrived)
        return item is not _END and not isinstance(item, _Raised)


class _Raised:
    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error
