"""Waiting on an event loop for what threads share: a slot, or the end of a pause.

In: the queue for slots and a call that may be aborted. Out: whether the slot was got.
The rule: no thread is held while waiting, and a cancelled wait leaves neither a place in the queue nor a slot behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from togetherpy._transport.calls import Call, Slots

NEVER = Slots(0)
"""Waiting for a slot that never comes free is a sleep that `Call.abort` ends."""


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
        await asyncio.wait((turn,), timeout=max(0.0, min(seconds, 1e6)))
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
