"""Many requests at a time: jobs go in, each comes out once, with its answer or with why there is none.

In: a Feed of Jobs, a way to ask, controllers that say how many may be in flight. Out: `done(job)` for each.
The rule: memory holds what is in flight. A worker takes a job, waits for leave to send it, sends it, and keeps it until
it is settled, so there are never two copies of one; a limit or a lack of capacity is waited out and counts for nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from types import NoneType
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from togetherpy._core.wire import Headers
from togetherpy.batch.errors import StalledError, SystemicError
from togetherpy.batch.gate import Gate
from togetherpy.batch.verdict import Verdict, judge, may_have_been_billed
from togetherpy.error import APIError, APIStatusError

if TYPE_CHECKING:
    from togetherpy.batch.limit import Limit, Ticket

MAX_RETRIES = 5
STALL = 600.0
GRACE = 60.0
"""Seconds that what is in flight has, to end after `stop`."""
IN_A_ROW = 3
"""Failures that all rows would share, one after the other without a success, that end a run."""
USUAL_ANSWER = 256
"""Tokens, as long as no answer has said what it took."""
BACKOFF = 0.5
MAX_BACKOFF = 30.0

_chance = Random()
_WAITED_OUT = (Verdict.LIMITED, Verdict.CAPACITY)


class Job(msgspec.Struct):
    """One request on its way."""

    index: int
    request: Any
    """What the caller gave."""
    params: dict[str, Any]
    """What is sent."""
    key: str = ""
    """Under which the server knows it, the same in every attempt."""
    answer: Answer | None = None
    error: Exception | None = None
    """Set from the start: it cannot be sent."""
    attempts: int = 0
    """Times that it was sent, without those that ended at a limit or for lack of capacity."""
    seconds: float = 0.0
    """Of the last of them."""
    billed: int = 0
    """Attempts that may have been charged for without an answer."""
    asked_again: int = 0
    """Times that it was changed and sent once more (`reask`)."""


class Answer(msgspec.Struct, frozen=True):
    """What came back for a job."""

    value: Any
    headers: Mapping[str, str]
    tokens: int | None = None
    """That it took, prompt and answer."""


class Feed(Protocol):
    """Where jobs come from."""

    async def take(self) -> Job | None:
        """The next job as soon as there is one; None at the end. Called by one worker at a time."""
        ...


class Ask(Protocol):
    """How a job is sent."""

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        ...

    def __call__(self, job: Job) -> Awaitable[Answer]:
        """Sends it once. Raises what became of it instead."""
        ...

    def again(self, job: Job, error: Exception) -> bool:
        """Whether the job was changed so that it is to be sent once more."""
        ...


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller decides of the engine."""

    ceiling: int = 256
    max_retries: int = MAX_RETRIES
    stall: float = STALL
    grace: float = GRACE


