"""One attempt: the order of its events, for blocking calls and event loops alike.

In: a call whose turn has come. Out: a generator that yields what is to be waited for, and returns the outcome.
The rule: the order stands here and nowhere else; a driver only waits. It answers "connect" when the lease's connection
is open, "receive" with the bytes that came (b"" when the server closed its side), and "send" with None when more can
be sent, or with bytes that came instead. What fails it throws in. All waits end at the lease's deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Literal

from urllib3.exceptions import ClosedPoolError

from togetherpy._core import fork
from togetherpy._core.config import Config
from togetherpy._core.wire import Fault, Opened, Outcome, Ready, Reply, Sending, Take
from togetherpy._transport.answer import TooLargeError, is_left_open
from togetherpy._transport.connecting import Workers
from togetherpy._transport.faults import CLOSED, USED_AFTER_CLOSE, explain_connecting, explain_no_slot
from togetherpy._transport.lease import Lease, collect_forgotten
from togetherpy._transport.pool import Connection, Route, make_route
from togetherpy._transport.route import SetupError
from togetherpy._transport.slots import Handle, Slots
from togetherpy._transport.sockets import ONE_SEND, request_bytes, rest_of, send_now

Wait = Literal["connect", "send", "receive"]
Steps = Generator[Wait, bytes | None, Outcome]


class Origin:
    """The slots, connections and threads for one server. Opens its first connection with its first attempt."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server, self.max_bytes = config.origin.authority, config.max_response_bytes
        self.closed = False
        """Whether `close` was called."""
        self._lock = fork.Lock()
        self._begin()
        fork.watch(self)

    def _begin(self) -> None:
        self.route: Route | None = None
        """The way to the server, once it has been found."""
        self.leases: set[Handle] = set()
        self.slots = Slots(self.config.max_connections, partial(collect_forgotten, self.leases))
        self.workers = Workers()

    def renew(self) -> None:
        """A child must not write on its parent's connections (fault E8); its own copies are just forgotten."""
        fork.inherited.append(self.route)
        self._begin()

    def way(self) -> Route:
        """The way to the server, found with the first request."""
        if self.route is None:
            with self._lock:
                if self.route is None:
                    self.route = make_route(self.config)
        return self.route

    @property
    def busy(self) -> bool:
        """Every connection is in use."""
        return not self.slots.free

    def prepare(self) -> None:
        """Does what may take a moment and needs no call: finds the way, which loads certificates."""
        with suppress(SetupError):  # the call will say so
            self.way()

    def refused(self, lease: Lease) -> Fault:
        """The fault of an attempt that got no slot."""
        lease.end(reusable=False)
        if self.closed and not lease.aborted:
            return Fault("closed", "connecting", USED_AFTER_CLOSE)
        if lease.aborted:
            return Fault("closed", "connecting", CLOSED)
        return explain_no_slot(self.server, self.config.max_connections)

    def close(self) -> None:
        """Ends the calls that run and closes every connection (fault E16). Idempotent, from any thread."""
        self.closed = True
        for lease in list(self.leases):
            lease.abort()
        if self.route is not None:
            self.route.connections.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.server}>"


Body = Callable[[Any, bytes], Any]
"""Makes the unread body of an accepted stream; of its lease, and of what was read of it already."""


def attempt(origin: Origin, lease: Lease, call: Sending, waited: float, body: Body) -> Steps:
    """The attempt of a call that waited so many seconds for the slot that `lease` has."""
    request = call.admit(waited)
    fault = _take(origin, lease, fresh=call.fresh)
    if fault is not None:
        return fault
    conn, route = lease.conn, lease.route
    assert conn is not None  # there is no fault
    assert route is not None
    if not lease.reused:
        lease.deadline = min(call.deadline, time.monotonic() + call.connect)
        try:
            yield "connect"
        except Exception as error:
            if lease.aborted:
                return Fault("closed", "connecting", CLOSED)
            return explain_connecting(error, conn.stage, origin.server, route.proxy)
    lease.deadline = call.deadline
    if request is None:
        lease.end(reusable=True, used=False)
        return Ready()
    try:
        rest = send_now(conn, memoryview(request_bytes(request, route.prefix, route.fields)))
        if rest or type(request.body) is not bytes or len(request.body) > ONE_SEND:
            yield from _send_on(lease, conn, chain((rest,), rest_of(request)))
    except (BrokenPipeError, ConnectionResetError):
        pass  # a server that refuses a large request may answer before it has read it all
    except (OSError, ValueError) as error:
        return lease.fault(error, "sent")
    try:
        return (yield from _answer(lease, request.take, body))
    except (OSError, ValueError, TooLargeError) as error:
        return lease.fault(error, "sent")


def _take(origin: Origin, lease: Lease, *, fresh: bool) -> Fault | None:
    """Gives the lease a connection: `lease.reused` if it is a pooled one, else it is still to be connected."""
    if origin.closed:  # the slot came from a call that `close` has just ended
        return Fault("closed", "connecting", CLOSED)
    try:
        lease.route = route = origin.route or origin.way()
        lease.conn = conn = route.connections.take()
    except ClosedPoolError:
        return Fault("closed", "connecting", CLOSED)
    except SetupError as error:
        return Fault(error.kind, "connecting", str(error), final=True)
    if conn.sock is not None:
        if fresh or not conn.usable(lease.loop):
            conn.close()
        else:
            lease.reused = True
            lease.watch(conn.handle)
    return None


def _send_on(lease: Lease, conn: Connection, pieces: Iterable[memoryview]) -> Generator[Wait, bytes | None, None]:
    """Sends what did not go at once, until an answer begins to come."""
    for view in pieces:
        rest = view
        while rest and (rest := send_now(conn, rest)):
            early = yield "send"
            if early is not None:
                lease.receive_early(early)
                return


def _answer(lease: Lease, take: Take, body: Body) -> Steps:
    """Reads the answer to a request that was sent; of one that is left open only the head."""
    answer = lease.answer
    while (head := answer.head) is None:
        answer.receive((yield "receive") or b"")
    if take != "whole" and is_left_open(take, head.status, head.headers):
        answer.lift_limit()
        return Opened(head.status, head.headers, body(lease, b""))
    while True:
        whole = answer.whole()
        if take == "events" and (begun := answer.begun_stream()):
            answer.lift_limit()
            return Opened(head.status, head.headers, body(lease, begun))
        if whole is not None:
            break
        answer.receive((yield "receive") or b"")
    lease.end(reusable=answer.keep_alive)
    return Reply(head.status, head.headers, whole)
