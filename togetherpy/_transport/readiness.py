"""What comes over a socket, asked of the running event loop.

In: a connection. Out: futures of what arrives, or of the leave to send on.
The rule: no thread waits and, while answers flow, no system call is made but the loop's own: a connection stays watched
from one call to the next. But a reader that has something when nobody waits for it is taken out of the loop, so that
a consumer that stops reading stops the sender (back-pressure by TCP).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from togetherpy._core import fork as process
from togetherpy._transport.pool import Connection
from togetherpy._transport.sockets import receive_now

_LONGEST_TIMER = 3600.0
"""Seconds; a limit of `inf` is no time for a loop's timer."""


class Readiness:
    """Of one connection, on one loop; used in that loop's thread only, by one that waits at a time."""

    __slots__ = (
        "_conn",
        "_deadline",
        "_descriptor",
        "_pid",
        "_reads",
        "_timer",
        "_timer_at",
        "_waiter",
        "_writes",
        "loop",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, conn: Connection) -> None:
        self.loop, self._conn = loop, conn
        self._descriptor: int = conn.sock.fileno()
        self._reads = self._writes = False
        self._waiter: asyncio.Future[bytes | None] | None = None
        # One timer for all waits, moved when it fires: a timer per wait would cost more than the wait.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline = 0.0
        self._pid = process.pid

    def wait(self, deadline: float, *, to_send: bool = False) -> asyncio.Future[bytes | None]:
        """What arrives, b"" when the server closed its side; `to_send`: or None as soon as more can be sent. The future
        raises TimeoutError at the deadline (on the monotonic clock), and OSError when the connection is lost.

        Raises:
            NotImplementedError: the loop cannot watch sockets (Windows' proactor loop).
        """
        if not self._reads:
            self.loop.add_reader(self._descriptor, self._readable)
            self._reads = True
        if to_send:
            self.loop.add_writer(self._descriptor, self._writable)
            self._writes = True
        elif self._writes:  # an answer came before all was sent
            self._unwatch(reading=False)
        self._deadline = deadline
        if self._timer is None or self._timer_at > deadline:
            self._start_timer()
        self._waiter = waiter = self.loop.create_future()
        return waiter

    def leave(self, sock: Any) -> bool:
        """Forgets the socket before it is closed; False when its loop, which runs in another thread, will close it."""
        if self._pid != process.pid or self.loop.is_closed():
            return True
        if running_loop() is self.loop:
            self.stop()
            return True
        if not self.loop.is_running():
            with suppress(Exception):  # another thread may be closing the loop this very moment
                self.stop()
            return True
        try:
            self.loop.call_soon_threadsafe(self._close, sock)
        except RuntimeError:  # it has been closed meanwhile
            return True
        return False

    def _close(self, sock: Any) -> None:
        self.stop()
        sock.close()

    def stop(self) -> None:
        """Forgets the socket."""
        self._unwatch(reading=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waits():
            self._fail(OSError("the connection was given back"))

    def _waits(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _readable(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._unwatch(reading=True)  # nobody waits: the loop would call this again and again
            return
        # Read here and not by whoever waits: he runs one turn of the loop later, by when the loop has found the same
        # bytes again, and would be woken by these a second time for nothing.
        try:
            data = receive_now(self._conn)
        except OSError as error:
            waiter.set_exception(error)
            return
        if data is not None:
            waiter.set_result(data)

    def _writable(self) -> None:
        self._unwatch(reading=False)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _unwatch(self, *, reading: bool) -> None:
        reads, writes = self._reads and reading, self._writes
        self._reads, self._writes = self._reads and not reading, False
        # A forked child's loop shares with its parent's what the system watches for it (fault E8).
        if self._pid == process.pid:
            if reads:
                self.loop.remove_reader(self._descriptor)
            if writes:
                self.loop.remove_writer(self._descriptor)

    def _fail(self, error: OSError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = time.monotonic()  # the clock of a loop may be another one
        self._timer_at = min(self._deadline, now + _LONGEST_TIMER)
        self._timer = self.loop.call_later(max(0.0, self._timer_at - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if not self._waits():
            return
        if time.monotonic() < self._deadline:
            self._start_timer()
        else:
            self._fail(TimeoutError())


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def this_loop() -> asyncio.AbstractEventLoop:
    """The event loop that runs in this thread.

    Raises:
        RuntimeError: there is none: the coroutine is driven by hand, or by another library's loop.
    """
    loop = running_loop()
    if loop is None:
        raise RuntimeError(
            "AsyncTogether works in asyncio only, and there is no running event loop: call it from a coroutine that "
            "asyncio.run(...) runs, or use Together"
        )
    return loop
