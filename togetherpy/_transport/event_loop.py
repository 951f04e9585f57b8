"""Request -> outcome for asyncio, with the two run-time dependencies alone: the blocking pool's connections.

In: a Request and its deadline, on any event loop. Out: Reply, Opened or Fault.
The rule: what may block for a moment (connecting, a send that does not fit) is a worker thread's; what may take
minutes (waiting for an answer) is the event loop's, so that hundreds of calls in flight hold no threads, and a call
on a warm connection touches none. Where a loop cannot watch sockets, workers wait instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from togetherpy._core import fork as process
from togetherpy._core.config import Config
from togetherpy._core.wire import Fault, Outcome, Phase, Request, Sending
from togetherpy._transport.answering import finish
from togetherpy._transport.blocking import Pool
from togetherpy._transport.connecting import Workers
from togetherpy._transport.lease import Lease
from togetherpy._transport.pool import Connection
from togetherpy._transport.readiness import Readiness
from togetherpy._transport.slots import Call, Slots
from togetherpy._transport.sockets import is_long, receive, receive_now, request_bytes, send, send_now, send_rest
from togetherpy._transport.waiting import NEVER, running_loop, this_loop, wait_for_slot

T = TypeVar("T")
_PATIENCE = 16
"""Reads, of 16 kB at most, after which the other tasks of the loop get their turn while TLS has more already."""


class ThreadTransport:
    """Belongs to no loop: the same object serves several, one after another or at the same time."""

    def __init__(self, config: Config) -> None:
        self._pool = Pool(config)
        self._most = config.max_connections
        self.workers = Workers(self._most)
        process.watch(self)

    def renew(self) -> None:
        """A forked child has none of its parent's threads."""
        self.workers = Workers(self._most)

    def prepare(self) -> None:
        """Does what may take a moment and needs no call."""
        self._pool.prepare()

    @property
    def slots(self) -> Slots:
        """The queue for connections."""
        return self._pool.slots

    async def send(self, sending: Sending) -> Outcome:
        """Waits for the call's turn, sends its request and reads its answer; of an accepted stream only the head."""
        call, asked = Call(), time.monotonic()
        fault = self._pool.register(call)
        if fault is not None:
            return fault
        if not await wait_for_slot(self._pool.slots, call, sending.queue, self._pool.forget):
            return self._pool.no_slot(call)
        lease = self._pool.lease(call)
        wire = _Wire(this_loop(), self.workers, lease)
        try:
            request = sending.admit(time.monotonic() - asked)
            outcome = await self._begin(wire, request, sending) or await finish(wire, request, sending.deadline)
        except BaseException:
            wire.abandon()  # CancelledError above all (fault E6)
            raise
        if isinstance(outcome, Fault):
            wire.end(reusable=False)
        return outcome

    async def _begin(self, wire: _Wire, request: Request, sending: Sending) -> Fault | None:
        """Gets a connection and sends the request."""
        lease, deadline = wire.lease, sending.deadline
        fault = self._pool.take(lease, fresh=sending.fresh)
        if fault is None and not lease.reused:
            until = min(deadline, time.monotonic() + sending.connect)
            fault = await wire.in_worker(lambda: self._pool.connect(lease, until))
        if fault is not None:
            return fault
        try:
            conn, route = lease.held()
            rest = send_now(conn, memoryview(request_bytes(request, route.prefix, route.fields)))
            early = await wire.in_worker(lambda: send(conn, rest, deadline)) if rest else None
            if early is None and is_long(request):
                early = await wire.in_worker(lambda: send_rest(conn, request, deadline))
            if early is not None:
                lease.receive_early(early)
        except (BrokenPipeError, ConnectionResetError):
            return None  # a server that refuses a large request may answer before it has read it all
        except (OSError, ValueError) as error:
            return lease.fault(error, "sent")
        return None

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""
        call = Call()
        if self._pool.register(call) is None:
            try:
                await wait_for_slot(NEVER, call, seconds, self._pool.forget)
            finally:
                self._pool.forget(call)

    def close(self) -> None:
        """Ends the calls that run and closes every connection (fault E16). Idempotent, from any thread."""
        self._pool.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()


