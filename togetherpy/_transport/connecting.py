"""Threads for what cannot be waited for otherwise: name look-ups, connecting, TLS handshakes, a proxy's answer.

In: a connection to open. Out: the connection open, or why it is not; or nothing, when whoever waited gave up.
The rule: one kind of thread, for blocking calls and event loops alike. While a thread has a connection nobody else
touches it, so a wait can end at once. Nothing outlives its use: idle threads end by themselves, and the interpreter
never waits for one.
"""

from __future__ import annotations

import threading
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable

from togetherpy._transport.pool import Connection, Connections
from togetherpy._transport.slots import Handle

IDLE_SECONDS = 5.0
"""How long a thread without work stays."""


class Workers:
    """As many threads as there is work for at a time.

    Not `asyncio.to_thread`: that runs six at a time on two cores, and keeps the interpreter from ending while one of
    its threads is blocked.
    """

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._idle = 0

    def submit(self, job: Callable[[], None]) -> bool:
        """Has a thread run `job`, which must not raise; False when the system has no more threads to give, or, at the
        end of the interpreter, none any more."""
        with self._changed:
            if len(self._jobs) < self._idle:
                self._jobs.append(job)
                self._changed.notify()
                return True
        try:
            threading.Thread(target=self._work, args=(job,), name="togetherpy-worker", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def _work(self, job: Callable[[], None] | None) -> None:
        while job is not None:
            job()
            del job  # or its outcome would live until the next one comes
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: bool(self._jobs), IDLE_SECONDS)
                self._idle -= 1
                job = self._jobs.popleft() if self._jobs else None


class Opening:
    """A connection that is being opened, by a thread or by whoever wants it."""

    __slots__ = ("_conn", "_connections", "_deadline", "_error", "_handle", "_once", "_tell")

    def __init__(self, conn: Connection, connections: Connections, deadline: float, tell: Callable[[], None]) -> None:
        """`deadline`: on the monotonic clock. `tell`: ends the wait for it."""
        self._conn, self._connections, self._deadline, self._tell = conn, connections, deadline, tell
        self._handle = Handle()
        self._error: BaseException | None = None
        self._once = allocate_lock()
        """Who has it first, the end of the opening or of the wait, leaves the connection to the other."""

    def run(self) -> None:
        """Opens it."""
        try:
            self._conn.open(self._handle, self._deadline, self._connections)
        except BaseException as error:
            self._error = error
            self._conn.close()
        if self._once.acquire(False):
            self._tell()
        else:
            self._conn.close()

    def result(self) -> Connection:
        """The open connection, once the wait has ended in whichever way.

        Raises:
            TimeoutError: it is not open, and whoever opens it will close it. Else what the opening raised.
        """
        if self._once.acquire(False):
            self._handle.abort()
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._conn

    def give_up(self) -> None:
        """The wait was broken off."""
        if self._once.acquire(False):
            self._handle.abort()
        else:
            self._conn.close()
