"""The event loop that synchronous callers' runs live on: one to a process, in a thread of its own.

In: coroutines. Out: futures. The rule: it begins with its first use, works where the caller has a running loop, and a
forked child gets its own.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from togetherpy._core import fork as process
from togetherpy._core.caller import remember_caller

T = TypeVar("T")

THREAD_NAME = "togetherpy-batch"
_PATIENCE = 2.0
"""Seconds that the end of the program waits for what is left."""
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def engine_loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, which is running. Raises RuntimeError: the process ends, and no thread can be begun."""
    global _loop, _pid, _lock
    if _pid != process.pid:
        _lock = threading.Lock()  # the parent's may have been held when it forked
    with _lock:
        if _loop is None or _pid != process.pid or _loop.is_closed():
            if _loop is not None and _pid != process.pid:
                process.inherited.append(_loop)
            _loop, thread = _begun()
            _pid = process.pid
            atexit.register(_end, _loop, thread, _pid)
        return _loop


def _begun() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=THREAD_NAME, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # in an atexit handler, from Python 3.12 on
        loop.close()
        raise RuntimeError(
            "many requests need a thread, and none can be begun any more: the program is ending. Call map() or "
            "batch.run() before it ends, or create() for one request after the other"
        ) from error
    return loop, thread


def submit(work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Begins `work` on that loop, in the caller's context; cancelling the future cancels it."""
    try:
        loop = engine_loop()
    except RuntimeError:
        work.close()
        raise
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    context = contextvars.copy_context()
    context.run(remember_caller)
    loop.call_soon_threadsafe(_begin, loop, work, outcome, context)
    return outcome


def _begin(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    outcome: concurrent.futures.Future[T],
    context: contextvars.Context,
) -> None:
    task = loop.create_task(work, context=context)

    def finish(done: asyncio.Task[T]) -> None:
        if outcome.cancelled():
            if not done.cancelled():
                done.exception()  # seen
        elif done.cancelled():
            outcome.cancel()
        elif (error := done.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(done.result())

    def cancel(ended: concurrent.futures.Future[T]) -> None:
        if ended.cancelled():
            loop.call_soon_threadsafe(task.cancel)

    task.add_done_callback(finish)
    outcome.add_done_callback(cancel)


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    if pid != process.pid or not loop.is_running():
        return
    asyncio.run_coroutine_threadsafe(_stop(), loop)
    thread.join(_PATIENCE)
    if not thread.is_alive():
        loop.close()


async def _stop() -> None:
    """Whoever left a `map` open when the program ended does not want it any more."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others or {asyncio.ensure_future(asyncio.sleep(0))}, timeout=_PATIENCE)
    asyncio.get_running_loop().stop()
