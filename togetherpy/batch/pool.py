"""The engine that all calls of one configuration share in a process, whichever thread they come from.

In: jobs from threads. Out: a future for each. The rule: a table's engine makes a fresh operator for each of its tasks,
so what is worth keeping (connections, the loop's thread, what the controller has learnt) lives here, keyed by
configuration and process, and in no operator.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec

from togetherpy._core import fork
from togetherpy._core.config import Secret
from togetherpy.batch.asking import AskBytes, Got, Limits, Line
from togetherpy.batch.descriptors import affordable
from togetherpy.batch.engine import MAX_RETRIES, STALL, Engine, Job, Settings
from togetherpy.batch.loop import engine_loop
from togetherpy.client import Together
from togetherpy.error import APIConnectionError

KEPT = 8
"""Idle pools that are kept."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two calls share a pool."""

    model: str
    base_url: str | None = None
    key: Secret | None = None
    ceiling: int = 256
    rpm: float | None = None
    tpm: float | None = None
    share: float = 1.0
    max_retries: int = MAX_RETRIES
    stall: float = STALL


class Sent(msgspec.Struct):
    """What became of a job: an answer or an error."""

    got: Got | None
    error: BaseException | None
    attempts: int


Told = Callable[[Sent], None]


class Pool:
    """One engine, its connections, and the jobs that wait for it."""

    def __init__(self, place: Place) -> None:
        """Raises what the client says of a configuration that cannot be, AuthenticationError above all."""
        client: Any = Together(api_key=None if place.key is None else place.key.reveal(), base_url=place.base_url)
        self._config: Any = client._loop
        self.place = place
        self._ceiling = affordable(place.ceiling)
        self._loop = engine_loop()
        self._line: Line | None = None
        self._engine: asyncio.Task[None] | None = None
        self._waiting: deque[Job] = deque()
        self._taken: dict[int, Job] = {}
        self._news: asyncio.Event | None = None
        self._called = False

    @property
    def idle(self) -> bool:
        """Nothing is in flight or waits."""
        return not self._waiting and not self._taken

    def submit(self, params: dict[str, Any], told: Told | None = None) -> Future[Sent]:
        """Begins to ask, from any thread. `told`: on the loop, before the future is ready."""
        future: Future[Sent] = Future()
        self._waiting.append(Job(0, (future, told), params))
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._wake)
        return future

    def close(self) -> None:
        """Ends what is in flight; from any thread."""
        self._loop.call_soon_threadsafe(self._end)

    # On the loop

    def _wake(self) -> None:
        self._called = False
        if self._news is None:
            self._news = asyncio.Event()
        self._news.set()
        if self._engine is None:
            self._engine = self._loop.create_task(self._run())

    def _end(self) -> None:
        if not self.idle:
            return  # somebody had it in hand when it was put away
        if self._engine is not None:
            self._engine.cancel()
        if self._line is not None:
            self._loop.create_task(self._line.aclose())
            self._line = None

    async def take(self) -> Job:
        """The next job; it never ends, for more may come."""
        assert self._news is not None
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            job = self._waiting.popleft()
            if job.request[0].set_running_or_notify_cancel():
                self._taken[id(job)] = job
                return job

    def _done(self, job: Job) -> None:
        del self._taken[id(job)]
        _tell(job, Sent(None if job.answer is None else job.answer.value, job.error, job.attempts))

    async def _run(self) -> None:
        """An engine until it gives up; the jobs that it leaves have failed as it has, later ones get another engine."""
        place, ended = self.place, APIConnectionError("The program ended before it was answered.")
        bounds = {"rpm": place.rpm, "tpm": place.tpm, "share": place.share}
        self._line = self._line or Line(self._config, self._ceiling)
        ask = AskBytes(self._line, Limits(self._line.config, self._ceiling, bounds))
        settings = Settings(ceiling=self._ceiling, max_retries=place.max_retries, stall=place.stall)
        try:
            await Engine(self, ask, self._done, settings).run()
        except Exception as error:
            self._fail(error.__cause__ or error)
        finally:
            self._engine = None
            for job in [*self._taken.values()]:
                self._left(job, ended)

    def _fail(self, failure: BaseException) -> None:
        """What has not been sent fails as well."""
        while self._waiting:
            job = self._waiting.popleft()
            if job.request[0].set_running_or_notify_cancel():
                self._left(job, failure)
        for job in [*self._taken.values()]:
            self._left(job, failure)

    def _left(self, job: Job, failure: BaseException) -> None:
        self._taken.pop(id(job), None)
        _tell(job, Sent(None, job.error or failure, job.attempts))


def _tell(job: Job, sent: Sent) -> None:
    future, told = job.request
    try:
        if told is not None:
            told(sent)
    finally:
        future.set_result(sent)


_lock = fork.Lock()
_pools: dict[tuple[int, Place], Pool] = {}


def pool_for(place: Place) -> Pool:
    """The pool of this process for this place. Raises as `Pool` does."""
    with _lock:
        for known in [known for known in _pools if known[0] != fork.pid]:
            fork.inherited.append(_pools.pop(known))  # a forked child has its parent's, without the thread they need
        pool = _pools.pop((fork.pid, place), None) or Pool(place)
        idle = [known for known, other in _pools.items() if other.idle]
        for known in idle[: max(0, len(idle) + 1 - KEPT)]:
            _pools.pop(known).close()
        _pools[fork.pid, place] = pool  # the last one: the first are closed first
        return pool