class Engine:
    """One run, on the event loop on which `run` is awaited. Every other method returns at once."""

    def __init__(self, feed: Feed, ask: Ask, done: Callable[[Job], Any], settings: Settings) -> None:
        """`done`: told of each settled job; what it raises ends the run."""
        self._feed, self._ask, self._done, self._settings = feed, ask, done, settings
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._gates: dict[int, Gate] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._reading = asyncio.Lock()
        self._idle = self._busy = 0
        self._exhausted = False
        self._failure: BaseException | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._in_a_row = 0
        self._reached = False
        self._alive_at = 0.0
        self.left_billed: int = 0
        """Attempts that may have been charged for, of jobs that were left unsettled or that nobody could be told of."""
        self.retries: Counter[str] = Counter()
        """Times that a job had to be sent again, by reason."""

    @property
    def in_flight(self) -> int:
        """Requests that are with the server now."""
        return sum(gate.in_flight for gate in self._gates.values())

    @property
    def stopping(self) -> bool:
        """Nothing new is sent."""
        return self._stopped.done()

    async def run(self) -> None:
        """Until every job of the feed is settled, or `stop`.

        Raises:
            BatchError: it cannot go on, and what is not settled can be done later.
            BaseException: what the feed or `done` raised.
        """
        self._spawn()
        self._watch()
        try:
            await self._over
        finally:
            self.stop()
            for timer in (self._watchdog, self._grace):
                if timer is not None:
                    timer.cancel()
            workers = list(self._workers)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def stop(self, failure: BaseException | None = None) -> None:
        """Nothing new is sent; what is in flight may end, for `grace` seconds. `failure`: what `run` raises then."""
        if self._stopped.done():
            return
        self._failure = self._failure or failure
        self._stopped.set_result(None)
        self._grace = self._loop.call_later(self._settings.grace, self.abort)
        for gate in self._gates.values():
            gate.shut()
        if not self._busy:
            self.abort()  # who waits for the feed may wait for ever

    def abort(self, failure: BaseException | None = None) -> None:
        """Ends the run now; what is in flight is given up."""
        failure = failure or self._failure
        if self._over.done():
            return
        if failure is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(failure)

    def _spawn(self) -> None:
        worker = self._loop.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self.abort(error)
        elif not self._workers or (self.stopping and not self._busy):
            self.abort()

    async def _work(self) -> None:
        while (job := await self._take()) is not None:
            self._busy += 1
            if self._busy == 1:
                self._alive_at = time.monotonic()  # before, there was nothing to succeed with
            settled = False
            try:
                settled = job.error is not None or await self._settle(job)
            finally:
                self._busy -= 1
                if not settled:
                    self.left_billed += job.billed
            if not settled:
                return
            try:
                self._done(job)
            except BaseException:
                self.left_billed += job.billed + (job.answer is not None)
                raise

    async def _take(self) -> Job | None:
        """The next job, None when there is no more. What the feed raises is raised when all before it is settled."""
        if self.stopping:
            return None  # whoever has the lock may wait for ever
        self._idle += 1
        try:
            async with self._reading:
                if self._exhausted or self.stopping:
                    return None
                job = await self._feed.take()
                self._exhausted = job is None
                return job
        except Exception as error:
            self._exhausted, self._failure = True, self._failure or error
            return None
        finally:
            self._idle -= 1

    async def _settle(self, job: Job) -> bool:
        """Sends it until there is an answer or a final failure; False when it was left unsettled."""
        gate, retries = self._gate(self._ask.limit(job)), 0
        while True:
            ticket = await gate.leave(_rough(job.params) if gate.usual is None else gate.usual)
            if ticket is None:
                return False
            self._grow(gate)
            error, verdict = await self._send(job, gate, ticket)
            if error is None:
                self._alive_at, self._in_a_row, self._reached = time.monotonic(), 0, True
                return True
            if verdict is Verdict.FINAL and self._ask.again(job, error):
                job.asked_again += 1
                self.retries["asked again"] += 1
                continue
            wait = self._wait_after(job, error, verdict, retries)
            if wait is None:
                return True
            retries += verdict not in _WAITED_OUT
            self.retries[_reason(error)] += 1
            if wait and not await self._pause(wait):
                return False

    def _gate(self, limit: Limit) -> Gate:
        gate = self._gates.get(id(limit))
        if gate is None:
            gate = self._gates[id(limit)] = Gate(limit, self._loop)
            if self.stopping:
                gate.shut()
        return gate

    def _grow(self, gate: Gate) -> None:
        """One more worker, when all have something to do and there is room for more."""
        if (
            not (self._idle or gate.waiting or self._exhausted or self.stopping)
            and len(self._workers) < self._settings.ceiling
            and gate.limit.in_flight < gate.limit.limit
        ):
            self._spawn()

    async def _send(self, job: Job, gate: Gate, ticket: Ticket) -> tuple[Exception | None, Verdict]:
        """Sends the job once and tells the controller what became of it."""
        limit, sent = gate.limit, time.monotonic()
        verdict = Verdict.FINAL
        job.answer = job.error = None
        try:
            job.answer = answer = await self._ask(job)
            now = time.monotonic()
            limit.succeeded(ticket, now, _headers(answer), retried=job.attempts > 0, tokens=answer.tokens)
            if answer.tokens is not None:
                gate.took(answer.tokens)
        except Exception as error:
            now, verdict, job.error = time.monotonic(), judge(error), error
            _tell(limit, ticket, now, error, verdict)
        except BaseException:
            job.billed += 1
            limit.neutral(ticket, time.monotonic())
            raise
        finally:
            gate.ended()
        if verdict not in _WAITED_OUT and isinstance(job.error, (APIError, NoneType)):  # else it was never sent
            job.attempts, job.seconds = job.attempts + 1, now - sent
        return job.error, verdict

    def _wait_after(self, job: Job, error: Exception, verdict: Verdict, retries: int) -> float | None:
        """Seconds until it is sent again, 0 for as soon as the controller lets it; None when it has failed."""
        job.billed += may_have_been_billed(error)
        if verdict in _WAITED_OUT:
            return 0.0
        if verdict is Verdict.UNREACHABLE and (self._reached or retries < self._settings.max_retries):
            return _backoff(retries)
        if verdict in (Verdict.SYSTEMIC, Verdict.UNREACHABLE):
            self._count_systemic(error)
            return None
        self._reached = True
        if verdict is Verdict.TRANSIENT and retries < self._settings.max_retries:
            return max(_backoff(retries), getattr(error, "retry_after", None) or 0.0)
        return None

    def _count_systemic(self, error: Exception) -> None:
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            self.stop(SystemicError(f"Stopped: requests fail in a way that all others would, too. {error}", error))

    async def _pause(self, seconds: float) -> bool:
        """Waits; False when the run ends meanwhile."""
        await asyncio.wait((self._stopped,), timeout=seconds)
        return not self.stopping

    def _watch(self) -> None:
        """No success for `stall` seconds although there was something to do: the run ends."""
        left = stall = self._settings.stall
        if self._busy:
            left = self._alive_at + stall - time.monotonic()
        if left <= 0:
            self.abort(StalledError(f"Nothing succeeded for {stall:g} seconds. {_reasons(self.retries)}"))
        else:
            self._watchdog = self._loop.call_later(left, self._watch)


