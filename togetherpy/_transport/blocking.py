"""Call -> outcome, by blocking calls on the connections of a urllib3 pool.

In: a call. Out: Reply, Opened or Fault.
The rule: no network fault is raised, every wait is bounded and can be aborted, and whatever happens (KeyboardInterrupt
included) the connection is either whole and back in the pool, or closed. The order of events is `attempt`'s.
"""

from __future__ import annotations

import threading
import time

from togetherpy._core import fork as process
from togetherpy._core.wire import Fault, Outcome, Sending
from togetherpy._transport.answer import TooLargeError
from togetherpy._transport.attempt import Origin, Steps, attempt
from togetherpy._transport.connecting import Opening
from togetherpy._transport.lease import Lease
from togetherpy._transport.route import DRAIN_SECONDS
from togetherpy._transport.slots import Handle, Turn
from togetherpy._transport.sockets import receive, wait_to_send


class BlockingTransport(Origin):
    """Safe to share between threads."""

    def send(self, call: Sending, /) -> Outcome:
        """Waits for the call's turn, sends its request and reads the answer; of one that is left open the head."""
        lease, waited = Lease(self), 0.0
        try:
            if not self.closed:
                lease.granted = self.slots.take()
                if not lease.granted:
                    asked = time.monotonic()
                    lease.granted = self.slots.acquire(lease, call.queue)
                    waited = time.monotonic() - asked
            if not lease.granted:
                return self.refused(lease)
            outcome = _drive(self, lease, attempt(self, lease, call, waited, BlockingBody))
        except BaseException:
            # KeyboardInterrupt above all (fault E5): the connection is in an unknown state.
            lease.end(reusable=False)
            raise
        if type(outcome) is Fault:
            lease.end(reusable=False)
        return outcome

    def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""
        handle, turn = Handle(), Turn()
        handle.wake_by(turn.come)
        self.leases.add(handle)
        try:
            if not self.closed:
                turn.wait(seconds)
        finally:
            self.leases.discard(handle)


def _drive(origin: Origin, lease: Lease, steps: Steps) -> Outcome:
    """Waits for what an attempt waits for."""
    try:
        wait = next(steps)
        while True:
            try:
                if wait == "receive":
                    came: bytes | None = receive(lease.held(), lease.deadline)
                elif wait == "send":
                    came = wait_to_send(lease.held(), lease.deadline)
                else:
                    came = None
                    _connect(origin, lease)
            except Exception as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(came)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _is_address(host: str) -> bool:
    """Whether it is numeric, so that it needs no name look-up; no name holds a colon, or digits alone."""
    return ":" in host or host.replace(".", "").isdigit()


def _connect(origin: Origin, lease: Lease) -> None:
    """Opens the lease's connection. Neither a name look-up nor a proxy's answer to CONNECT can be bounded or ended but
    by leaving it to another thread, which then has the connection for itself."""
    conn, route = lease.held(), origin.way()
    turn = Turn()
    opening = Opening(conn, route.connections, lease.deadline, turn.come)
    if route.proxy is None and _is_address(origin.config.origin.host):
        conn.open(lease, lease.deadline, route.connections)
        return
    lease.conn = None
    try:
        lease.wake_by(turn.come)
        if origin.workers.submit(opening.run):
            turn.wait(lease.deadline - time.monotonic())
        else:
            opening.run()
        lease.wake_by(None)
    except BaseException:
        opening.give_up()
        raise
    lease.conn = opening.result()
    lease.watch(conn.handle)
    return


class BlockingBody:
    """The unread body of an accepted stream. `read` is for one thread at a time, the rest for any."""

    __slots__ = ("_begun", "_conn", "_lease", "_pid", "_reading")

    def __init__(self, lease: Lease, begun: bytes = b"") -> None:
        """`begun`: what was read of it already."""
        self._lease, self._begun = lease, begun
        self._conn = lease.held()
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
        if lease.aborted:
            lease.end(reusable=False)  # `abandon` came too late to find the lock free
        return data

    def close(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""
        if not (drained and self._pid == process.pid and self._reading.acquire(blocking=False)):
            self.abandon()
            return
        reusable = False
        try:
            if not self._lease.ended:
                reusable = self._drain(time.monotonic() + DRAIN_SECONDS)
        finally:
            self._lease.end(reusable=reusable)
            self._reading.release()

    def _drain(self, deadline: float) -> bool:
        """After the end of a stream: whether its body ends soon, so that the connection can be kept (B12, B13)."""
        answer = self._lease.answer
        try:
            while (over := answer.skim()) is None:
                answer.receive(receive(self._conn, deadline))
        except (OSError, ValueError):
            return False
        return over and answer.keep_alive

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._lease.abort()
        if self._reading.acquire(blocking=False):
            try:
                self._lease.end(reusable=False)
            finally:
                self._reading.release()

    forget = abandon
