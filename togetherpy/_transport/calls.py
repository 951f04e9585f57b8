"""Handles for ending what blocks, and the queue for a connection.

In: requests to wait, to read, to stop. Out: a slot, or the news that the call was ended.
The rule: whatever a call blocks on can be ended by one `abort()` from any thread: close(), cancellation and
collection of a forgotten stream all use it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Callable


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
        self._pid = os.getpid()

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
        if sock is not None and self._pid == os.getpid():
            try:
                # SSLSocket.shutdown would also drop its TLS state under the thread that is reading.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass  # not connected yet, or closed already


class Slots:
    """At most `count` calls at a time; the others wait in the order in which they came (fault E12)."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return self._free

    def acquire(self, call: Call, seconds: float) -> bool:
        """Takes a slot, waiting `seconds` at most; False when none came free or the call was aborted."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            waiter = _Waiter()
            self._waiting.append(waiter)
        try:
            call.wake_by(waiter.wake)
            waiter.wait(seconds)
        finally:
            call.wake_by(None)
            with self._lock:
                if not waiter.granted:
                    self._waiting.remove(waiter)
            if waiter.granted and call.aborted:
                self.release()
        return waiter.granted and not call.aborted

    def release(self) -> None:
        """Gives a slot to the one who has waited longest, or back."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            waiter = self._waiting.popleft()
            waiter.granted = True
        waiter.wake()


class _Waiter:
    __slots__ = ("_gate", "granted")

    def __init__(self) -> None:
        self.granted = False
        self._gate = threading.Lock()
        self._gate.acquire()

    def wait(self, seconds: float) -> None:
        self._gate.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))

    def wake(self) -> None:
        try:
            self._gate.release()
        except RuntimeError:
            pass  # woken before
