"""Call -> outcome for asyncio, with the two run-time dependencies alone: the connections of a urllib3 pool.

In: a call, on any event loop. Out: Reply, Opened or Fault.
The rule: connecting is a thread's; all else is the event loop's, so that hundreds of calls in flight hold no threads,
and a call on a warm connection touches none. Where a loop cannot watch sockets, threads do. The order of events is
`attempt`'s; a cancelled wait leaves neither a place in the queue nor a slot behind.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from togetherpy._core import fork as process
from togetherpy._core.wire import Fault, Outcome, Sending
from togetherpy._transport.answer import TooLargeError
from togetherpy._transport.attempt import Origin, Steps, Wait, attempt
from togetherpy._transport.connecting import Opening
from togetherpy._transport.lease import Lease
from togetherpy._transport.pool import Connection
from togetherpy._transport.readiness import Readiness, running_loop, this_loop
from togetherpy._transport.route import DRAIN_SECONDS
from togetherpy._transport.slots import LOOK_AFTER, Handle
from togetherpy._transport.sockets import look_at, receive_now

_PATIENCE = 16
"""Reads, of 16 kB at most, after which the other tasks of the loop get their turn while TLS has more already."""


class LoopTransport(Origin):
    """Belongs to no loop: the same object serves several, one after another or at the same time."""

    async def send(self, call: Sending, /) -> Outcome:
        """Waits for the call's turn, sends its request and reads the answer; of one that is left open the head."""
        lease, waited = LoopLease(self, this_loop()), 0.0
        try:
            if not self.closed:
                lease.granted = self.slots.take()
                if not lease.granted:
                    asked = time.monotonic()
                    lease.granted = await self._turn(lease, call.queue)
                    waited = time.monotonic() - asked
            if not lease.granted:
                return self.refused(lease)
            outcome = await _drive(lease, attempt(self, lease, call, waited, LoopBody))
        except BaseException:
            lease.abandon()  # CancelledError above all (fault E6)
            raise
        if type(outcome) is Fault:
            lease.end(reusable=False)
        return outcome

    async def _turn(self, lease: Lease, seconds: float) -> bool:
        """Waits for a slot; False when none came free in time or the attempt was aborted."""
        loop = this_loop()
        turn, wake = _signal(loop)
        waiter = self.slots.enter(wake)
        if waiter is None:
            return True
        timer = loop.call_later(LOOK_AFTER, lambda: look(LOOK_AFTER * 2))

        def look(pause: float) -> None:
            nonlocal timer
            self.slots.look(waiter)
            timer = loop.call_later(pause, look, pause * 2)

        try:
            lease.wake_by(wake)
            await asyncio.wait((turn,), timeout=None if seconds == math.inf else max(0.0, seconds))
            lease.wake_by(None)
        except BaseException:
            self.slots.give_up(waiter)
            raise
        finally:
            timer.cancel()
        return self.slots.granted(waiter, lease)

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""
        handle = Handle()
        over, wake = _signal(this_loop())
        handle.wake_by(wake)
        self.leases.add(handle)
        try:
            if not self.closed:
                await asyncio.wait((over,), timeout=seconds)
        finally:
            self.leases.discard(handle)

    async def aclose(self) -> None:
        """The same as `close`."""
        self.close()


def _signal(loop: asyncio.AbstractEventLoop) -> tuple[asyncio.Future[None], Callable[[], None]]:
    """What is waited for on a loop, and what says in any thread, any number of times, that it has come."""
    future: asyncio.Future[None] = loop.create_future()

    def come() -> None:
        if not future.done():
            future.set_result(None)

    def tell() -> None:
        with suppress(RuntimeError):  # the loop has been closed, and with it whoever waited
            loop.call_soon_threadsafe(come)

    return future, tell


def _settle(future: asyncio.Future[bytes | None], data: bytes) -> None:
    if not future.done():
        future.set_result(data)


async def _drive(lease: LoopLease, steps: Steps) -> Outcome:
    """Waits for what an attempt waits for."""
    try:
        wait = next(steps)
        while True:
            try:
                came = await _wait(lease, wait)
            except Exception as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(came)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _wait(lease: LoopLease, what: Wait) -> Awaitable[bytes | None]:
    if what == "connect":
        return lease.connect()
    # The first bytes may have lain there for long, while the loop was busy elsewhere. But of a server that never stops
    # talking there is always more.
    if lease.answer.received and time.monotonic() >= lease.deadline:
        raise TimeoutError
    return lease.arrival(lease.deadline, to_send=what == "send")


