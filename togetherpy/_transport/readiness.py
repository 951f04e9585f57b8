"""When a socket has something to read, asked of the running event loop.

In: a connected socket, and how to read from it. Out: an awaitable that ends when bytes were read, or the time is over.
The rule: no thread waits and, while a stream flows, no system call is made but the loop's own; a reader nobody waits
for is taken out of the loop, so that a consumer that stops reading stops the sender (back-pressure by TCP).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from togetherpy._core import fork as process
from togetherpy._transport.waiting import Arrival


class Readiness(Arrival):
    """Of one socket, on one loop; used in that loop's thread only."""

    __slots__ = ("_descriptor", "_pid", "_read", "_registered")

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, read: Callable[[], bool]) -> None:
        """`read`: takes what there is, without waiting; whether there was something."""
        super().__init__(loop)
        self._descriptor = descriptor
        self._read = read
        self._registered = False
        self._pid = process.pid

    def wait(self, deadline: float) -> asyncio.Future[bool]:
        """True when something was read (the end included), False at the deadline.

        Raises:
            NotImplementedError: the loop cannot watch sockets (Windows' proactor loop).
        """
        if not self._registered:
            self._loop.add_reader(self._descriptor, self._readable)
            self._registered = True
        return super().wait(deadline)

    def stop(self) -> None:
        """Forgets the socket; to be called before it is closed or given to somebody else."""
        self._unregister()
        super().stop()

    def _readable(self) -> None:
        if self._waiter is None or self._waiter.done():
            self._unregister()  # nobody waits: the loop would call this again and again
        elif self._read():
            # Read here and not by whoever waits: he runs one turn of the loop later, by when the loop has found the
            # same bytes again, and would be woken by these a second time for nothing.
            self.tell()

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            # A forked child's loop shares with its parent's what the system watches for it (fault E8).
            if self._pid == process.pid:
                self._loop.remove_reader(self._descriptor)