class _Wire:
    """A lease on an event loop: who uses its connection, the loop or a worker, and how to stop either."""

    __slots__ = ("_at_once", "_buffers", "_busy", "_loop", "_readiness", "_unread", "_workers", "answer", "lease")

    def __init__(self, loop: asyncio.AbstractEventLoop, workers: Workers, lease: Lease) -> None:
        self._loop, self._workers = loop, workers
        self.lease, self.answer = lease, lease.answer
        self._buffers = False
        """Nothing tells that TLS has decrypted more than was taken, so of TLS it is asked before every wait. Of TCP
        that would be a system call and an exception for nothing."""
        self._at_once = 0
        """Times that it was not in vain."""
        self._unread: bytes | OSError | None = None
        """What came, or why nothing more will, until somebody asks for it."""
        self._readiness: Readiness | None = None
        self._busy = False
        """A worker is using the connection."""

    async def in_worker(self, job: Callable[[], T]) -> T:
        """What `job` returns or raises, from a worker thread; cancelling aborts the call, which ends the job."""
        outcome: asyncio.Future[T] = self._loop.create_future()

        def work() -> None:
            result: T | None = None
            failure: BaseException | None = None
            try:
                result = job()
            except BaseException as error:
                failure = error
            # First not busy, then a look at `aborted`; `abandon` does it the other way round. One of them ends it.
            self._busy = False
            if self.lease.call.aborted:
                self.lease.end(reusable=False)
            try:
                self._loop.call_soon_threadsafe(_deliver, outcome, result, failure)
            except RuntimeError:
                self.lease.end(reusable=False)  # the loop has been closed

        self._busy = True
        try:
            self._workers.submit(work)
        except RuntimeError:
            work()  # no thread can be started: at the end of the interpreter none can
        return await outcome

    @property
    def ended(self) -> bool:
        """The connection and its slot have been given back."""
        return self.lease.ended

    def wait(self, deadline: float) -> Awaitable[bool]:
        """True when it is worth while to ask what has arrived, False at the deadline; one waiter at a time.

        Raises:
            OSError: the connection was given back.
        """
        conn = self.lease.held()[0]
        if self._readiness is None:
            self._readiness = Readiness(self._loop, conn.sock.fileno(), self._read_now)
            self._buffers = hasattr(conn.sock, "pending")
        if self._buffers and self._read_now():
            now: asyncio.Future[bool] = self._loop.create_future()
            self._at_once += 1
            if self._at_once % _PATIENCE:
                now.set_result(True)
            else:
                self._loop.call_soon(_deliver, now, True, None)
            return now
        try:
            return self._readiness.wait(deadline)
        except NotImplementedError:
            return self.in_worker(lambda: self._read_blocking(conn, deadline))

    def _read_now(self) -> bool:
        conn = self.lease.conn
        try:
            self._unread = None if conn is None else receive_now(conn)
        except OSError as error:
            self._unread = error
        return self._unread is not None

    def _read_blocking(self, conn: Connection, deadline: float) -> bool:
        self._unread = receive(conn, deadline)
        return True

    def arrived(self) -> bytes | None:
        """What has arrived; b"" when the server closed its side, None when nothing has.

        Raises:
            OSError: the connection is gone.
        """
        data, self._unread = self._unread, None
        if isinstance(data, OSError):
            raise data
        return data

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the attempt."""
        return self.lease.fault(error, phase)

    def end(self, *, reusable: bool) -> None:
        """Gives the connection back; in the loop's thread, no worker using it."""
        if self._readiness is not None:
            self._readiness.stop()
            self._readiness = None
        self.lease.end(reusable=reusable)

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self.lease.call.abort()
        if self._busy:
            return
        if self._readiness is None or running_loop() is self._loop:
            self.end(reusable=False)
            return
        try:
            self._loop.call_soon_threadsafe(lambda: self.end(reusable=False))
        except RuntimeError:
            self.lease.end(reusable=False)  # a closed loop watches nothing any more


def _deliver(outcome: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if outcome.done():
        return  # the task was cancelled meanwhile; `work` has cleaned up
    if failure is not None:
        outcome.set_exception(failure)
    else:
        outcome.set_result(result)
