"""Request -> outcome, by blocking calls on the connections of a urllib3 pool.

In: a Request and its deadline. Out: Reply, Opened or Fault.
The rule: no network fault is raised, every wait is bounded by the deadline and can be aborted, and whatever
happens (KeyboardInterrupt included) the connection is either whole and back in the pool, or closed.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

from urllib3.exceptions import ClosedPoolError

from togetherpy._core import fork as process
from togetherpy._core.config import Config
from togetherpy._core.wire import Fault, Opened, Outcome, Reply, Request, Sending
from togetherpy._transport.answer import TooLargeError, is_left_open
from togetherpy._transport.faults import CLOSED, USED_AFTER_CLOSE, explain_connecting, explain_no_slot
from togetherpy._transport.lease import Lease, PoolBody
from togetherpy._transport.pool import Connecting, Route, make_route
from togetherpy._transport.route import SetupError
from togetherpy._transport.slots import Call, Slots, Turn
from togetherpy._transport.sockets import is_long, request_bytes, send, send_rest

_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.%]*")
"""A numeric address, which needs no name look-up."""


class Pool:
    """A blocking transport. Opens its first connection with its first request; safe to share between threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._server = config.origin.authority
        self.closed = False
        """Whether `close` was called."""
        self._lock = process.Lock()
        self._begin()
        process.watch(self)

    def _begin(self) -> None:
        self._route: Route | None = None
        self._calls: set[Call] = set()
        self.slots = Slots(self._config.max_connections)

    def renew(self) -> None:
        """A child must not write on its parent's connections (fault E8); its own copies are just forgotten."""
        process.inherited.append(self._route)
        self._begin()

    def send(self, sending: Sending) -> Outcome:
        """Waits for the call's turn, sends its request and reads its answer; of an accepted stream only the head."""
        call, asked = Call(), time.monotonic()
        fault = self.register(call)
        if fault is not None:
            return fault
        try:
            granted = self.slots.acquire(call, sending.queue)
        except BaseException:
            self.forget(call)
            raise
        if not granted:
            return self.no_slot(call)
        lease = self.lease(call)
        try:
            request = sending.admit(time.monotonic() - asked)
            deadline = sending.deadline
            fault = self.take(lease, fresh=sending.fresh)
            if fault is None and not lease.reused:
                fault = self.connect(lease, min(deadline, time.monotonic() + sending.connect))
            fault = fault or transmit(lease, request, deadline)
            outcome = fault or _finish(lease, request, deadline)
        except BaseException:
            # KeyboardInterrupt above all (fault E5): the connection is in an unknown state.
            lease.end(reusable=False)
            raise
        if isinstance(outcome, Fault):
            lease.end(reusable=False)
        return outcome

    def register(self, call: Call) -> Fault | None:
        """From now on `close` ends the call."""
        self._calls.add(call)
        if self.closed:
            self._calls.discard(call)
            return Fault("closed", "connecting", USED_AFTER_CLOSE)
        return None

    def forget(self, call: Call) -> None:
        """A registered call ended before it got a slot."""
        self._calls.discard(call)

    def no_slot(self, call: Call) -> Fault:
        """The fault of a registered call that got no slot."""
        self._calls.discard(call)
        if call.aborted:
            return Fault("closed", "connecting", CLOSED)
        return explain_no_slot(self._server, self._config.max_connections)

    def lease(self, call: Call) -> Lease:
        """What a registered call that got a slot gives back at its end."""
        return Lease(self._server, self.slots, self._calls, call, self._config.max_response_bytes)

    def take(self, lease: Lease, *, fresh: bool) -> Fault | None:
        """Gives the lease a connection: `lease.reused` if it is a pooled one, else it is still to be connected."""
        if self.closed:  # the slot came from a call that `close` has just ended
            return Fault("closed", "connecting", CLOSED)
        try:
            route = self._way()
            conn = route.take()
        except ClosedPoolError:
            return Fault("closed", "connecting", CLOSED)
        except SetupError as error:
            return Fault(error.kind, "connecting", str(error), final=True)
        if not conn.is_closed and (fresh or conn.stale()):
            conn.close()
        lease.hold(route, conn)
        if not conn.is_closed:
            lease.reused = True
            lease.call.watch(conn.handle)
        return None

    def connect(self, lease: Lease, deadline: float) -> Fault | None:
        """Opens the connection that `take` gave."""
        conn, route = lease.held()
        try:
            if route.proxy is None and _ADDRESS.fullmatch(self._config.origin.host):
                conn.open(lease.call, deadline, route.connections)
            else:
                # Neither a name look-up nor a proxy's answer to CONNECT can be bounded or ended otherwise. While the
                # other thread has the connection, the lease must not touch it.
                lease.hold(route, None)
                Connecting(conn, deadline, route.connections).run_until_open(lease.call)
                lease.hold(route, conn)
        except Exception as error:
            if lease.call.aborted:
                return Fault("closed", "connecting", CLOSED)
            return explain_connecting(error, conn.stage, self._server, route.proxy)
        return None

    def _way(self) -> Route:
        """The way to the server, found with the first request."""
        if self._route is None:
            with self._lock:
                if self._route is None:
                    self._route = make_route(self._config)
        return self._route

    def prepare(self) -> None:
        """Does what may take a moment and needs no call: finds the way, which loads certificates."""
        with suppress(SetupError):  # the call will say so
            self._way()

    def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the pool is closed."""
        call, turn = Call(), Turn()
        call.wake_by(turn.come)
        if self.register(call) is None:
            try:
                turn.wait(seconds)
            finally:
                self.forget(call)

    def close(self) -> None:
        """Ends the calls that run and closes every connection (fault E16). Idempotent."""
        self.closed = True
        for call in list(self._calls):
            call.abort()
        if self._route is not None:
            self._route.connections.close()

    def __repr__(self) -> str:
        return f"<Pool {self._server}>"


def transmit(lease: Lease, request: Request, deadline: float) -> Fault | None:
    """Sends the request on the lease's connection."""
    conn, route = lease.held()
    try:
        early = send(conn, memoryview(request_bytes(request, route.prefix, route.fields)), deadline)
        if early is None and is_long(request):
            early = send_rest(conn, request, deadline)
        if early is not None:
            lease.receive_early(early)
    except (BrokenPipeError, ConnectionResetError):
        return None  # a server that refuses a large request may answer before it has read it all
    except (OSError, ValueError) as error:
        return lease.fault(error, "sent")
    return None


def _finish(lease: Lease, request: Request, deadline: float) -> Outcome:
    """Reads the answer to a request that was sent; of an accepted stream only the head."""
    answer = lease.answer
    try:
        while answer.head is None:
            lease.receive(deadline)
        if is_left_open(request.take, answer.head.status, answer.head.headers):
            answer.lift_limit()
            return Opened(answer.head.status, answer.head.headers, PoolBody(lease))
        while True:
            body = answer.whole()
            if request.take == "events" and (begun := answer.begun_stream()):
                answer.lift_limit()
                return Opened(answer.head.status, answer.head.headers, PoolBody(lease, begun))
            if body is not None:
                break
            lease.receive(deadline)
    except (OSError, ValueError, TooLargeError) as error:
        return lease.fault(error, "sent")
    lease.end(reusable=answer.keep_alive)
    return Reply(answer.head.status, answer.head.headers, body)