class LoopLease(Lease):
    """A lease on an event loop; used in its thread, but for `abandon`."""

    _at_once = 0
    """Times that TLS had more without a wait."""

    def __init__(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(origin)
        self.loop, self._workers = loop, origin.workers

    async def connect(self) -> None:
        """Opens the connection, by a thread, which has it for itself meanwhile."""
        conn, route = self.held(), self.route
        assert route is not None  # it came with the connection
        done, tell = _signal(self.loop)
        opening = Opening(conn, route.connections, self.deadline, tell)
        self.conn = None
        try:
            self.wake_by(tell)
            if not self._workers.submit(opening.run):
                opening.run()
            await asyncio.wait((done,), timeout=min(1e6, max(0.0, self.deadline - time.monotonic())))
            self.wake_by(None)
        except BaseException:
            opening.give_up()
            raise
        self.conn = opening.result()
        self.watch(conn.handle)

    def arrival(self, deadline: float, *, to_send: bool = False) -> Awaitable[bytes | None]:
        """As `Readiness.wait`; what raises there may be raised here."""
        conn = self.held()
        if conn.buffers and conn.buffered and (data := receive_now(conn)) is not None:
            return self._now(data)
        readiness: Readiness | None = conn.readiness
        if readiness is None:
            conn.readiness = readiness = Readiness(self.loop, conn)
        try:
            return readiness.wait(deadline, to_send=to_send)
        except NotImplementedError:
            return self._by_thread(conn, deadline, to_send)

    def _now(self, data: bytes) -> Awaitable[bytes | None]:
        now: asyncio.Future[bytes | None] = self.loop.create_future()
        self._at_once += 1
        if self._at_once % _PATIENCE:
            now.set_result(data)
        else:
            self.loop.call_soon(_settle, now, data)
        return now

    async def _by_thread(self, conn: Connection, deadline: float, to_send: bool) -> bytes | None:
        """The same where the loop cannot watch sockets. The thread only looks: the connection may be closed then."""

        def look() -> None:
            with suppress(OSError, ValueError, AttributeError, TypeError):  # closed
                found.append(look_at(conn, deadline - time.monotonic(), to_send=to_send))
            tell()

        while True:
            found: list[bool] = []
            done, tell = _signal(self.loop)
            if not self._workers.submit(look):
                look()
            await done
            if found == [False] or time.monotonic() >= deadline:
                raise TimeoutError
            data = receive_now(self.held())
            if data is not None or to_send:
                return data

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self.abort()
        conn = self.conn
        if conn is None or conn.readiness is None or running_loop() is self.loop:
            self.end(reusable=False)
            return
        try:
            self.loop.call_soon_threadsafe(partial(self.end, reusable=False))
        except RuntimeError:
            self.end(reusable=False)  # a closed loop watches nothing any more


class LoopBody:
    """The unread body of an accepted stream. `read` is for one task at a time."""

    __slots__ = ("_begun", "_lease", "_pid")

    def __init__(self, lease: LoopLease, begun: bytes = b"") -> None:
        """`begun`: what was read of it already."""
        self._lease, self._begun = lease, begun
        self._pid = process.pid

    async def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        lease = self._lease
        if self._pid != process.pid:
            return Fault("closed", "committed", "A stream cannot be read in a forked child.")
        if self._begun:
            begun, self._begun = self._begun, b""
            return begun
        answer = lease.answer
        try:
            while (data := answer.take()) is None:
                if time.monotonic() >= deadline:
                    raise TimeoutError
                answer.receive(await lease.arrival(deadline) or b"")
            if not data:
                lease.end(reusable=answer.keep_alive)
        except (OSError, ValueError, TooLargeError) as error:
            fault = lease.fault(error, "committed")
            lease.end(reusable=False)
            return fault
        except BaseException:
            lease.abandon()  # CancelledError above all (fault E6)
            raise
        return data

    async def aclose(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""
        lease = self._lease
        if lease.ended:
            return
        if not drained or self._pid != process.pid:
            lease.abandon()
            return
        try:
            lease.end(reusable=await self._drain(time.monotonic() + DRAIN_SECONDS))
        except BaseException:
            lease.abandon()
            raise

    async def _drain(self, deadline: float) -> bool:
        """After the end of a stream: whether its body ends soon, so that the connection can be kept (B12, B13)."""
        answer = self._lease.answer
        try:
            while (over := answer.skim()) is None:
                if time.monotonic() >= deadline:
                    return False
                answer.receive(await self._lease.arrival(deadline) or b"")
        except (OSError, ValueError):
            return False
        return over and answer.keep_alive

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._lease.abandon()

    forget = abandon
