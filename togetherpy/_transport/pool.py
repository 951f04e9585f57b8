"""Request -> outcome, by blocking calls on the connections of a urllib3 pool.

In: a Request and its deadline. Out: Reply, Opened or Fault.
The rule: no network fault is raised, every wait is bounded by the deadline and can be aborted, and whatever
happens (KeyboardInterrupt included) the connection is either whole and back in the pool, or closed.
"""

from __future__ import annotations

import os
import re
import threading
import time

from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ClosedPoolError

from togetherpy._core.config import Config
from togetherpy._core.http1 import Head
from togetherpy._core.wire import Fault, Opened, Outcome, Reply, Request
from togetherpy._transport.calls import Call, Slots
from togetherpy._transport.connections import Connecting, Connection, ProxySetupError, make_pool, proxy_name
from togetherpy._transport.exchange import ONE_SEND, Exchange, request_bytes
from togetherpy._transport.lease import Lease, PoolBody
from togetherpy._transport.reasons import CLOSED, TooLargeError, explain_connecting

_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.%]*")
"""A numeric address, which needs no name look-up."""
_INHERITED: list[HTTPConnectionPool | None] = []
"""A forked child keeps its parent's pools alive unused: collecting them would take locks held at the fork."""


class Pool:
    """A blocking transport. Opens its first connection with its first request; safe to share between threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._server = config.origin.authority
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._connections: HTTPConnectionPool | None = None
        self._fields = ""
        self._proxy: str | None = None
        self._prefix = ""
        self.slots = Slots(self._config.max_connections)
        self._calls: set[Call] = set()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def send(
        self, request: Request, deadline: float, connect: float, *, fresh: bool = False, call: Call | None = None
    ) -> Outcome:
        """Sends the request and reads its answer; of an accepted stream only the head.

        `deadline`: on the monotonic clock. `connect`: seconds for connecting. `fresh`: on a new connection.
        """
        if self._pid != os.getpid():
            self._after_fork()
        call = call or Call()
        self._calls.add(call)
        lease = None
        try:
            if self.closed:
                return Fault("closed", "connecting", "The client is closed. Make a new one, or close it later.")
            if not self.slots.acquire(call, deadline - time.monotonic()):
                return self._no_slot(call)
            lease = Lease(self._server, self.slots, self._calls, call)
            outcome = self._send_on(lease, request, deadline, connect, fresh)
        except BaseException:
            # KeyboardInterrupt above all (fault E5): the connection is in an unknown state.
            if lease is not None:
                lease.end(reusable=False)
            raise
        finally:
            if lease is None:
                self._calls.discard(call)
        return outcome

    def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the pool is closed."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Ends the calls that run and closes every connection (fault E16). Idempotent."""
        self._closing.set()
        if self._pid != os.getpid():
            return
        for call in list(self._calls):
            call.abort()
        if self._connections is not None:
            self._connections.close()

    def _after_fork(self) -> None:
        """A child must not write on its parent's connections (fault E8); its own copies are just forgotten."""
        with self._lock:
            if self._pid != os.getpid():
                _INHERITED.append(self._connections)
                self._reset()

    def _no_slot(self, call: Call) -> Fault:
        if call.aborted:
            return Fault("closed", "connecting", CLOSED)
        return Fault(
            "timeout",
            "connecting",
            f"None of the {self._config.max_connections} connections to {self._server} came free in time. "
            "Raise max_connections or timeout, or close streams that are not read to their end.",
            final=True,
        )

    def _send_on(self, lease: Lease, request: Request, deadline: float, connect: float, fresh: bool) -> Outcome:
        conn = self._connection(lease, min(deadline, time.monotonic() + connect), fresh)
        if isinstance(conn, Fault):
            lease.end(reusable=False)
            return conn
        exchange = lease.exchange = Exchange(conn, self._config.max_response_bytes)
        try:
            try:
                exchange.send(memoryview(request_bytes(request, self._prefix + request.target, self._fields)), deadline)
                if len(request.body) > ONE_SEND:
                    exchange.send(memoryview(request.body)[ONE_SEND:], deadline)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses a large request may answer before it has read it all
            head = exchange.read_head(deadline)
            if request.stream and 200 <= head.status < 300 and _is_event_stream(head):
                exchange.lift_limit()
                return Opened(head.status, head.headers, PoolBody(lease, exchange))
            body = exchange.read_all(deadline)
        except (OSError, ValueError, TooLargeError) as error:
            fault = lease.fault(error, "sent")
            lease.end(reusable=False)
            return fault
        lease.end(reusable=exchange.reader.keep_alive)
        return Reply(head.status, head.headers, body)

    def _connection(self, lease: Lease, deadline: float, fresh: bool) -> Connection | Fault:
        """A connected connection: a pooled one, or a new one."""
        try:
            pool = self._pool()
            conn: Connection = pool._get_conn()  # type: ignore[assignment]
        except ClosedPoolError:
            return Fault("closed", "connecting", CLOSED)
        except ProxySetupError as error:
            return Fault("proxy", "connecting", str(error), final=True)
        if not conn.is_closed and (fresh or conn.stale()):
            conn.close()
        lease.reused = not conn.is_closed
        try:
            if lease.reused:
                lease.call.watch(conn.sock)
            elif self._proxy is None and _ADDRESS.fullmatch(self._config.origin.host):
                lease.connection(pool, conn)
                conn.open(lease.call, deadline, pool)
            else:
                # Neither a name look-up nor a proxy's answer to CONNECT can be bounded or ended otherwise.
                Connecting(conn, deadline, pool).run_until_open(lease.call)
        except Exception as error:
            if lease.call.aborted:
                return Fault("closed", "connecting", CLOSED)
            return explain_connecting(error, conn.stage, self._server, self._proxy)
        lease.connection(pool, conn)
        return conn

    def _pool(self) -> HTTPConnectionPool:
        pool = self._connections
        if pool is None:
            with self._lock:
                if self._connections is None:
                    self._proxy = proxy_name(self._config)
                    self._connections = make_pool(self._config)
                    self._prepare(self._connections)
                pool = self._connections
        return pool

    def _prepare(self, pool: HTTPConnectionPool) -> None:
        """What this way to the server adds to every request: Host, and what a plain-http proxy wants."""
        fields = {"Host": self._config.origin.authority}
        if pool.proxy is not None and pool.scheme == "http":
            self._prefix = f"http://{self._config.origin.authority}"
            fields |= dict(pool.proxy_headers)
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def __repr__(self) -> str:
        return f"<Pool {self._server}>"


def _is_event_stream(head: Head) -> bool:
    """A missing Content-Type passes: the asked-for type is the best guess."""
    return head.headers.get("content-type", "text/event-stream").lower().startswith("text/event-stream")
