"""The two ways to start a run: one that blocks, one that is awaited.

In: the arguments of `run`. Out: its BatchSummary. The rule: the engine is the same; the blocking form has it on the
process's own loop, reads iterables in the caller's thread, and turns Ctrl-C into a stop that loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from togetherpy.batch.channel import Channel
from togetherpy.batch.filerun import Run
from togetherpy.batch.loop import engine_loop, submit
from togetherpy.batch.options import make_options
from togetherpy.batch.source import source_of

if TYPE_CHECKING:
    from togetherpy.batch.tally import BatchSummary

_AHEAD = 64


def prepared(given: Any, output: Any, client: Any, model: str | None, arguments: dict[str, Any]) -> Run:
    """A run that can begin: its output is open.

    Raises:
        TypeError, ValueError: an argument that cannot be meant. BatchError: it cannot begin.
    """
    options = make_options(output, model, arguments)
    source = source_of(given, options.form)
    if client is None:
        from togetherpy.client import Together

        client = Together()
    return Run(source, options, client)


def run_here(given: Any, output: Any, client: Any, model: str | None, arguments: dict[str, Any]) -> BatchSummary:
    """Blocks until the run has ended."""
    if isinstance(given, AsyncIterable):
        raise TypeError("input is an async iterable, which needs arun()")
    channel: Channel[Any, None] | None = None
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping)):
        channel = Channel(cast(Any, given), engine_loop(), _AHEAD)
        given = channel
    run = prepared(given, output, client, model, arguments)
    return Blocking(run, channel).wait()


class Blocking:
    """A run on the process's loop, and the thread that waits for it."""

    def __init__(self, run: Run, channel: Channel[Any, None] | None = None) -> None:
        self._run, self._channel = run, channel
        self._loop = engine_loop()
        self._end = submit(self._go())
        self.interrupts: int = 0

    async def _go(self) -> BatchSummary:
        try:
            return await self._run.go()
        finally:
            if self._channel is not None:
                self._channel.end()

    def interrupt(self, why: str) -> None:
        """Once: nothing new is sent and what is in flight ends. Twice: at once. From any thread or signal handler."""
        self.interrupts += 1
        action: Callable[[], None] = (lambda: self._run.stop(why)) if self.interrupts == 1 else self._run.abort
        self._loop.call_soon_threadsafe(action)

    def wait(self) -> BatchSummary:
        """The summary. Ctrl-C is an interrupt, and raised when the run has ended."""
        interrupted: KeyboardInterrupt | None = None
        while True:
            try:
                if self._channel is not None and interrupted is None:
                    for _ in self._channel.results():
                        pass
                summary = self._end.result()
                break
            except KeyboardInterrupt as signal:
                interrupted = signal
                self.interrupt("interrupted")
        if interrupted is not None:
            raise interrupted
        return summary


async def run_on_this_loop(
    given: Any, output: Any, client: Any, model: str | None, arguments: dict[str, Any]
) -> BatchSummary:
    """On the loop that runs."""
    run = await asyncio.to_thread(prepared, given, output, client, model, arguments)
    return await run.go()
