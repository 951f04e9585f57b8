"""Handles for ending what blocks, and the queue for a connection.

In: requests to wait, to read, to stop. Out: a slot, or the news that the call was ended.
The rule: whatever a call blocks on can be ended by one `abort()` from any thread: close(), cancellation and
collection of a forgotten stream all use it.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from togetherpy._transport import fork as process


class Call:
    """One attempt in flight.

    No lock: the `watch` methods write and then look at `aborted`, `abort` sets `aborted` and then looks at what is
    watched, so at least one of the two sees the other.
    """

    __slots__ = ("_pid", "_sock", "_wake", "aborted")

    def __init__(self) -> None:
        self.aborted = False
        self._sock: socket.socket | None = None
        self._wake: Callable[[], None] | None = None
        self._pid = process.pid

    def watch(self, sock: socket.socket | None) -> None:
        """From now on `abort` shuts this socket down."""
        self._sock = sock
        if self.aborted:
            self.abort()

    def wake_by(self, wake: Callable[[], None] | None) -> None:
        """From now on `abort` calls `wake`, which must take being called more than once."""
        self._wake = wake
        if self.aborted:
            self.abort()

    def abort(self) -> None:
        """Ends whatever the call is blocked on, now or next. The thread that runs the call cleans up."""
        self.aborted = True
        sock, wake = self._sock, self._wake
        if wake is not None:
            wake()
        # A forked child shares the parent's socket: shutting it down here would cut the parent off (fault E8).
        if sock is not None and self._pid == process.pid:
            with suppress(OSError):  # not connected yet, or closed already
                # SSLSocket.shutdown would also drop its TLS state under the thread that is reading.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Slots:
    """At most `count` calls at a time; the others wait in the order in which they came (fault E12)."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._waiting: deque[Waiter] = deque()

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._waiting)

    def enter(self, wake: Callable[[], None]) -> Waiter | None:
        """None: a slot is taken. Else a place in the queue; `wake` is called (in any thread) when its turn has come."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            waiter = Waiter(wake)
            self._waiting.append(waiter)
            return waiter

    def leave(self, waiter: Waiter) -> bool:
        """Ends the waiting; whether a slot was handed over, which is then the caller's to release."""
        with self._lock:
            if not waiter.granted:
                self._waiting.remove(waiter)
            return waiter.granted

    def acquire(self, call: Call, seconds: float) -> bool:
        """Takes a slot, blocking for `seconds` at most; False when none came free or the call was aborted."""
        turn = threading.Event()
        waiter = self.enter(turn.set)
        if waiter is None:
            return True
        try:
            call.wake_by(turn.set)
            turn.wait(max(0.0, min(seconds, threading.TIMEOUT_MAX)))
        except BaseException:
            if self.leave(waiter):
                self.release()
            raise
        call.wake_by(None)
        granted = self.leave(waiter)
        if granted and call.aborted:
            self.release()
        return granted and not call.aborted

    def release(self) -> None:
        """Gives a slot to the one who has waited longest, or back."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            waiter = self._waiting.popleft()
            waiter.granted = True
        waiter.wake()


class Waiter:
    """A place in the queue for a slot."""

    __slots__ = ("granted", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        self.granted = False
        self.wake = wake
