"""A slot with its connection, given back exactly once; and the unread body that holds one.

In: a connection in use. Out: the connection in the pool again, or closed; the slot free in either case.
The rule: whoever ends a lease, from whichever thread and however often, the first one counts.
"""

from __future__ import annotations

import os
import threading
import time

from urllib3.connectionpool import HTTPConnectionPool

from togetherpy._core.wire import Fault, Phase
from togetherpy._transport.calls import Call, Slots
from togetherpy._transport.connections import Connection
from togetherpy._transport.exchange import Exchange
from togetherpy._transport.reasons import CLOSED, TooLargeError, explain_exchange

DRAIN_BYTES = 64 * 1024
DRAIN_SECONDS = 0.05


class Lease:
    """One slot, taken; and, once there is one, its connection."""

    __slots__ = ("_calls", "_conn", "_connections", "_once", "_slots", "call", "exchange", "reused", "server")

    def __init__(self, server: str, slots: Slots, calls: set[Call], call: Call) -> None:
        self.server = server
        self.call = call
        self.exchange: Exchange | None = None
        self.reused = False
        self._slots, self._calls = slots, calls
        self._conn: Connection | None = None
        self._connections: HTTPConnectionPool | None = None
        self._once = threading.Lock()

    def connection(self, connections: HTTPConnectionPool, conn: Connection) -> None:
        """From now on `conn` goes back with the slot."""
        self._connections, self._conn = connections, conn

    @property
    def ended(self) -> bool:
        """Whether everything has been given back."""
        return self._once.locked()

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the call."""
        if self.call.aborted or self.ended:
            return Fault("closed", phase, CLOSED)
        received = self.exchange is not None and self.exchange.received
        return explain_exchange(error, phase, self.server, reused=self.reused, received=received)

    def end(self, *, reusable: bool) -> None:
        """Gives everything back; a connection that is not `reusable` is closed first (see traps of urllib3's pool)."""
        if not self._once.acquire(blocking=False):
            return
        self._calls.discard(self.call)
        self.call.watch(None)
        if self._conn is not None and self._connections is not None:
            if reusable and not self.call.aborted:
                self._conn.idle_since = time.monotonic(), time.time()
            else:
                self._conn.close()
            self._connections._put_conn(self._conn)  # pyright: ignore[reportPrivateUsage]
        self._slots.release()


class PoolBody:
    """The unread body of an accepted stream. `read` is for one thread at a time, the rest for any."""

    __slots__ = ("_exchange", "_lease", "_pid", "_reading")

    def __init__(self, lease: Lease, exchange: Exchange) -> None:
        self._lease = lease
        self._exchange = exchange
        self._reading = threading.Lock()
        """Held while reading: a descriptor must not be closed under a thread that reads from it."""
        self._pid = os.getpid()

    def read(self, seconds: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. Waits `seconds` at most."""
        lease = self._lease
        if self._pid != os.getpid():
            return Fault("closed", "committed", "A stream cannot be read in a forked child.")
        with self._reading:
            try:
                if lease.ended or lease.call.aborted:
                    raise TimeoutError
                data = self._exchange.read(time.monotonic() + seconds)
                if not data:
                    lease.end(reusable=self._exchange.reader.keep_alive)
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
        if drained and self._pid == os.getpid() and self._reading.acquire(blocking=False):
            try:
                if not self._lease.ended:
                    deadline = time.monotonic() + DRAIN_SECONDS
                    self._lease.end(reusable=self._exchange.drain(DRAIN_BYTES, deadline))
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