def _headers(of: Any) -> Headers:
    found: Mapping[str, str] = getattr(of, "headers", None) or {}
    return found if isinstance(found, Headers) else Headers(found)


def _rough(params: dict[str, Any]) -> float:
    """Tokens that a request may take: four characters of the prompt are about one."""
    most = params.get("max_tokens") or params.get("max_completion_tokens") or USUAL_ANSWER
    return len(str(params.get("messages"))) / 4 + (most if isinstance(most, int) else USUAL_ANSWER)


def _tell(limit: Limit, ticket: Ticket, now: float, error: Exception, verdict: Verdict) -> None:
    if verdict is Verdict.LIMITED:
        limit.limited(ticket, now, _headers(error), wall=time.time())
    elif verdict is Verdict.CAPACITY:
        limit.capacity(ticket, now, _headers(error), wall=time.time())
    elif isinstance(error, APIStatusError):
        limit.answered(ticket, now)
    else:
        limit.neutral(ticket, now)


def _reason(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if status:
        return str(status)
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connection" if getattr(error, "phase", None) else "answer"


def _reasons(retries: Counter[str]) -> str:
    if not retries:
        return "No answer came."
    return "Sent again after: " + ", ".join(f"{reason} {count} times" for reason, count in retries.items()) + "."


def _backoff(retries: int) -> float:
    """Uniform in (0.1, 1] of BACKOFF * 2**retries, at most MAX_BACKOFF seconds."""
    return (0.1 + 0.9 * _chance.random()) * min(BACKOFF * 2.0 ** min(retries, 16), MAX_BACKOFF)
