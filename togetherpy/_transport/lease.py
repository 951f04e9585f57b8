"""A slot with its connection, given back exactly once.

In: a connection in use. Out: the connection in the pool again, or closed; the slot free in either case.
The rule: whoever ends a lease, from whichever thread and however often, the first one counts. The collector may be
the one, so nothing here takes a lock or waits.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from togetherpy._core.wire import Fault, Phase
from togetherpy._transport import idle
from togetherpy._transport.answer import Answer
from togetherpy._transport.faults import CLOSED, explain_exchange
from togetherpy._transport.pool import Connection, Route
from togetherpy._transport.slots import Handle, Slots

if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # as in `wire`


class Lender(Protocol):
    """What leases are had from."""

    server: str
    max_bytes: int
    slots: Slots
    leases: set[Handle]


class Lease(Handle):
    """One attempt: its slot once that was granted, then its connection, and the answer that comes over it."""

    deadline = 0.0
    """Of what is waited for, on the monotonic clock."""
    granted = reused = False
    _cut_short = False
    """The answer came before the request was sent whole."""
    conn: Connection | None = None
    route: Route | None = None
    loop: Any = None
    """The event loop that it belongs to, if any."""

    def __init__(self, lender: Lender) -> None:
        self.server = lender.server
        self.answer = Answer(lender.max_bytes)
        self._slots, self._leases = lender.slots, lender.leases
        lender.leases.add(self)

    @property
    def ended(self) -> bool:
        """Everything has been given back."""
        return self not in self._leases

    def held(self) -> Connection:
        """The connection; OSError when it has been given back, by `close` for example."""
        if self.conn is None or self not in self._leases:
            raise OSError("the connection was given back")
        return self.conn

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the attempt."""
        if self.aborted or self.ended:
            return Fault("closed", phase, CLOSED)
        hint = self.route.hint if self.route is not None else ""
        received = self.answer.received
        return explain_exchange(error, phase, self.server, reused=self.reused, received=received, hint=hint)

    def receive_early(self, data: bytes) -> None:
        """Takes the beginning of an answer to a request that was not sent whole, so that nothing can follow it."""
        self._cut_short = True
        self.answer.receive(data)

    def end(self, *, reusable: bool, used: bool = True) -> None:
        """Gives everything back; a connection that is not `reusable` is closed first, or its slot would be lost.
        `used`: it lies idle from now on; else it does as long as before."""
        try:
            self._leases.remove(self)
        except KeyError:
            return
        conn = self.conn
        if conn is not None and self.route is not None:
            self._sock = None  # first this, then the look at `aborted`: see Handle
            if not reusable or self.aborted or self._cut_short:
                conn.close()
            elif used:
                conn.idle_since = idle.now()
            self.route.connections.give_back(conn)
        if self.granted:
            self._slots.release()


def collect_forgotten(leases: set[Handle]) -> None:
    """Gives back what streams hold that were forgotten in a cycle: who waits for it allocates nothing, so that the
    collector might never run. Without streams it is spared, for it may take a moment."""
    if any(isinstance(lease, Lease) and lease.answer.left_open for lease in list(leases)):
        gc.collect()
