"""Work that takes a moment, done beside an event loop that goes on meanwhile.

In: a function. Out: an awaitable that ends when it is done.
The rule: loaded with the first asynchronous call; nothing outlives the work, and what it raises is for its caller to
meet when it does the same again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

_running: dict[tuple[asyncio.AbstractEventLoop, Callable[[], None]], asyncio.Future[None]] = {}
"""What runs, by event loop and work: a thousand first calls at once load one HTTP stack, by one thread."""


async def in_thread(work: Callable[[], None]) -> None:
    """Does `work` in a thread, or at once where no thread can be started; tasks that ask for the same wait for one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return  # no asyncio: the call itself says so
    key = loop, work
    done = _running.get(key)
    if done is None:
        done = _running[key] = loop.create_future()
        _start(work, loop, done)
    await asyncio.wait((done,))  # which, unlike awaiting it, cancels nothing that others wait for


def _start(work: Callable[[], None], loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    def run() -> None:
        with suppress(BaseException):
            work()
        _running.pop((loop, work), None)  # here, for the loop may end before it comes to `finish`
        with suppress(RuntimeError):  # it has been closed
            loop.call_soon_threadsafe(finish)

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    try:
        threading.Thread(target=run, name="togetherpy-load", daemon=True).start()
    except RuntimeError:
        run()
