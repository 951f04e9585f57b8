"""When a socket has something to read, asked of the running event loop.

In: a connected socket. Out: an awaitable that ends when bytes have arrived, or the time is over.
The rule: no thread waits and, while a stream flows, no system call is made but the loop's own; a reader nobody waits
for is taken out of the loop, so that a consumer that stops reading stops the sender (back-pressure by TCP).
"""

from __future__ import annotations

import asyncio


class Readiness:
    """Of one socket, on one loop; used in that loop's thread only."""

    __slots__ = ("_deadline", "_descriptor", "_loop", "_registered", "_timer", "_timer_at", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._registered = False
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline = 0.0

    def wait(self, seconds: float) -> asyncio.Future[bool]:
        """True when there is something to read (the end included), False after `seconds`. One waiter at a time.

        Raises:
            NotImplementedError: the loop cannot watch sockets (Windows' proactor loop).
        """
        if not self._registered:
            self._loop.add_reader(self._descriptor, self._readable)
            self._registered = True
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._timer_at > deadline:
            self._set_timer()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def stop(self) -> None:
        """Forgets the socket; to be called before it is closed or given to somebody else."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unregister()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(False)

    def _readable(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(True)
        else:
            self._unregister()  # nobody waits: the loop would call this again and again

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            self._loop.remove_reader(self._descriptor)

    def _set_timer(self) -> None:
        # One timer for the whole life of the socket, moved when it fires: a timer per wait would cost more than
        # the wait.
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = min(self._deadline, self._loop.time() + 3600.0)
        self._timer = self._loop.call_at(self._timer_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._waiter.set_result(False)
