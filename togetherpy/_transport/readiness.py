"""When a socket has something to read, asked of the running event loop.

In: a connected socket. Out: an awaitable that ends when bytes have arrived, or the time is over.
The rule: no thread waits and, while a stream flows, no system call is made but the loop's own; a reader nobody waits
for is taken out of the loop, so that a consumer that stops reading stops the sender (back-pressure by TCP).
"""

from __future__ import annotations

import asyncio

from togetherpy._transport.waiting import Arrival


class Readiness(Arrival):
    """Of one socket, on one loop; used in that loop's thread only."""

    __slots__ = ("_descriptor", "_registered")

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        super().__init__(loop)
        self._descriptor = descriptor
        self._registered = False

    def wait(self, seconds: float) -> asyncio.Future[bool]:
        """True when there is something to read (the end included), False after `seconds`.

        Raises:
            NotImplementedError: the loop cannot watch sockets (Windows' proactor loop).
        """
        if not self._registered:
            self._loop.add_reader(self._descriptor, self._readable)
            self._registered = True
        return super().wait(seconds)

    def stop(self) -> None:
        """Forgets the socket; to be called before it is closed or given to somebody else."""
        self._unregister()
        super().stop()

    def _readable(self) -> None:
        if not self.tell():
            self._unregister()  # nobody waits: the loop would call this again and again

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            self._loop.remove_reader(self._descriptor)
