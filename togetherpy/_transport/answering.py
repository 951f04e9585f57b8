"""A request that was sent on an event loop -> its outcome, and the unread body of a stream.

In: a Wire, which is the connection while it answers. Out: Reply, Opened or Fault; body bytes.
The rule: event-loop transports differ in how they connect and how bytes reach them; what the bytes mean, how long to
wait for them and when the connection is given back is decided here, the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Protocol

from togetherpy._core import fork as process
from togetherpy._core.wire import Fault, Opened, Outcome, Phase, Reply, Request
from togetherpy._transport.answer import Answer, TooLargeError, is_left_open
from togetherpy._transport.route import DRAIN_SECONDS


class Wire(Protocol):
    """A connection that one attempt has for itself, in its loop's thread."""

    answer: Answer

    @property
    def ended(self) -> bool:
        """The connection and its slot have been given back."""
        ...

    def wait(self, deadline: float) -> Awaitable[bool]:
        """True when it is worth while to ask what has arrived, False at the deadline; one waiter at a time.

        Raises:
            OSError: the connection was given back.
        """
        ...

    def arrived(self) -> bytes | None:
        """What has arrived; b"" when the server closed its side, None when nothing has.

        Raises:
            OSError: the connection is gone.
        """
        ...

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the attempt."""
        ...

    def end(self, *, reusable: bool) -> None:
        """Gives everything back; a connection that is not `reusable` is closed first. Idempotent."""

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""


async def finish(wire: Wire, request: Request, deadline: float) -> Outcome:
    """Reads the answer to a request that was sent; of an accepted stream only the head."""
    answer = wire.answer
    try:
        while answer.head is None:
            await _receive(wire, deadline)
        if is_left_open(request.take, answer.head.status, answer.head.headers):
            answer.lift_limit()
            return Opened(answer.head.status, answer.head.headers, LoopBody(wire))
        while True:
            body = answer.whole()
            if request.take == "events" and (begun := answer.begun_stream()):
                answer.lift_limit()
                return Opened(answer.head.status, answer.head.headers, LoopBody(wire, begun))
            if body is not None:
                break
            await _receive(wire, deadline)
    except (OSError, ValueError, TooLargeError) as error:
        return wire.fault(error, "sent")
    wire.end(reusable=answer.keep_alive)
    return Reply(answer.head.status, answer.head.headers, body)


async def _receive(wire: Wire, deadline: float) -> None:
    """Waits for the next bytes of the answer."""
    # `wait` alone always says True of a server that never stops talking. But the first bytes may have lain there
    # for long, while the loop was busy elsewhere.
    if wire.answer.received and time.monotonic() >= deadline:
        raise TimeoutError
    while True:
        if not await wire.wait(deadline):
            raise TimeoutError
        data = wire.arrived()
        if data is not None:
            wire.answer.receive(data)
            return


class LoopBody:
    """The unread body of an accepted stream. `read` is for one task at a time."""

    __slots__ = ("_begun", "_pid", "_wire")

    def __init__(self, wire: Wire, begun: bytes = b"") -> None:
        """`begun`: what was read of it already."""
        self._wire, self._begun = wire, begun
        self._pid = process.pid

    async def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        wire = self._wire
        if self._pid != process.pid:
            return Fault("closed", "committed", "A stream cannot be read in a forked child.")
        if self._begun:
            begun, self._begun = self._begun, b""
            return begun
        answer = wire.answer
        try:
            while (data := answer.take()) is None:
                # `_receive` once more: this runs for every chunk, and a coroutine less is felt.
                if time.monotonic() >= deadline or not await wire.wait(deadline):
                    raise TimeoutError
                received = wire.arrived()
                if received is not None:
                    answer.receive(received)
            if not data:
                wire.end(reusable=answer.keep_alive)
        except (OSError, ValueError, TooLargeError) as error:
            fault = wire.fault(error, "committed")
            wire.end(reusable=False)
            return fault
        except BaseException:
            wire.abandon()  # CancelledError above all (fault E6)
            raise
        return data

    async def aclose(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""
        wire = self._wire
        if wire.ended:
            return
        if not drained or self._pid != process.pid:
            wire.abandon()
            return
        try:
            wire.end(reusable=await self._drain())
        except BaseException:
            wire.abandon()
            raise

    async def _drain(self) -> bool:
        """After the end of a stream: whether its body ends soon, so that the connection can be kept (B12, B13)."""
        wire, deadline = self._wire, time.monotonic() + DRAIN_SECONDS
        try:
            while (over := wire.answer.skim()) is None:
                await _receive(wire, deadline)
        except (OSError, ValueError):
            return False
        return over and wire.answer.keep_alive

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._wire.abandon()

    forget = abandon
