"""A slot with its connection, given back exactly once; and the unread body that holds one.

In: a connection in use. Out: the connection in the pool again, or closed; the slot free in either case.
The rule: whoever ends a lease, from whichever thread and however often, the first one counts.
"""

from __future__ import annotations

import threading
import time

from togetherpy._core import fork as process
from togetherpy._core.wire import Fault, Phase
from togetherpy._transport.answer import Answer, TooLargeError
from togetherpy._transport.faults import CLOSED, explain_exchange
from togetherpy._transport.pool import Connection, Route
from togetherpy._transport.route import DRAIN_SECONDS, clocks
from togetherpy._transport.slots import Call, Slots
from togetherpy._transport.sockets import receive


class Lease:
    """One slot, taken; and, once there is one, its connection and the answer that comes over it."""

    __slots__ = (
        "_calls",
        "_cut_short",
        "_once",
        "_route",
        "_slots",
        "answer",
        "call",
        "conn",
        "ended",
        "reused",
        "server",
    )

    def __init__(self, server: str, slots: Slots, calls: set[Call], call: Call, max_bytes: int) -> None:
        self.server = server
        self.call = call
        self.answer = Answer(max_bytes)
        self.reused = False
        self._cut_short = False
        """The answer came before the request was sent whole."""
        self.conn: Connection | None = None
        self._slots, self._calls = slots, calls
        self._route: Route | None = None
        self._once = threading.Lock()
        self.ended = False
        """Everything has been given back."""

    def hold(self, route: Route, conn: Connection | None) -> None:
        """From now on `conn` goes back with the slot."""
        self._route, self.conn = route, conn

    def held(self) -> tuple[Connection, Route]:
        """The connection and the way it goes; OSError when it has been given back, by `close` for example."""
        if self.conn is None or self._route is None or self.ended:
            raise OSError("the connection was given back")
        return self.conn, self._route

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the call."""
        if self.call.aborted or self.ended:
            return Fault("closed", phase, CLOSED)
        hint = self._route.hint if self._route is not None else ""
        received = self.answer.received
        return explain_exchange(error, phase, self.server, reused=self.reused, received=received, hint=hint)

    def end(self, *, reusable: bool) -> None:
        """Gives everything back; a connection that is not `reusable` is closed first, or its slot would be lost."""
        if not self._once.acquire(blocking=False):
            return
        self.ended = True
        self._calls.discard(self.call)
        self.call.watch(None)
        if self.conn is not None and self._route is not None:
            if reusable and not (self.call.aborted or self._cut_short):
                self.conn.idle_since = clocks()
            else:
                self.conn.close()
            self._route.give_back(self.conn)
        self._slots.release()

    def receive(self, deadline: float) -> None:
        """Waits for the next bytes of the answer."""
        self.answer.receive(receive(self.held()[0], deadline))

    def receive_early(self, data: bytes) -> None:
        """Takes the beginning of an answer to a request that was not sent whole, so that nothing can follow it."""
        self._cut_short = True
        self.answer.receive(data)

    def drain(self, deadline: float) -> None:
        """After the end of a stream: gives the connection back if its body ends soon, else drops it (B12, B13)."""
        try:
            while (over := self.answer.skim()) is None:
                self.receive(deadline)
        except (OSError, ValueError):
            over = False
        self.end(reusable=over and self.answer.keep_alive)


class PoolBody:
    """The unread body of an accepted stream. `read` is for one thread at a time, the rest for any."""

    __slots__ = ("_begun", "_conn", "_lease", "_pid", "_reading")

    def __init__(self, lease: Lease, begun: bytes = b"") -> None:
        """`begun`: what was read of it already."""
        self._lease, self._begun = lease, begun
        self._conn, _ = lease.held()
        self._reading = threading.Lock()
        """Held while reading: a descriptor must not be closed under a thread that reads from it."""
        self._pid = process.pid

    def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        lease = self._lease
        if self._pid != process.pid:
            return Fault("closed", "committed", "A stream cannot be read in a forked child.")
        if self._begun:
            begun, self._begun = self._begun, b""
            return begun
        with self._reading:
            try:
                answer = lease.answer
                while (data := answer.take()) is None:
                    if lease.ended:
                        raise OSError("the connection was given back")
                    answer.receive(receive(self._conn, deadline))
                if not data:
                    lease.end(reusable=answer.keep_alive)
            except (OSError, ValueError, TooLargeError) as error:
                fault = lease.fault(error, "committed")
                lease.end(reusable=False)
                return fault
            except BaseException:
                lease.end(reusable=False)
                raise
        if lease.call.aborted:
            lease.end(reusable=False)  # `abandon` came too late to find the lock free
        return data

    def close(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""
        if drained and self._pid == process.pid and self._reading.acquire(blocking=False):
            try:
                if not self._lease.ended:
                    self._lease.drain(time.monotonic() + DRAIN_SECONDS)
            except BaseException:
                self._lease.end(reusable=False)  # KeyboardInterrupt
                raise
            finally:
                self._reading.release()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._lease.call.abort()
        if self._reading.acquire(blocking=False):
            try:
                self._lease.end(reusable=False)
            finally:
                self._reading.release()

    forget = abandon
