"""Waiting on an event loop: for what threads share, a slot or the end of a pause; and the end of other waits.

In: the queue for slots, a call that may be aborted, a time limit. Out: whether it came.
The rule: no thread is held while waiting, and a cancelled wait leaves neither a place in the queue nor a slot behind.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress

from togetherpy._transport.slots import Call, Slots

NEVER = Slots(0)
"""Waiting for a slot that never comes free is a sleep that `Call.abort` ends."""
_LONGEST_TIMER = 3600.0
"""Seconds; a limit of `inf` is no time for a loop's timer."""


async def wait_for_slot(slots: Slots, call: Call, seconds: float, forget: Callable[[Call], None]) -> bool:
    """Takes a slot, waiting `seconds` at most; False when none came free or the call was aborted.

    `forget` is called with the call when the wait is cancelled.
    """
    loop = this_loop()
    turn: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has been closed, and with it whoever waited
            loop.call_soon_threadsafe(_wake, turn)

    waiter = slots.enter(wake)
    if waiter is None:
        return True
    try:
        call.wake_by(wake)
        await asyncio.wait((turn,), timeout=None if seconds == math.inf else max(0.0, seconds))
    except BaseException:
        forget(call)
        if slots.leave(waiter):
            slots.release()
        raise
    call.wake_by(None)
    granted = slots.leave(waiter)
    if granted and call.aborted:
        slots.release()
    return granted and not call.aborted


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


class Arrival:
    """Something that is waited for again and again on one loop, by one at a time, each time for so long at most."""

    __slots__ = ("_deadline", "_loop", "_timer", "_timer_at", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[bool] | None = None
        # One timer for all waits, moved when it fires: a timer per wait would cost more than the wait.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline = 0.0

    def wait(self, deadline: float) -> asyncio.Future[bool]:
        """True when it has come, False at the deadline (on the monotonic clock) or when nothing will come any more."""
        self._deadline = deadline
        if self._timer is None or self._timer_at > deadline:
            self._start_timer()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def tell(self) -> None:
        """It has come."""
        self._end_wait(True)

    def stop(self) -> None:
        """Nothing will come any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end_wait(False)

    def _end_wait(self, came: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(came)

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = time.monotonic()  # the clock of a loop may be another one
        self._timer_at = min(self._deadline, now + _LONGEST_TIMER)
        self._timer = self._loop.call_later(max(0.0, self._timer_at - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if time.monotonic() < self._deadline:
            self._start_timer()
        else:
            self._end_wait(False)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def this_loop() -> asyncio.AbstractEventLoop:
    """The event loop that runs in this thread.

    Raises:
        RuntimeError: there is none: the coroutine is driven by hand, or by another library's loop.
    """
    loop = running_loop()
    if loop is None:
        raise RuntimeError(
            "AsyncTogether works in asyncio only, and there is no running event loop: call it from a coroutine that "
            "asyncio.run(...) runs, or use Together"
        )
    return loop
