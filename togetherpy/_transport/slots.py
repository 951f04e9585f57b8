"""Handles for ending what blocks, and the queue for a connection.

In: requests to wait, to read, to stop. Out: a slot, or the news that the call was ended.
The rule: whatever a call blocks on can be ended by one `abort()` from any thread: close(), cancellation and
collection of a forgotten stream all use it. The collector may run at any call, in any thread, in the middle of any
line below: so nothing here takes a lock, and what two threads do at once is decided by single steps of a deque.
"""

from __future__ import annotations

import socket
import threading
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from togetherpy._core import fork as process

LOOK_AFTER = 1.0
"""Seconds after which it may be that nobody will give a slot back."""


class Turn:
    """What a thread waits by. Not an Event: that has a lock, which its own thread may hold when it is to be set."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def come(self) -> None:
        """Ends the waiting; any number of times, from any thread."""
        with suppress(RuntimeError):  # it had come already
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Until it has come, `seconds` at most; whether it has."""
        return self._lock.acquire(True, max(0.0, min(seconds, threading.TIMEOUT_MAX)))


class Handle:
    """What ends something that blocks.

    No lock: the `watch` methods write and then look at `aborted`, `abort` sets `aborted` and then looks at what is
    watched, so at least one of the two sees the other.
    """

    aborted = False
    _sock: socket.socket | None = None
    _wake: Callable[[], None] | None = None
    _pid = 0

    def watch(self, sock: socket.socket | None) -> None:
        """From now on `abort` shuts this socket down."""
        self._pid = process.pid
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

    def __init__(self, count: int, stalled: Callable[[], None] = lambda: None) -> None:
        """`stalled`: called when the first in the queue has waited for a while, now and then."""
        self._free, self._stalled = deque([None] * count), stalled
        self._queue: deque[Waiter] = deque()

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return len(self._free)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    def take(self) -> bool:
        """Takes a slot if one is free and nobody waits for it."""
        if self._queue:
            return False
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def enter(self, wake: Callable[[], None]) -> Waiter | None:
        """None: a slot is taken. Else a place in the queue; `wake` is called (in any thread) when its turn has come."""
        if self.take():
            return None
        waiter = Waiter(wake)
        self._queue.append(waiter)
        self._hand_out()  # a slot may have come free since the look
        return waiter

    def leave(self, waiter: Waiter) -> bool:
        """Ends the waiting; whether a slot was handed over, which is then the caller's to release."""
        try:
            self._queue.remove(waiter)
        except ValueError:
            return True  # whoever hands out has taken it from the queue
        return False

    def acquire(self, handle: Handle, seconds: float) -> bool:
        """Takes a slot, blocking for `seconds` at most; False when none came free or `handle` was aborted."""
        if self.take():
            return True
        turn = Turn()
        waiter = self.enter(turn.come)
        if waiter is None:
            return True
        try:
            handle.wake_by(turn.come)
            pause = LOOK_AFTER
            while not turn.wait(min(pause, seconds)) and (seconds := seconds - pause) > 0:
                self.look(waiter)
                pause *= 2
            handle.wake_by(None)
        except BaseException:
            self.give_up(waiter)
            raise
        return self.granted(waiter, handle)

    def look(self, waiter: Waiter) -> None:
        """It has waited for `LOOK_AFTER`, and looks again after twice the time."""
        with suppress(IndexError):
            if self._queue[0] is waiter:
                self._stalled()

    def granted(self, waiter: Waiter, handle: Handle) -> bool:
        """The wait is over: whether a slot was handed over, to somebody who still wants one."""
        had = self.leave(waiter)
        if had and handle.aborted:
            self.release()
        return had and not handle.aborted

    def give_up(self, waiter: Waiter) -> None:
        """The wait was broken off."""
        if self.leave(waiter):
            self.release()

    def release(self) -> None:
        """Gives a slot to the one who has waited longest, or back."""
        self._free.append(None)
        if self._queue:
            self._hand_out()

    def _hand_out(self) -> None:
        """Gives what is free to those who wait. Whoever adds to either looks at both after it, so none is left over."""
        while self._queue and self._free:
            try:
                self._free.pop()
            except IndexError:
                return  # another thread was faster, and looks again when it is done
            try:
                waiter = self._queue.popleft()
            except IndexError:
                self._free.append(None)
            else:
                waiter.wake()


class Waiter:
    """A place in the queue for a slot."""

    __slots__ = ("wake",)

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
